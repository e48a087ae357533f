"""Commands over SSH, as Pulumi's command provider runs them."""

from collections.abc import Mapping

from embedded.drivers import ssh
from embedded.drivers.base import Values
from embedded.drivers.command import Command


class RemoteCommand(Command):
    """A command of the login user's shell on another machine."""

    def check(self, inputs: Values) -> Values:
        return super().check(
            {**inputs, "connection": ssh.with_defaults(inputs["connection"])} if "connection" in inputs else inputs
        )

    def _execute(
        self, text: str, inputs: Values, environment: Mapping[str, str], previous: Mapping[str, str]
    ) -> tuple[int, str, str]:
        return ssh.run(inputs["connection"], text, inputs.get("stdin") or "", environment, previous)
