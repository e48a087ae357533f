"""Closing a site: what both targets have to see to."""

from targets.common.errors import AgentError


def expect_closable(configuration: str, wanted: str, file: str) -> None:
    """Raises where a kept configuration is of a time before ``maintenance``: the site would stay open without a word."""
    if wanted.startswith("default 1") and file not in configuration:
        raise AgentError(
            "the kept Nginx configuration knows no maintenance, the present one stays; way out: "
            "pulumi config rm gateway:rollback, which serves with the configuration that today's templates give"
        )
