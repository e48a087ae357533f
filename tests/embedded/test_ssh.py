"""Remote commands and copies over a real SSH connection to a server on the loopback address, also through a proxy."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import pulumi
import pytest
from pulumi_command import remote

from embedded.drivers import ssh
from embedded.errors import StepError
from embedded.stack import EmbeddedStack
from tests.embedded.conftest import Listener

Make = Callable[..., EmbeddedStack]


@dataclass
class Server:
    """An SSH server that runs what it is told with /bin/sh, for one key; counts its logins."""

    key: asyncssh.SSHKey
    host_key: asyncssh.SSHKey
    port: int = 0
    logins: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.text = self.key.export_private_key().decode()  # has random parts: another one each time

    def connection(self, **more: object) -> Any:
        known = {"privateKey": self.text, "hostKey": self.host_key.export_public_key().decode()}
        return {"host": "127.0.0.1", "port": self.port, "user": "me", "dialErrorLimit": 2, **known, **more}

    async def listen(self) -> asyncssh.SSHAcceptor:
        async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
            self.logins.append(process.get_extra_info("username"))
            child = await asyncio.create_subprocess_shell(
                process.command or "",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, err = await child.communicate(await process.stdin.read())
            process.stdout.write(out)
            process.stderr.write(err)
            process.exit(child.returncode or 0)

        keys = asyncssh.import_authorized_keys(self.key.export_public_key().decode())
        server = await asyncssh.create_server(
            lambda: _Forwarding(),
            "127.0.0.1",
            0,
            server_host_keys=[self.host_key],
            authorized_client_keys=keys,
            process_factory=run,
            encoding=None,
            sftp_factory=True,
        )
        self.port = server.get_port()
        return server


class _Forwarding(asyncssh.SSHServer):
    """Lets a client through to another server: a proxy."""

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return True


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server(asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519"))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(made.listen())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield made
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def test_status_output_and_standard_input_go_through(server: Server) -> None:
    status, out, err = ssh.run(server.connection(), "cat; echo oops >&2; exit 3", "žluťoučký\n", {}, {})
    assert (status, out, err) == (3, "žluťoučký\n", "oops\n")


def test_a_proxy_is_on_the_way(server: Server) -> None:
    connection = server.connection(proxy=server.connection(user="proxy"))
    assert ssh.run(connection, "echo there", "", {}, {})[:2] == (0, "there\n")


def test_another_host_key_is_refused(server: Server) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(StepError, match=r"me@127\.0\.0\.1:\d+ cannot be reached after \d tries: Host key"):
        ssh.run(server.connection(hostKey=other), "true", "", {}, {})


def test_another_key_is_refused(server: Server) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    with pytest.raises(StepError, match="cannot be reached after"):
        ssh.run(server.connection(privateKey=other), "true", "", {}, {})


def test_a_key_that_is_none_is_named_without_being_repeated(server: Server) -> None:
    with pytest.raises(StepError, match=r"the private key for me@127\.0\.0\.1") as caught:
        ssh.run(server.connection(privateKey="hunter2"), "true", "", {}, {})
    assert "hunter2" not in str(caught.value)


def test_nobody_listens(server: Server) -> None:
    with pytest.raises(StepError, match=r"me@127\.0\.0\.1:1 cannot be reached after \d tries"):
        ssh.run(server.connection(port=1), "true", "", {}, {})


def test_a_program_with_remote_commands(server: Server, make_stack: Make, listener: Listener, tmp_path: Path) -> None:
    log, source = tmp_path / "log", tmp_path / "source"
    source.write_text("to be copied")

    def program() -> None:
        key = pulumi.Output.secret(server.connection()["privateKey"])
        connection: Any = {**server.connection(), "privateKey": key}
        made = remote.Command("one", connection=connection, create=f"cat >> {log}", stdin="made\n", delete=f"echo gone >> {log}")
        remote.CopyToRemote(
            "copied",
            connection=connection,
            source=pulumi.FileAsset(str(source)),
            remote_path=str(tmp_path / "new/target"),
            opts=pulumi.ResourceOptions(depends_on=[made]),
        )

    stack = make_stack()
    stack.create()
    assert stack.up(program, listener).errors == ()
    assert (tmp_path / "new/target").read_text() == "to be copied"
    assert "PRIVATE KEY" not in stack.backend.checkpoint.read_text()
    assert "update" not in stack.up(program, listener).changes
    source.write_text("changed")
    assert stack.up(program, listener).changes["update"] == 1
    assert (tmp_path / "new/target").read_text() == "changed"
    assert stack.destroy(listener).errors == ()
    assert log.read_text() == "made\ngone\n"
    assert (tmp_path / "new/target").exists(), "a copy stays, as with the provider"


def test_a_failing_remote_command_says_its_own_words(server: Server, make_stack: Make, listener: Listener) -> None:
    def program() -> None:
        remote.Command("one", connection=server.connection(), create="echo gateway: why >&2; exit 4")

    stack = make_stack()
    stack.create()
    (error,) = stack.up(program, listener).errors
    assert error.startswith("exit status 4: running")
    assert "gateway: why" in error
