"""The wheel in an environment of its own, used in a folder that has its own `hw/` and `sim/`: the script of the documentation runs."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.support.paths import ROOT

SCRIPT = (ROOT / "docs" / "examples" / "first_network.py").read_text()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A user's folder, with packages that must never be imported in place of hwgen's, in the simulator's process neither."""
    folder = tmp_path / "project"
    for name in ("hw", "sim", "compiler", "boards"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise ImportError('the wrong package')\n")
    return folder


def environment(folder: Path, *, pip: bool) -> Path:
    """The interpreter of a new virtual environment."""
    venv.create(folder, with_pip=pip, symlinks=True)
    return folder / "bin" / "python"


def run(python: Path, folder: Path, script: str) -> str:
    """What a script in a folder prints; it must have found the installed package."""
    (folder / "first.py").write_text(f"{script}\nprint('from', hwgen.__file__)\n")
    result = subprocess.run([python, "first.py"], check=False, capture_output=True, text=True, cwd=folder)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"from {python.parents[1]}" in result.stdout
    return result.stdout


def test_script_is_short() -> None:
    assert len(SCRIPT.splitlines()) < 20


@pytest.mark.rtl
def test_plans_predicts_and_simulates(distributions: tuple[Path, Path], elsewhere: Path, tmp_path: Path) -> None:
    """All of the script but its last line, which builds; the packages that hwgen needs are borrowed from this environment."""
    python = environment(tmp_path / "venv", pip=False)
    (packages,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(distributions[1]), str(packages)], check=True)
    (packages / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    lines = SCRIPT.splitlines()
    assert "hwgen.build(" in lines[-1]
    out = run(python, elsewhere, "\n".join(lines[:-1]))
    assert "first on ulx3s-12f" in out and "first: output int8 8x8x8" in out
    assert "first: 0 mismatches over" in out and "1 of 1 passes took exactly the predicted cycles" in out
    assert (elsewhere / "first.vcd").stat().st_size > 1000


@pytest.mark.long
@pytest.mark.build
def test_builds_from_nothing(distributions: tuple[Path, Path], elsewhere: Path, tmp_path: Path) -> None:
    """The whole script after `pip install` of the wheel with its extras into an empty environment."""
    python = environment(tmp_path / "venv", pip=True)
    wheel = f"hwgen[sim,build] @ {distributions[1].as_uri()}"
    subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True)
    assert "timing met" in run(python, elsewhere, SCRIPT)
    assert (elsewhere / "build" / "first" / "first.bit").stat().st_size > 100_000
