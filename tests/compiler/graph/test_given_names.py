"""Names that are all different, and the time that many equal ones take."""

from __future__ import annotations

import time

from hwgen.compiler.graph.names import Names


def test_a_name_that_is_taken_gets_a_number() -> None:
    names = Names({"x", "y#2"})
    assert [names.new(name) for name in ("x", "y", "y", "x", "z", "y")] == ["x#2", "y", "y#3", "x#3", "z", "y#4"]
    assert Names({"a"}, mark="").new("a") == "a2"


def test_a_number_that_is_taken_is_left_out() -> None:
    names = Names()
    assert [names.new(name) for name in ("x", "x#2", "x", "x#2", "x")] == ["x", "x#2", "x#3", "x#2#2", "x#4"]


def test_many_equal_names_take_a_time_each() -> None:
    """With a search from 2 on for each of them it is 32 million look-ups, some 10 s."""
    names, start = Names(), time.process_time()
    found = {names.new("x") for _ in range(8_000)}
    assert len(found) == 8_000
    assert time.process_time() - start < 1
