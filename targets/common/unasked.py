"""Whether a standby's code fits the schema, where the database cannot be asked. Standard library only: hosts have it too."""

from collections.abc import Collection

from targets.common.diagnosis import shorten


def refusal(release: str, known: Collection[str], serving: str, brought: Collection[str], reason: str) -> str:
    """Which of the serving release's migrations the other one has not got, in words; '' for none."""
    lacks = sorted(set(brought) - set(known))
    if not lacks:
        return ""
    return (
        f"release {release} does not know migrations of release {serving}, which serves: {', '.join(lacks)}; whether they have "
        f"been applied the database does not say ({shorten(reason)}); way out: mend that, then ask again; or, if this code can "
        "live with that schema: pulumi config set gateway:allowNewerSchema true"
    )
