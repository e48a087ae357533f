"""``python -m ops``: what a person runs around ``pulumi up``.

Exit status: 0 done, 1 the update failed, 2 bad config or arguments, 3 something that is needed is missing.
"""

import os
import shlex
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ops.errors import Stop

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
config_app = typer.Typer(no_args_is_help=True, help="Stack config where there is no Pulumi CLI.")
app.add_typer(config_app, name="config")
StackName = Annotated[str, typer.Option("--stack", help="the Pulumi stack, one per environment")]


class Secrets(str, Enum):
    """Which secrets a rollback serves with."""

    restore = "restore"
    today = "today"


@app.command()
def up(stack: StackName = "dev") -> None:
    """Deploy the stack, and show what serves."""
    from ops.up import up as run

    run(stack, _console())


@app.command()
def preview(stack: StackName = "dev") -> None:
    """Tell what an update would make, switch and take away, and why; nothing is touched."""
    from ops.preview import preview as run

    run(stack, _console())


@app.command()
def down(
    stack: StackName = "dev", data: Annotated[str, typer.Option(help="'delete' removes database and uploads too")] = "keep"
) -> None:
    """Take the stack away; database and uploads are kept."""
    from ops.down import down as run

    run(stack, _console(), data=data == "delete")


@config_app.command("set")
def config_set(
    key: Annotated[str, typer.Argument(help="such as gateway:interface")],
    value: Annotated[str, typer.Argument(help="left out: the value comes on standard input")] = "",
    stack: StackName = "dev",
    secret: Annotated[bool, typer.Option("--secret", help="encrypt it")] = False,
    path: Annotated[bool, typer.Option("--path", help="the key leads into a map or a list")] = False,
) -> None:
    """Write one config value, as pulumi config set does."""
    from ops.engines import open_stack

    opened = open_stack(stack, Console(stderr=True))
    opened.open()
    opened.set_config(key, value or sys.stdin.read().removesuffix("\n"), secret=secret, path=path)


@app.command()
def history(stack: StackName = "dev", last: Annotated[int, typer.Option(min=1, help="how many updates are shown")] = 20) -> None:
    """Show the stack's updates: when, who, what served, what changed."""
    from ops.history import history as run

    run(stack, _console(), last=last)


@app.command()
def status(
    stack: StackName = "dev",
    json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="again each 2 seconds, until Ctrl-C")] = False,
) -> None:
    """Tell how the stack does: what serves, requests, drift. Status 1: something is wrong, 3: it cannot be reached."""
    from ops.status import status as run

    raise typer.Exit(run(stack, _console(), json=json, watch=watch))


@app.command()
def metrics(
    stack: StackName = "dev",
    out: Annotated[Path | None, typer.Option(help="write this file, as node_exporter's textfile collector reads it")] = None,
    listen: Annotated[str, typer.Option(help="answer at [ADDRESS:]PORT; without an address on 127.0.0.1")] = "",
) -> None:
    """Print the stack's figures in Prometheus' text format."""
    from ops.metrics import run

    run(stack, out=out, listen=listen)


@app.command()
def report(
    stack: StackName = "dev",
    out: Annotated[Path | None, typer.Option(help="default: .gateway/report-<stack>.html")] = None,
    last: Annotated[int, typer.Option(min=1, max=20, help="switches that get a chart")] = 6,
) -> None:
    """Write one self-contained HTML page: requests around each switch, instances, what has served, updates."""
    from ops.report import report as run

    run(stack, _console(), out=out, last=last)


@app.command()
def rollback(
    stack: StackName = "dev",
    to: Annotated[int | None, typer.Option(min=1, help="number of the update (default: what served before)")] = None,
    secrets: Annotated[Secrets, typer.Option(help="'today' keeps today's, where those of then cannot be read")] = Secrets.restore,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Go back to an earlier update: code, dependencies, interface, server, env, secrets and proxy together."""
    from ops.rollback import rollback as run

    run(stack, _console(), to=to, secrets=secrets.value, yes=yes)


@app.command()
def diagnose(
    stack: StackName = "dev", minutes: Annotated[int, typer.Option(min=1, help="how far back logs are read")] = 10
) -> None:
    """Say what is wrong with the site as it is now: the cause, the line that shows it, the way out."""
    from ops.diagnose import diagnose as run

    run(stack, _console(), minutes=minutes)


@app.command()
def preflight(stack: StackName = "dev") -> None:
    """Ask whether all is there that an update needs; nothing is touched."""
    from ops.preflight import preflight as run

    run(stack, _console())


@app.command()
def advise(
    path: Annotated[Path, typer.Argument(help="folder of a Django project")],
    json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Say WSGI or ASGI for a project and why, without running it."""
    from ops.advise import advise as run

    run(path, _console(), json=json)


@app.command()
def check(stack: StackName = "dev") -> None:
    """Say which of the project's settings do not agree with how the stack serves it, and what to write."""
    from ops.check import check as run

    run(stack, _console())


@app.command()
def env() -> None:
    """Print what plain pulumi needs: eval "$(python -m ops env)"."""
    from ops.workspace import open_workspace

    for name, value in open_workspace().env.items():
        print(f"export {name}={shlex.quote(value)}")


def _console() -> Console:
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty(), no_color=bool(os.environ.get("NO_COLOR")))


def main() -> None:
    """Run a command; a known end is one message and its status, never a traceback."""
    try:
        app()
    except Stop as stop:
        print(stop, file=sys.stderr)
        sys.exit(stop.status)


if __name__ == "__main__":
    main()
