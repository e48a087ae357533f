"""A file or a text put on another machine by SFTP, as the provider's CopyToRemote does: not atomic, no mode, never taken away."""

import asyncio
import hashlib
import posixpath
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncssh

from embedded.drivers import ssh
from embedded.drivers.base import Diff, Driver, Values, changes
from embedded.errors import NotSupported, StepError
from embedded.values import ASSET, SIGNATURE


class CopyToRemote(Driver):
    """``source`` (a file or a text) to ``remotePath`` on the host of ``connection``."""

    def check(self, inputs: Values) -> Values:
        found = dict(inputs)
        if "connection" in found:
            found["connection"] = ssh.with_defaults(found["connection"])
        source = found.get("source")
        if isinstance(source, Mapping):
            if source.get(SIGNATURE) != ASSET or "uri" in source or ("path" in source and Path(source["path"]).is_dir()):
                raise NotSupported("CopyToRemote of anything but a file or a text")
            found["source"] = {**source, "hash": hashlib.sha256(_content(source)).hexdigest()}
        return found

    def diff(self, old_inputs: Values, old_outputs: Values, inputs: Values) -> Diff:
        def seen(values: Values) -> Values:
            source = values.get("source")
            return {**values, "source": source.get("hash") if isinstance(source, Mapping) else source}

        found = Diff(tuple(changes(seen(old_inputs), seen(inputs))))
        return Diff(found.changed, replace="triggers" in found.keys)

    def create(self, name: str, inputs: Values) -> tuple[str, Values]:
        _copy(inputs)
        return secrets.token_hex(4), dict(inputs)

    def update(self, id_: str, old_outputs: Values, inputs: Values) -> Values:
        old = (old_outputs["source"].get("hash"), old_outputs["remotePath"])
        if old != (inputs["source"].get("hash"), inputs["remotePath"]):
            _copy(inputs)
        return dict(inputs)

    def delete(self, id_: str, inputs: Values, outputs: Values) -> None:
        """The file stays, as with the provider."""


def _content(source: Mapping[str, Any]) -> bytes:
    if "path" not in source:
        return str(source.get("text", "")).encode()
    try:
        return Path(source["path"]).read_bytes()
    except OSError as error:
        raise StepError(f"{source['path']} cannot be read: {error.strerror}") from None


def _copy(inputs: Values) -> None:
    async def work() -> None:
        async with ssh.connected(inputs["connection"]) as client, client.start_sftp_client() as sftp:
            target = inputs["remotePath"]
            if await sftp.isdir(target):
                target = posixpath.join(target, Path(inputs["source"].get("path", "")).name)
            elif parent := posixpath.dirname(target):
                await sftp.makedirs(parent, exist_ok=True)
            async with sftp.open(target, "wb") as file:
                await file.write(_content(inputs["source"]))

    try:
        asyncio.run(work())
    except (OSError, asyncssh.Error) as error:
        raise StepError(f"{inputs['remotePath']} cannot be written: {error}") from None
