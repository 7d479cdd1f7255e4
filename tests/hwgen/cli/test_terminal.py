"""What a person at a terminal sees while a command works, and when it ends."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest

import hwgen.flow.build
import hwgen.flow.plan
from hwgen.cli.console import Console
from hwgen.flow.build import BuildResult
from hwgen.flow.progress import step
from tests.support.command_line import run
from tests.support.sample_report import GOOD

GRAPH = """graph small
  %image : 8x8x3 = input shape=8,8,3
  %a : 8x8x8 = conv2d(%image) channels=8 kernel=3,3 pad=1,1,1,1 weight=a.weight
  return %a
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Makes standard error one, 60 columns wide."""
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    return made


def words(terminal: Terminal) -> str:
    """What was shown, without the terminal's own codes, in lines joined to one."""
    from rich.text import Text

    return " ".join(Text.from_ansi(terminal.getvalue().replace("\r", "\n")).plain.split())


def test_all_of_a_steps_news_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    news = "seed 1 of 3: routing, round 17, 1,234 wires overused, 88 connections too slow; about 12 min left"
    with step(Console(), "place and route") as tell:
        tell(news)
    shown = words(terminal)
    assert f"0:00:00 place and route: {news}" in shown and "…" not in shown
    assert shown.endswith("place and route: done in 0.0 s")


@pytest.mark.parametrize("command", ["plan", "predict"])
def test_commands_that_think_for_a_while_show_it(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While it works alone: with the result nothing of it stays, and in a pipe there is none."""
    monkeypatch.chdir(tmp_path)
    Path("small.graph").write_text(GRAPH)
    np.save("x.npy", np.zeros((8, 8, 3), np.int8))
    more = ["--board", "ulx3s-12f"] if command == "plan" else ["--input", "x.npy"]
    terminal = on_terminal(monkeypatch)
    assert run(capsys, command, "small.graph", *more)[0] == 0
    steps = ["network", "quantiser", "plan" if command == "plan" else "golden model"]
    assert all(f"0:00:00 {name}" in words(terminal) for name in steps)
    assert "done in" not in words(terminal)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert run(capsys, command, "small.graph", *more)[2] == ""


def test_a_build_ends_with_bitstream_slack_and_next_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.graph").write_text(GRAPH)
    monkeypatch.setattr(hwgen.flow.plan, "plan_for", lambda network, target, progress: target.resolve()[0])
    monkeypatch.setattr(
        hwgen.flow.build,
        "build",
        lambda board, folder, seeds, jobs, progress: BuildResult(Path("build/small"), "small.bit", GOOD, board.loader),
    )
    code, out, _ = run(capsys, "build", "small.graph")
    assert code == 0
    assert out.splitlines()[-4:] == [
        "Results are in build/small.",
        "bitstream: build/small/small.bit",
        "slack: 0.43 ns (104.5 MHz reached, 4.5 more than the clock of 100)",
        "next: openFPGALoader -b ulx3s build/small/small.bit",
    ]
