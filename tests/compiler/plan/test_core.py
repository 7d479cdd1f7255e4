"""The parts of the choice of a core, each alone: which arrays, how many lanes, how the memory is shared out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.plan import core
from hwgen.compiler.plan.core import ACTIVATION_MOST, SHAPES, WEIGHT_DEPTHS, fewer_lanes, memories, shapes
from hwgen.compiler.plan.resources import Resources
from hwgen.compiler.plan.target import Part
from hwgen.errors import ResourceError
from hwgen.hw.isa.config import CoreConfig
from tests.support.small_board import SmallBoard


def part(dsp: int = 156, ebr: int = 208) -> Part:
    return SmallBoard(dsp, ebr).part


def rows_of(least: Callable[[int], int] = lambda cols: 0, depths: tuple[int, ...] = ()) -> Lowered:
    """A network that needs so many rows at least; of pointwise passes with so many steps each."""
    passes = [SimpleNamespace(depth=depth, array_node=0, height=1, width=1, channels=1) for depth in depths]
    return cast(Lowered, SimpleNamespace(least_rows=least, passes=passes, k_steps=1))


ALL = [(13, 12), (9, 16), (16, 8), (12, 12), (10, 12), (7, 12), (8, 8), (6, 12), (7, 4), (4, 4)]


@pytest.mark.parametrize(
    ("dsp", "expected"),
    [(156, ALL), (155, ALL[1:]), (143, [(16, 8), *ALL[4:]]), (119, ALL[5:]), (28, ALL[8:]), (16, ALL[9:])],
)
def test_arrays_that_a_part_has_multipliers_for(dsp: int, expected: list[tuple[int, int]]) -> None:
    assert list(SHAPES) == ALL
    assert shapes(rows_of(), part(dsp)) == expected


def test_arrays_have_the_rows_that_a_network_needs() -> None:
    assert shapes(rows_of(lambda cols: cols), part()) == [(13, 12), (16, 8), (12, 12), (8, 8), (7, 4), (4, 4)]
    with pytest.raises(ResourceError, match="has 15 multipliers; the smallest array needs 16"):
        shapes(rows_of(), part(15))


@pytest.mark.parametrize(("cycles", "first"), [(84, (9, 16)), (85, (13, 12)), (86, (13, 12)), (101, (13, 12))])
def test_another_array_must_be_much_faster(
    cycles: int, first: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Less than 85 % of the favourite's cycles; behind the first one the others stand by their cycles."""
    known = {(13, 12): 100, (9, 16): cycles, (4, 4): 150}
    monkeypatch.setattr(core, "array_cycles", lambda item, rows, cols: known.get((rows, cols), 200 + rows))
    found = core._by_speed(rows_of(depths=(1,)), part())
    others = [(13, 12), (9, 16), (4, 4), (6, 12), (7, 12), (7, 4), (8, 8), (10, 12), (12, 12), (16, 8)]
    others.sort(key=lambda shape: known.get(shape, 200))
    assert found == [first, *(shape for shape in others if shape != first)]


@dataclass(frozen=True)
class Needs:
    """Says what is short."""

    words: tuple[str, ...]

    def short(self, _: Part) -> list[str]:
        return list(self.words)


@pytest.mark.parametrize(("most", "lanes"), [(9, 4), (4, 4), (3, 2), (1, 1), (0, 0), (-1, None)])
def test_combine_lanes_are_halved_until_the_logic_fits(
    most: int, lanes: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def needs(config: CoreConfig, _: Any) -> Needs:
        return Needs(() if config.combine_lanes <= most else ("LUT",))

    monkeypatch.setattr(core, "resources", needs)
    config = CoreConfig(rows=16, cols=8, combine_lanes=4)
    found = fewer_lanes(config, part())
    if lanes in (None, 0):  # a core that combines has a lane at least
        assert found is None
    else:
        assert found == replace(config, combine_lanes=lanes)


def test_shared_taps_go_before_combine_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    def needs(config: CoreConfig, _: Any) -> Needs:
        return Needs(("LUT",) if config.shared_taps and config.combine_lanes > most else ())

    monkeypatch.setattr(core, "resources", needs)
    config = CoreConfig(rows=16, cols=8, combine_lanes=4, shared_taps=True)
    most = 3
    assert fewer_lanes(config, part()) == replace(config, shared_taps=False)
    most = 4
    assert fewer_lanes(config, part()) == config


def counted(config: CoreConfig, _: Any) -> Resources:
    """Ten blocks for the rest, one for each 1,024 weights and eight for each 2,048 words of activations."""
    blocks = {"rest": 10, "weights": config.weight_depth // 1024, "activations": config.activation_depth // 256}
    return Resources(0, 0, 0, blocks)


def shared_out(blocks: int, step: int, weights: int) -> list[tuple[int, int]]:
    """(weight depth, activation depth) of every core."""
    base = CoreConfig(rows=16, cols=8)
    return [(one.weight_depth, one.activation_depth) for one in memories(base, part(ebr=blocks), step, weights)]


def test_memory_is_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "resources", counted)
    assert list(WEIGHT_DEPTHS) == [16384, 8192, 4096, 2048] and ACTIVATION_MOST == 16384
    assert shared_out(50, 2048, 0) == [(16384, 6144), (8192, 8192)]  # the smaller ones leave less than a step more
    assert shared_out(50, 1024, 0) == [(16384, 6144), (8192, 8192), (4096, 9216)]
    assert shared_out(49, 1024, 4097) == [(16384, 5120), (8192, 7168)]
    assert shared_out(34, 2048, 0) == [(16384, 2048), (8192, 4096)]
    assert shared_out(33, 2048, 0) == [(8192, 2048), (4096, 4096)]
    assert shared_out(999, 2048, 0) == [(16384, 16384)]
    with pytest.raises(ResourceError, match="the smallest core needs 30 block RAM of 25, 5 short; take a larger part"):
        shared_out(25, 1024, 8193)


def test_without_room_for_any_core_the_smallest_window_is_told_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "array_cycles", lambda item, rows, cols: rows * cols)
    monkeypatch.setattr(core, "core_of", lambda lowered, part, shape, lanes: CoreConfig(window_lanes=lanes))
    monkeypatch.setattr(core, "frame_estimate", lambda lowered, config: 100 - config.window_lanes)
    monkeypatch.setattr(core, "fewer_lanes", lambda config, part: None)
    monkeypatch.setattr(core, "least_weight_words", lambda lowered, *_: 0)
    assert core.streamed_base(rows_of(depths=(1,)), part()).window_lanes == 4
