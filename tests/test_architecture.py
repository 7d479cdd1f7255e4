"""The folders keep their rules: imports one way, no circle, the instruction set alone for the compiler, the part's names in its rooms."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.architecture import FOLDERS, primitives, violations
from tests.support.paths import ROOT


def test_the_folders_keep_their_rules() -> None:
    assert violations(ROOT) == []


def test_the_cell_library_is_whole() -> None:
    """Kinds of cells that the library defines in different ways: black boxes, models, I/O buffers and registers made by includes."""
    assert {
        "DP16KD",
        "MULT18X18D",
        "EHXPLLL",
        "CCU2C",
        "IB",
        "OFS1P3DX",
        "ODDRX1F",
        "DCCA",
        "TRELLIS_FF",
    } <= primitives()


PLANTED = {
    "against the arrows": (
        "hw/array/feeder.py",
        "from hwgen.compiler.int8 import arithmetic",
        "hw/array/feeder.py:{line}: hw imports hwgen.compiler.int8.arithmetic",
    ),
    "a circle": (
        "hw/lib/fifo.py",
        "from hwgen.hw.array import feeder",
        "import each other in a circle",
    ),
    "more of the hardware than the instruction set": (
        "compiler/plan/planner.py",
        "from hwgen.hw.array.systolic import SystolicArray",
        "compiler/plan/planner.py:{line}: the compiler imports hwgen.hw.array.systolic; of the hardware it may import hw.isa alone",
    ),
    "a primitive's name": (
        "compiler/plan/resources.py",
        "# a DP16KD for each lane",
        "compiler/plan/resources.py:{line}: names the ECP5's primitive DP16KD",
    ),
    "a bare name": (
        "sim/golden.py",
        "import hw.core",
        "sim/golden.py:{line}: hw.core is imported by its bare name",
    ),
    "a test of another test's": (
        "tests/test_elements.py",
        "from tests.compiler.plan.test_planner import full",
        "tests/test_elements.py:{line}: imports from tests.compiler.plan.test_planner",
    ),
    "back in the pipeline": (
        "compiler/lower/lower.py",
        "from hwgen.compiler.plan import planner",
        "compiler/lower/lower.py:{line}: lower imports plan, which comes later in the pipeline",
    ),
}
"""What is planted: file, a line behind its last one, what is said of it."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources with their tests, without documents."""
    root = tmp_path_factory.mktemp("copy")
    for folder in (*FOLDERS, "hwgen", "tests"):
        shutil.copytree(ROOT / folder, root / folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_found(name: str, copy: Path) -> None:
    path, line, message = PLANTED[name]
    file = copy / path
    text = file.read_text()
    try:
        file.write_text(f"{text}\n{line}\n")
        found = violations(copy)
    finally:
        file.write_text(text)
    assert any(message.format(line=text.count("\n") + 2) in entry for entry in found), found
