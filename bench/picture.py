"""One switch under load as a picture, ours above the practice of stop, start and reload: ``docs/switch.svg``.

    python -m bench.picture [--project DIR --stack dev | --private]

Each bar is a quarter of a second: answers by WSGI, answers by ASGI, failed requests.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from bench.lab import ROOT, Missing, lab
from bench.load import Report
from bench.load.recorder import SLICE_SECONDS
from bench.seed import Seed
from bench.site import OTHER, default_project, opened, steady
from bench.switch import under

COLOURS = {"wsgi": "#3b6ea8", "asgi": "#3a9d6e", "failed": "#d0342c"}
WIDTH, HEIGHT, LEFT, BAR_AREA = 860, 330, 14, 92


def svg(ours: Report, theirs: Report) -> str:
    """Both timelines, aligned at the start of the command."""
    legend = "".join(
        f'<rect x="{LEFT + i * 150}" y="{HEIGHT - 22}" width="12" height="12" fill="{colour}"/>'
        f'<text x="{LEFT + 18 + i * 150}" y="{HEIGHT - 12}">{words}</text>'
        for i, (colour, words) in enumerate(
            zip(COLOURS.values(), ("answered by WSGI", "answered by ASGI", "failed"), strict=True)
        )
    )
    rows = _row(ours, 20, "gateway: one line of config, pulumi up") + _row(
        theirs, 170, "stop the old server, start the new one, reload Nginx"
    )
    style = "text{font:13px system-ui,sans-serif;fill:#333}.t{font-weight:600}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Requests per quarter of a second while the interface is switched"><style>{style}</style>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{rows}{legend}</svg>\n'
    )


def _row(report: Report, top: int, title: str) -> str:
    slices: dict[float, dict[str, int]] = {}
    for begin, kind, count in report.timeline:
        slices.setdefault(begin, {})[kind] = count
    # the last slice is cut short by the end of the load
    whole = {begin: counts for begin, counts in slices.items() if begin + SLICE_SECONDS <= report.seconds}
    tallest = max(sum(counts.values()) for counts in whole.values())
    step = (WIDTH - 2 * LEFT) / (report.seconds / SLICE_SECONDS)
    base, parts = top + 24 + BAR_AREA, []
    for begin, counts in whole.items():
        x, y = LEFT + begin / SLICE_SECONDS * step, float(base)
        for kind, colour in COLOURS.items():
            height = counts.get(kind, 0) / tallest * BAR_AREA
            y -= height
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(step - 0.8, 0.8):.1f}" height="{height:.1f}" fill="{colour}"/>'
            )
    told = f"{report.failed} of {report.sent} requests failed, longest gap {report.longest_gap_ms:.0f} ms"
    heading = (
        f'<text class="t" x="{LEFT}" y="{top}">{title}</text><text x="{WIDTH - LEFT}" y="{top}" text-anchor="end">{told}</text>'
    )
    line = f'<line x1="{LEFT}" x2="{WIDTH - LEFT}" y1="{base}" y2="{base}" stroke="#999"/>'
    return heading + "".join(parts) + line


def main() -> int:
    """Switch both ways once, to ASGI, and draw. Exit status 3 when something that is needed is missing."""
    parser = argparse.ArgumentParser(prog="python -m bench.picture", description=__doc__)
    parser.add_argument("--project", type=Path, default=default_project())
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--private", action="store_true", help="a copy of its own instead of --project")
    parser.add_argument("--app", default="shop")
    args = parser.parse_args()
    console = Console()
    try:
        with lab(args.app) as made, opened(args.project, args.stack, private=args.private) as site:
            site.want("wsgi")
            site.up()
            seed = Seed.start(made)
            site.want(OTHER["wsgi"])
            ours, _ = under(site.load(), site.up)
            theirs, _ = under(steady(f"http://{seed.address}", "localhost"), seed.switch)
    except Missing as missing:
        console.print(f"skipped: {missing}")
        return 3
    path = ROOT / "docs/switch.svg"
    path.write_text(svg(ours, theirs))
    console.print(f"{path.relative_to(ROOT)}: ours {ours.failed} failed, the practice {theirs.failed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
