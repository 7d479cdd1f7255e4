"""What the planner knows of the elements, each alone: cycles of a pass and sizes for a network."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hwgen.compiler.frontend import tflite
from hwgen.compiler.graph.window import Window
from hwgen.compiler.legalise import legalise
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.lower.passes import Buffer, LogicalPass, Lowered, Placement, View
from hwgen.compiler.plan.elements import PLANNED, Wanted, _average_bits, _combine, _window, array_cycles, busiest, sizes
from hwgen.compiler.plan.estimate import load_cycles
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import CombineOp, FeedMode, WindowOp
from hwgen.hw.isa.elements import Nothing
from tests.support.small_board import SmallBoard
from tests.support.tflite_examples import example
from tests.support.tflite_networks import network

CORE = CoreConfig(rows=8, cols=12, window_lanes=4, combine_lanes=2)
PART = SmallBoard(156, 208).part
ARRAY = cast(Any, SimpleNamespace(weights=None, clamp_bits=None))
"""A convolution of which nothing is looked at."""


def one_pass(**fields: Any) -> LogicalPass:
    """A pass of 5 x 7 pixels with 20 channels, of an input with 30."""
    standard: dict[str, Any] = {
        "name": "p",
        "tensor": "y",
        "mode": FeedMode.TAP,
        "op": WindowOp(0),
        "to_rows": False,
        "input": View("x", 0, 30),
        "window": Window(),
        "fill": 0,
        "output": Placement("y"),
        "height": 5,
        "width": 7,
        "channels": 20,
        "inner": 40,
        "words": 4,
        "array_node": ARRAY,
    }
    return LogicalPass(**standard | fields)


def of(*passes: LogicalPass) -> Lowered:
    return Lowered("n", {"x": Buffer("x", 9, 11, 30, 4)}, list(passes), "y", False, (9, 11, 30))


def busy(item: LogicalPass, config: CoreConfig = CORE) -> int:
    return busiest(of(item), item, config)


def test_cycles_of_the_array() -> None:
    """35 pixels are 5 columns' worth of 8 rows, 20 channels 2 chunks of 12; a chunk takes K steps, and 2 R to be moved out."""
    assert array_cycles(one_pass(), 8, 12) == 5 * 2 * 40
    assert array_cycles(one_pass(inner=5), 8, 12) == 5 * 2 * 16
    assert array_cycles(one_pass(inner=5, outer=4), 8, 12) == 5 * 2 * 20
    assert array_cycles(one_pass(array_node=None), 8, 12) == 0
    assert busy(one_pass()) == 400


def test_cycles_of_loading_weights() -> None:
    assert load_cycles(one_pass(), 20, CORE) == 2 * 40 * 12 // 2
    assert load_cycles(one_pass(), 24, CORE) == 480 and load_cycles(one_pass(), 25, CORE) == 720


def test_cycles_of_the_fetch() -> None:
    """Nine taps of four words for each of 35 pixels."""
    assert busy(one_pass(window=Window((3, 3), (1, 1), (1, 1, 1, 1)))) == 35 * 9 * 4
    assert busy(one_pass(window=Window((1, 3), (1, 1), (0, 0, 1, 1)), array_node=None)) == 35 * 3 * 4


def test_cycles_of_the_fetch_with_shared_taps() -> None:
    """Three rows of taps of four words, each of the nine columns of five output rows once; 1 x 1 as ever."""
    item, core = one_pass(window=Window((3, 3), (1, 1), (1, 1, 1, 1))), replace(CORE, shared_taps=True)
    assert busy(item, core) == 5 * 3 * 4 * 9
    assert busy(one_pass(array_node=None), core) == busy(one_pass(array_node=None)) == 35 * 4


@pytest.mark.parametrize(
    ("kernel", "inner", "possible", "wanted"),
    [
        (3, 40, True, True),
        (3, 40, False, False),
        (3, 126, True, False),  # the array takes as long as the fetch
        (3, 124, True, True),
        (1, 40, True, False),
    ],
)
def test_shared_taps_where_the_array_waits_for_words(kernel: int, inner: int, possible: bool, wanted: bool) -> None:
    item = one_pass(window=Window((kernel, kernel), (1, 1), (1, 1, 1, 1)), inner=inner)
    found = PLANNED["pixel_ring"].size
    assert not isinstance(found, Nothing)
    network = replace(of(item), shared_taps=possible)
    assert found(Wanted(network, PART, 8, 12, 4))["shared_taps"] is wanted


@pytest.mark.parametrize(
    ("window", "width", "cycles"),
    [
        (Window((3, 3), (1, 1), (1, 1, 1, 1)), 7, 5 * 8 * 9),  # a row of 9 columns, for each of 8 groups of 4 channels
        (Window((3, 3), (2, 1), (1, 1, 1, 1)), 7, 5 * 8 * 9),
        (Window((3, 3), (1, 2), (1, 1, 1, 1)), 7, 5 * 8 * 15),
        (Window((3, 3), (1, 1), (1, 1, 1, 1)), 4, 5 * 8 * 9),  # never less than a unit of parameters and one more
        (Window((3, 3), (1, 1), (1, 1, 1, 1)), 8, 5 * 8 * 10),
        (Window((5, 5), (1, 1), (2, 2, 2, 2)), 7, 5 * 8 * 4 * 9),  # four blocks
    ],
)
def test_cycles_of_the_window(window: Window, width: int, cycles: int) -> None:
    item = one_pass(mode=FeedMode.WINDOW, window=window, width=width, array_node=None)
    assert item.blocks.size[1] == 3
    assert busy(item) == cycles
    assert busy(item, replace(CORE, window_lanes=8)) == cycles // 2


def test_cycles_of_a_global_pool() -> None:
    """Each of 99 pixels, for each of 8 groups; rows of less than three columns take three."""
    item = one_pass(mode=FeedMode.SUM, array_node=None)
    lowered = of(item)
    assert busiest(lowered, item, CORE) == 8 * 99
    lowered.buffers["x"] = Buffer("x", 9, 2, 30, 4)
    assert busiest(lowered, item, CORE) == 8 * 27
    lowered.buffers["x"] = Buffer("x", 1, 2, 30, 4)
    assert busiest(lowered, item, CORE) == 8 * 9


def test_cycles_of_the_combine_element() -> None:
    """10 chunks of 96 results, two in a cycle; without the element or an operand there are none."""
    item = one_pass(inner=8, combine=cast(Any, SimpleNamespace(op=CombineOp.ADD)))
    assert busy(item) == 10 * 48
    assert busy(item, replace(CORE, combine_lanes=4)) == 10 * 24
    assert busy(item, replace(CORE, combine_lanes=0)) == 10 * 16
    assert busy(replace(item, combine=None)) == 10 * 16
    assert busy(replace(item, height=0)) == 0
    assert busy(replace(item, height=0, array_node=None)) == 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("excited", {"combine_lanes": 4, "combine_multiply": True, "array_table": True, "window_table": True}),
        ("residual", {"combine_lanes": 4, "combine_multiply": False, "array_table": False, "window_table": False}),
        ("inverted", {"array_table": True, "window_table": True, "partial_depth": 0, "row_steps": False}),
        ("branches", {"window_depth": 2048, "array_table": False, "window_table": False, "window_clamp_bits": 16}),
    ],
)
def test_sizes(name: str, expected: dict[str, Any]) -> None:
    found = sizes(Wanted(lower(legalise(tflite.parse(network(name), "m.tflite"))), PART, 8, 12, 4))
    assert {field: found.get(field) for field in expected} == expected
    assert (found["rows"], found["cols"], found["window_lanes"]) == (8, 12, 4)
    assert ("combine_lanes" in found) == ("combine_lanes" in expected)


def combined(depth: int) -> LogicalPass:
    return one_pass(inner=depth, combine=cast(Any, SimpleNamespace(op=CombineOp.ADD)))


@pytest.mark.parametrize(
    ("passes", "cols", "lanes"),
    [
        ((combined(48),), 12, 2),  # 96 results in 48 cycles
        ((combined(47),), 12, 4),
        ((combined(60), combined(47)), 12, 4),
        ((combined(60), one_pass(inner=8)), 12, 2),  # the other one combines nothing
        ((combined(8),), 4, 2),
        ((combined(31),), 8, 4),
    ],
)
def test_combine_lanes_keep_up(passes: tuple[LogicalPass, ...], cols: int, lanes: int) -> None:
    found = _combine(Wanted(of(*passes), PART, 8, cols, 4))
    assert found == {"combine_lanes": lanes, "combine_multiply": False}
    assert _combine(Wanted(of(one_pass()), PART, 8, cols, 4)) == {}


@pytest.mark.parametrize(
    ("op", "seed", "largest"),
    [("MEAN", 1, 128 * 36 + 4176), ("MEAN", 9, 128 * 48 + 3024), ("AVERAGE_POOL_2D", 1, 128 * 12), ("CONV_2D", 0, 0)],
)
def test_sums_of_averages_never_saturate(op: str, seed: int, largest: int) -> None:
    lowered = lower(legalise(tflite.parse(example(op, seed), "model.tflite")))
    assert _average_bits(lowered) == largest.bit_length() + 1


def test_sums_of_a_global_pool() -> None:
    """128 times 32 elements is the first number of 13 bits."""
    assert [_average_bits(of(one_pass(mode=FeedMode.SUM, window=Window((4, n))))) for n in (7, 8)] == [13, 14]


def test_memory_of_the_window_is_sized_by_its_own_passes() -> None:
    """1,024 groups of four channels: a block's weights and the parameters of each take a unit of eight words."""
    wide = View("x", 0, 4096)
    small = one_pass(mode=FeedMode.WINDOW, window=Window((3, 3)), array_node=None)
    others = one_pass(input=wide), one_pass(input=wide, mode=FeedMode.WINDOW, op=WindowOp.MAX, array_node=None)
    assert _window(Wanted(of(small, *others), PART, 8, 12, 4))["window_depth"] == 2048
    large = replace(small, input=wide)
    assert _window(Wanted(of(large, *others), PART, 8, 12, 4))["window_depth"] == 8192


def test_memories_are_doubled_from_the_fewest_words() -> None:
    wanted = Wanted(of(one_pass()), PART, 8, 12, 4)
    assert [wanted.doubled(least) for least in (0, 512, 513, 1024, 1025)] == [512, 512, 1024, 1024, 2048]
