"""python -m tests.own_network PORTS FOLDER READ WRITE -- COMMAND...

Runs COMMAND in the network that ``unshare --net`` has made, which has a loopback alone: whatever connects there to one of PORTS
(with commas between) is led out of it through a unix socket in FOLDER. READ and WRITE are file descriptors that the command
gets as 3 and 4.

A browser looks at the machine's interfaces and breaks off whatever it is loading when one of them changes
(ERR_NETWORK_CHANGED). With each container that this or another test starts and stops one does.
"""

import contextlib
import fcntl
import os
import shutil
import socket
import socketserver
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def unshare() -> list[str]:
    """What makes a network for a command; where that is not allowed the test is skipped."""
    made = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    if not shutil.which("unshare") or subprocess.run([*made, "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare makes no network here (apt install util-linux, and CAP_SYS_ADMIN or user namespaces)")
    return made


def unshared(ports: Sequence[int], folder: Path, read: int, write: int, command: list[str]) -> list[str]:
    """The command line for it."""
    told = [sys.executable, "-m", "tests.own_network", ",".join(map(str, ports)), str(folder), str(read), str(write)]
    return [*unshare(), *told, "--", *command]


@contextlib.contextmanager
def way_out(ports: Sequence[int], folder: Path) -> Iterator[None]:
    """The other ends of the unix sockets: they lead to those ports of this machine."""
    with contextlib.ExitStack() as stack:
        for port in ports:
            server = stack.enter_context(_Unix(f"{folder}/{port}", _leading(socket.AF_INET, ("127.0.0.1", port))))
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(server.shutdown)
        yield


class _Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads, request_queue_size, block_on_close = True, 64, False


class _Tcp(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads, request_queue_size, block_on_close = True, 64, False


def _leading(family: int, to: str | tuple[str, int]) -> type[socketserver.BaseRequestHandler]:
    """Passes each connection on."""

    class Leading(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(family) as there:
                there.connect(to)
                back = threading.Thread(target=_copy, args=(there, self.request), daemon=True)
                back.start()
                _copy(self.request, there)
                back.join()

    return Leading


def _copy(source: socket.socket, sink: socket.socket) -> None:
    """Until the source ends; then the sink is told so."""
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            sink.sendall(part)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def main(ports: str, folder: str, read: str, write: str, _: str, *command: str) -> int:
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    given = [os.dup(int(number)) for number in (read, write)]  # out of the way: either may be 3 or 4 already
    for number, own in zip(given, (3, 4), strict=True):
        os.dup2(number, own)
    for port in ports.split(","):
        server = _Tcp(("127.0.0.1", int(port)), _leading(socket.AF_UNIX, f"{folder}/{port}"))
        threading.Thread(target=server.serve_forever, daemon=True).start()
    return subprocess.run(command, pass_fds=(3, 4), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
