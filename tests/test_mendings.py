"""The tables of mended faults suit the tree, and the command that plants them tells a found fault from one that survives."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.mendings.__main__ import main
from tests.mendings.table import TABLES, read_tables, stale
from tests.support.paths import ROOT

MODULE = '''"""Adds."""

def plus(a, b):
    return a + b

def minus(a, b):
    return a - b
'''

TESTS = """from module import minus, plus

def test_plus():
    assert plus(1, 2) == 3

def test_minus():
    assert minus(2, 2) == 0
"""

TABLE = """
[[mending]]
what = "a sum is a product"
file = "module.py"
now = "a + b"
without = "a * b"
tests = ["tests/test_module.py::test_plus"]

[[mending]]
what = "a difference is a remainder"
file = "module.py"
now = "a - b"
without = "a % b"
tests = ["tests/test_module.py::test_minus"]

[[mending]]
what = "a sum of what is not there"
file = "module.py"
now = "a + b"
without = "a + c"
tests = ["tests/test_module.py::test_plus"]
"""


def test_every_entry_suits_the_tree() -> None:
    mendings = read_tables()
    assert stale(mendings, ROOT) == []
    assert len({mending.what for mending in mendings}) == len(mendings) > 100


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree and a table."""
    (tmp_path / "tests" / "mendings").mkdir(parents=True)
    (tmp_path / "table").mkdir()
    for folder in ("tests", "tests/mendings"):
        (tmp_path / folder / "__init__.py").touch()
    shutil.copy(TABLES / "outcome.py", tmp_path / "tests" / "mendings")
    (tmp_path / "module.py").write_text(MODULE)
    (tmp_path / "tests" / "test_module.py").write_text(TESTS)
    (tmp_path / "table" / "faults.toml").write_text(TABLE)
    return tmp_path


def run(tree: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str], list[str]]:
    """Exit code, and lines on standard output and error."""
    code = main(["--root", str(tree), "--tables", str(tree / "table")])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err.splitlines()


def test_found_and_survived(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that its test finds, one that it does not, one that ends in something else than its assertion."""
    code, lines, _ = run(tree, capsys)
    assert code == 1 and (tree / "module.py").read_text() == MODULE
    shown = [(line.split()[0], line.partition(" s  ")[2]) for line in lines if line[0] != " "]
    assert shown[:3] == [
        ("found", "a sum is a product"),
        ("SURVIVED", "a difference is a remainder"),
        ("SURVIVED", "a sum of what is not there"),
    ]
    assert lines[-1] == "3 mendings taken out one by one: 1 found, 2 survived"
    assert "tests/test_module.py::test_minus: it does not fail" in lines[2]
    assert "test_plus: call: NameError: name 'c' is not defined" in lines[5]


def test_entries_that_are_stale(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "module.py").write_text(MODULE + "\ndouble = lambda a, b: a + b\n")
    (tree / "tests" / "test_module.py").write_text(TESTS.replace("test_minus", "test_less"))
    code, out, lines = run(tree, capsys)
    assert (code, out) == (2, [])
    assert [line.partition(": ")[2] for line in lines] == [
        "the text of the mending stands 2 times in module.py, not once",
        "there is no test tests/test_module.py::test_minus",
        "the text of the mending stands 2 times in module.py, not once",
    ]


def test_tests_that_fail_anyway(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "tests" / "test_module.py").write_text(TESTS.replace("== 3", "== 4"))
    code, lines, _ = run(tree, capsys)
    assert code == 1 and lines == ["before anything is taken out:", "  tests/test_module.py::test_plus: own assertion"]


def test_none_that_is_meant(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would be every test otherwise."""
    assert main(["--root", str(tree), "--tables", str(tree / "table"), "--only", "absent"]) == 2
    assert capsys.readouterr() == ("", "no mending has 'absent' in its line, files or tests\n")
