"""SSH connections as the command provider has them, on asyncssh: host key as given, one proxy on the way, a few tries."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncssh

from embedded.errors import StepError
from embedded.values import Secret, plain

DEFAULTS = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
SECRET = ("password", "privateKey", "privateKeyPassword")
PAUSE, FACTOR, LONGEST = 0.1, 1.5, 5.0
"""Seconds between two tries."""


def with_defaults(connection: Any) -> Any:
    """The connection with what the provider fills in; a secret one stays a secret."""
    if isinstance(connection, Secret):
        return Secret(with_defaults(connection.value), connection.ciphertext)
    if not isinstance(connection, Mapping):
        return connection
    found = {**DEFAULTS, **connection}
    for key in SECRET:
        if key in found and not isinstance(found[key], Secret):
            found[key] = Secret(found[key])
    if "proxy" in found:
        found["proxy"] = with_defaults(found["proxy"])
    return found


def run(
    connection: Mapping[str, Any], text: str, stdin: str, environment: Mapping[str, str], previous: Mapping[str, str]
) -> tuple[int, str, str]:
    """Status, standard output and standard error of a command. Raises ``StepError`` when the host cannot be reached.

    Variables reach the command only where sshd has AcceptEnv for them; sshd drops others without a word.
    """

    async def work() -> tuple[int, str, str]:
        async with connected(connection) as client:
            # An empty text as input would leave the command's standard input open for ever.
            given: dict[str, Any] = {"input": stdin} if stdin else {"stdin": asyncssh.DEVNULL}
            done = await client.run(text, env={**environment, **previous}, encoding="utf-8", errors="replace", **given)
            status = done.exit_status if done.exit_status is not None else 255
            return status, str(done.stdout or ""), str(done.stderr or "")

    return asyncio.run(work())


@asynccontextmanager
async def connected(connection: Mapping[str, Any]) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A connection, through ``proxy`` where there is one."""
    proxy = connection.get("proxy")
    if proxy is None:
        client = await _dial(connection, None)
        async with client:
            yield client
        return
    async with await _dial(proxy, None) as tunnel, await _dial(connection, tunnel) as client:
        yield client


async def _dial(connection: Mapping[str, Any], tunnel: asyncssh.SSHClientConnection | None) -> asyncssh.SSHClientConnection:
    options = {**DEFAULTS, **plain(connection)}
    where = f"{options['user']}@{options['host']}:{int(options['port'])}"
    tries, pause = int(options["dialErrorLimit"]), PAUSE
    known = _known_hosts(options, where)
    keys = _keys(options, where)
    number = 0
    while True:
        number += 1
        try:
            return await asyncssh.connect(
                options["host"],
                int(options["port"]),
                username=options["user"],
                password=options.get("password"),
                client_keys=keys,
                known_hosts=known,
                tunnel=tunnel,
                config=None,
                agent_path=options.get("agentSocketPath") or os.environ.get("SSH_AUTH_SOCK") or None,
                connect_timeout=options["perDialTimeout"] or None,
                login_timeout=options["perDialTimeout"] or 0,
            )
        except (OSError, asyncssh.Error, asyncio.TimeoutError) as error:
            if 0 <= tries < number + 1:
                reason = str(error) or type(error).__name__
                raise StepError(f"{where} cannot be reached after {number} tries: {reason}") from None
        await asyncio.sleep(pause)
        pause = min(pause * FACTOR, LONGEST)


def _keys(options: Mapping[str, Any], where: str) -> Any:
    if not options.get("privateKey"):
        return () if options.get("agentSocketPath") or os.environ.get("SSH_AUTH_SOCK") else None
    try:
        return [asyncssh.import_private_key(options["privateKey"], options.get("privateKeyPassword"))]
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise StepError(f"the private key for {where} cannot be read: {error}") from None


def _known_hosts(options: Mapping[str, Any], where: str) -> Any:
    if not options.get("hostKey"):
        return None  # as the provider: whoever wants the check gives the key
    try:
        return ([asyncssh.import_public_key(options["hostKey"])], [], [])
    except asyncssh.KeyImportError as error:
        raise StepError(f"the host key for {where} cannot be read: {error}") from None
