"""Mutants in a small tree: which tests are run, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.changes import Mutant, mutants
from tests.mutants.hits import BaselineError, Reached
from tests.mutants.running import Tree

SOURCE = """LIMIT = 3


def clamped(value):
    return min(value, LIMIT)


def doubled(value):
    while value < 0:
        value += 1
    return 2 * value
"""
TESTS = """import os
import pytest
from hwgen.hw.small import clamped, doubled


@pytest.fixture(scope="module")
def four():
    return doubled(2)


def test_clamped():
    assert clamped(5) == 3


def test_doubled(four):
    assert four == 4


def test_again(four):
    assert four == 4 and doubled(-1) == 0
"""
FILE = "tests/test_small.py"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    for name, text in (
        ("hw/__init__.py", ""),
        ("hw/small.py", SOURCE),
        ("hwgen/__init__.py", ""),
        ("tests/__init__.py", ""),
        (FILE, TESTS),
    ):
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(text)
    (tmp_path / "root" / "hwgen" / "hw").symlink_to("../hw")
    (tmp_path / "work").mkdir()
    return Tree(tmp_path / "root", tmp_path / "work")


def of(change: str) -> Mutant:
    (found,) = [one for one in mutants("hw/small.py", SOURCE) if one.after == change]
    return found


def reached(tree: Tree, mutant: Mutant) -> list[str]:
    found = Reached(tree, tree.log.with_name("hits.json"), ["hw/small.py"]).tests(mutant, [FILE], simulators=False)
    return sorted(name.split("::")[1] for name, _, _ in found)


def test_only_tests_that_run_the_line(tree: Tree) -> None:
    """A shared fixture's lines count for all that use it, those of an import for all tests."""
    assert reached(tree, of("return max(value, LIMIT)")) == ["test_clamped"]
    assert reached(tree, of("return (2 // value)")) == ["test_again", "test_doubled"]
    assert reached(tree, of("value += 2")) == ["test_again"]
    assert reached(tree, of("LIMIT = 4")) == ["test_again", "test_clamped", "test_doubled"]


def test_outcomes(tree: Tree) -> None:
    before = (tree.copy / "hw/small.py").read_text()
    with tree.changed(of("LIMIT = 4")):
        assert tree.first_failure([FILE], 60.0).value == f"{FILE}::test_clamped"
    assert (tree.copy / "hw/small.py").read_text() == before
    assert tree.first_failure([FILE], 60.0).value == ""
    with tree.changed(of("pass")):  # a loop without end
        ended = tree.first_failure([f"{FILE}::test_again"], 3.0)
    assert ended.late and ended.value is None


def test_tests_that_fail_anyway_are_an_error(tree: Tree) -> None:
    file = tree.copy / FILE
    file.write_text(file.read_text().replace("== 3", "== 4"))
    with pytest.raises(
        BaselineError, match="tests/test_small.py::test_clamped fails without any change; see .*last.log"
    ):
        reached(tree, of("LIMIT = 4"))
