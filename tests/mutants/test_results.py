"""What is kept of a run, and the list of equal mutants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.mutants.__main__ import report, stale
from tests.mutants.changes import mutants
from tests.mutants.results import KILLED, SURVIVED, Argued, Outcome, Results, argued, digest

TESTS = ["a_test.py", "b_test.py"]


def test_what_is_known_is_known_as_long_as_nothing_changed(tmp_path: Path) -> None:
    for name, text in (("f.py", "LIMIT = 1\n"), ("a_test.py", "a"), ("b_test.py", "b")):
        (tmp_path / name).write_text(text)
    first, second = mutants("f.py", "LIMIT = 1\n")
    source, both = digest(tmp_path, ["f.py"]), digest(tmp_path, TESTS)
    results = Results(tmp_path / "results.jsonl")
    results.add(Outcome(first.key, KILLED, "b_test.py::test", source, digest(tmp_path, ["b_test.py"]), 1.0))
    results.add(Outcome(second.key, SURVIVED, "2 tests pass", source, both, 1.0))
    with (tmp_path / "results.jsonl").open("a") as file:
        file.write('{"key": "half a li')
    again = Results(tmp_path / "results.jsonl")
    assert [again.valid(one, tmp_path, TESTS) is not None for one in (first, second)] == [True, True]
    (tmp_path / "a_test.py").write_text("more tests")  # another one may notice what survived; what was noticed stays so
    assert [again.valid(one, tmp_path, TESTS) is not None for one in (first, second)] == [True, False]
    (tmp_path / "b_test.py").write_text("another test")
    assert again.valid(first, tmp_path, TESTS) is None and again.killer(first) == "b_test.py::test"
    (tmp_path / "b_test.py").write_text("b")
    (tmp_path / "f.py").write_text("LIMIT = 1  # for a reason\n")
    assert again.valid(first, tmp_path, TESTS) is None


def test_a_survivor_must_be_argued(tmp_path: Path) -> None:
    found = mutants("hw/__init__.py", "LIMIT = 1\n" * 40)
    outcomes = {one.key: Outcome(one.key, KILLED, "", "", "", 0.0) for one in found}
    assert report("all killed", found, outcomes, {}, tmp_path)
    one = found[-1]
    outcomes[one.key] = replace(outcomes[one.key], result=SURVIVED)
    equal = {one.key: Argued(one.key, one.path, "", "")}
    assert report("argued", found, outcomes, equal, tmp_path)
    for other in found[:5]:
        outcomes[other.key] = replace(outcomes[other.key], result=SURVIVED)
        equal[other.key] = Argued(other.key, other.path, "", "")
    assert not report("too many", found, outcomes, equal, tmp_path)


def test_the_list_of_equal_mutants() -> None:
    """Each has a proof, and is a mutant of today's sources."""
    equal = argued()
    assert equal and all(len(one.proof) > 20 for one in equal.values())
    assert stale(equal) == []
    old = Argued("0" * 16, "compiler/int8/k_loop.py", "a line of yesterday", "")
    assert stale({old.key: old}) == ["compiler/int8/k_loop.py: a line of yesterday"]
