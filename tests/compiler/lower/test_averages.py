"""Divisor and scales of local average pools, up to the widest scale that a descriptor has."""

from __future__ import annotations

import pytest

from hwgen.compiler.graph.window import Window
from hwgen.compiler.lower.averages import Averages, averages


def test_scales_of_cut_windows() -> None:
    """3 x 3 with a border of one: 9, 6 or 4 valid elements of 36."""
    assert averages(Window((3, 3), (1, 1), (1, 1, 1, 1)), 8, 8) == Averages(36, (4, 6, 6, 9))


@pytest.mark.parametrize(("rows", "expected"), [(63, Averages(63, (1, 63, 1, 63))), (64, None)])
def test_largest_scale(rows: int, expected: Averages | None) -> None:
    """The first window sees one of its rows: its sum takes the scale `rows`, of 6 bits."""
    window = Window((rows, 1), (rows - 1, 1), (rows - 1, 0, 0, 0))
    assert averages(window, rows, 4) == expected


@pytest.mark.parametrize("border", [1, 2])
def test_windows_without_any_element(border: int) -> None:
    """There is nothing to divide by."""
    assert averages(Window((1, 1), (border, 1), (border, border, 0, 0)), 4, 4) is None
