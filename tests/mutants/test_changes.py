"""Mutants of sources: which there are, that all of them are Python, and what names them."""

from __future__ import annotations

import ast
import textwrap

import pytest

from tests.mutants.changes import Mutant, mutants
from tests.mutants.sets import SETS
from tests.support.paths import ROOT


def made(source: str) -> dict[str, str]:
    """Kind and changed line of each mutant of a function's body, by `kind: line`."""
    text = "def f(a, b, m, x):\n" + textwrap.indent(source, "    ")
    return {f"{one.kind}: {one.after}": one.where for one in mutants("f.py", text)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("return a < b", {"comparison: return (a <= b)"}),
        ("return a << 2", {"operator: return (a >> 2)", "constant: return a << 3", "constant: return a << 1"}),
        ("return a and b", {"boolean: return (a or b)", "condition: return b", "condition: return a"}),
        ("return not a", {"sign: return a"}),
        ("return max(a, b)", {"extreme: return min(a, b)"}),
        ("return a.max()", {"extreme: return a.min()"}),
        ("return a if x else b", {"condition: return a", "condition: return b"}),
        ("return 0.25 * a", {"constant: return 0.5 * a", "operator: return (0.25 // a)"}),
        ("return a.reshape(a, -1)", set()),
        ('return f"{a + 1}" + "b"', set()),
        ("assert a < 1", set()),
        ("if a:\n    return b", {"dropped: if True:", "dropped: if False:"}),
        ("if x:\n    raise ValueError(1 + a)", {"dropped: if True:", "dropped: if False:"}),
        ("a[0] = b", {"dropped: pass", "constant: a[1] = b", "constant: a[(-1)] = b"}),
        ("c = b\nc = a", {"dropped: pass"}),
        (
            "m.d.sync += [a.eq(b), b.eq(a)]",
            {"dropped: m.d.sync += [*(), b.eq(a)]", "dropped: m.d.sync += [a.eq(b), *()]"},
        ),
        ("with m.If(x):\n    a()", {"condition: with m.If(1):", "condition: with m.If(0):", "dropped: pass"}),
        ("return Mux(x, a, b)", {"condition: return Mux(x, b, a)"}),
        ("return [a for a in b if a]", {"condition: return [a for a in b if True]"}),
    ],
)
def test_changes(source: str, expected: set[str]) -> None:
    assert set(made(source)) == expected


def test_names() -> None:
    source = "LIMIT = 3\n\n\nclass A:\n    size: int = 4\n\n    def f(self, a=5):\n        return 6\n"
    found = mutants("f.py", source)
    assert [(one.where, one.lines) for one in found[::2]] == [
        ("LIMIT", (1, 1)),
        ("A.size", (5, 5)),
        ("A.f", (7, 7)),
        ("A.f", (8, 8)),
    ]


def test_a_key_follows_its_lines() -> None:
    """It is the same wherever the lines move, another one if they change, and another one for each of equal lines."""
    first, second = (
        mutants("f.py", source)[0] for source in ("def f():\n    return 1\n", "\n\ndef f():\n    return  1\n")
    )
    assert first.key == second.key
    assert mutants("f.py", "def f():\n    return 2\n")[0].key != first.key
    twice = mutants("f.py", "def f():\n    g(1)\n    g(1)\n")
    assert len({one.key for one in twice}) == len(twice) == 6


def every(name: str) -> list[Mutant]:
    return SETS[name].mutants(ROOT, 1 << 30, 0)


@pytest.mark.parametrize("name", ["arithmetic", "pll", "limits"])
def test_mutants_are_python(name: str) -> None:
    found = every(name)
    assert len(found) > 50 and len({one.key for one in found}) == len(found)
    for one in found:
        ast.parse(one.of((ROOT / one.path).read_text()))


def test_a_sample_keeps_its_own_when_others_come() -> None:
    few, more = (SETS["planner"].mutants(ROOT, size, 0) for size in (20, 40))
    assert len(few) == 20 and {one.key for one in few} < {one.key for one in more}
    assert {one.key for one in SETS["planner"].mutants(ROOT, 20, 1)} != {one.key for one in few}
