"""Programs that hwgen runs end with it, even when it is killed, and after their time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hwgen.child import child_command
from tests.support.paths import ROOT

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's end")

PARENT = """
import sys
from pathlib import Path
from hwgen.boards.tools import Tool, run_tool

sys.path.insert(0, ".")
tool = Tool("endless", "none", "endless", "run", "waits")
run_tool(tool, [], folder=Path(), log=Path("log"), progress=print, news=lambda line: line)
"""

ENDLESS = """
import os, time

def run():
    print("x", os.getpid(), flush=True)
    time.sleep(600)
"""


def is_running(pid: int) -> bool:
    """Whether there is such a process that is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@LINUX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_tool_ends_with_a_killed_build(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    command = [sys.executable, "-u", "-c", PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline().split()[1])
        assert is_running(pid)
        parent.send_signal(number)
    end = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.05)
    running = is_running(pid)
    if running:
        os.kill(pid, signal.SIGKILL)
    assert not running


def test_a_parent_that_has_ended_already(tmp_path: Path) -> None:
    command = child_command([sys.executable, "-c", "open('started', 'w')"])
    command[command.index(str(os.getpid()))] = "1"
    assert subprocess.run(command, check=False, cwd=tmp_path).returncode == 0
    assert os.getppid() == 1 or not (tmp_path / "started").exists()


def test_time_limit() -> None:
    begun = time.monotonic()
    command = child_command([sys.executable, "-c", "import time; time.sleep(60)"], limit_s=1)
    assert subprocess.run(command, check=False).returncode == -signal.SIGALRM
    assert time.monotonic() - begun < 30


def test_the_command_is_as_without(tmp_path: Path) -> None:
    """Its arguments, its exit status, and signals that Python ignores for itself."""
    folder = tmp_path / "with blank"
    folder.mkdir()
    script = "trap : USR1; echo $1; kill -PIPE $$; exit 3"
    shell = ["sh", "-c", script, "sh", "a b"]
    direct, child = (
        subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
        for command in (shell, child_command(shell))
    )
    assert (child.returncode, child.stdout) == (direct.returncode, direct.stdout) == (-signal.SIGPIPE, "a b\n")
