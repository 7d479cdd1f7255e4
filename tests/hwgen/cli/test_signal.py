"""Ctrl-C, or the end of the job, at any moment of a command: one line, exit code 2, nothing left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hwgen.errors import INTERRUPTED
from tests.support.paths import ROOT

LINE = f"hwgen: {INTERRUPTED}"
NUMBERS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


def signalled(arguments: list[str], ready: str, number: signal.Signals, folder: Path) -> tuple[int, list[str]]:
    """Exit code and lines on standard error of a Python process that gets a signal when it has printed `ready` there."""

    def listen() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell lets its background jobs ignore it

    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, *arguments], stderr=subprocess.PIPE, text=True, env=environment, cwd=folder, preexec_fn=listen
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == f"{ready}\n"
        process.send_signal(number)
        rest = process.stderr.read().splitlines()
    return process.returncode, [line for line in rest if line]


@NUMBERS
def test_while_the_network_is_read(number: signal.Signals, tmp_path: Path) -> None:
    arguments = ["-m", "hwgen", "build", "shufflenet_v2"]
    assert signalled(arguments, "network ...", number, tmp_path) == (2, [LINE])
    assert not (tmp_path / "build").exists()


START = """
import builtins, sys
import hwgen.__main__

real = builtins.__import__

def slow(name, *rest, **options):
    if name == "click":
        print("loading", file=sys.stderr, flush=True)
        import time; time.sleep(60)
    return real(name, *rest, **options)

builtins.__import__ = slow
hwgen.__main__.main()
"""


def test_while_it_loads(tmp_path: Path) -> None:
    assert signalled(["-c", START], "loading", signal.SIGINT, tmp_path) == (2, [LINE])


END = """
import atexit, sys, time
import hwgen.__main__

def late():
    print("ending", file=sys.stderr, flush=True)
    time.sleep(1)

atexit.register(late)
sys.argv = ["hwgen", "--version"]
hwgen.__main__.main()
"""


@NUMBERS
def test_when_all_is_done(number: signal.Signals, tmp_path: Path) -> None:
    assert signalled(["-c", END], "ending", number, tmp_path) == (0, [])


DESIGN = """
import sys, time
import hwgen.__main__
import hwgen.cli
from amaranth.hdl import Fragment, Module

def design(*arguments, **options):
    Fragment.get(Module(), None)  # before the first one is elaborated Amaranth says nothing of the others
    kept = [Module() for _ in range(76)]
    print("designing", file=sys.stderr, flush=True)
    time.sleep(60)

hwgen.cli.cli.main = design
hwgen.__main__.main()
"""


def test_while_a_design_is_made(tmp_path: Path) -> None:
    """Amaranth would warn of each part that is not used."""
    assert signalled(["-c", DESIGN], "designing", signal.SIGINT, tmp_path) == (2, [LINE])
