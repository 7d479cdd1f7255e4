"""Runs a command that ends with the process that wants it, however that ends, and after so many seconds: `child_command` says how."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_SET_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux' prctl(2); kept by exec."""


def child_command(command: Sequence[str], limit_s: int = 0) -> list[str]:
    """The command to start in place of `command`, from this process itself.

    It is killed when this process ends, even by SIGKILL (on Linux; other systems let it finish), and by SIGALRM after `limit_s`
    seconds, 0: never.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(limit_s), *command]


def _become(parent: int, limit_s: int, command: list[str]) -> None:
    """Turn this process into the command."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended already
        return
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and the command would too
    signal.alarm(limit_s)
    os.execvp(command[0], command)


if __name__ == "__main__":
    _become(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
