"""``make up`` on the embedded engine that kills itself: ``python -m kill_at N STACK``.

A boundary is right before and right after each write of the state: between two of them nothing can be lost or found but by a step
itself. Runs in a deployment's folder.
"""

import os
import runpy
import signal
import sys

from embedded.backend import Backend

REACHED = 0
LIMIT = int(sys.argv[1])
save = Backend.save


def boundary() -> None:
    global REACHED
    REACHED += 1
    if REACHED == LIMIT:
        os.kill(os.getpid(), signal.SIGKILL)


def killing(self: Backend, deployment: str | None, *, backup: bool = False) -> None:
    boundary()
    save(self, deployment, backup=backup)
    boundary()


Backend.save = killing  # type: ignore[method-assign]
sys.argv = ["ops", "up", "--stack", sys.argv[2]]
runpy.run_module("ops", run_name="__main__")
