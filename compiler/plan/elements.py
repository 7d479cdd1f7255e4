"""What the planner knows of each element, by its name in `hwgen.hw.isa.elements`: how it is sized for a network, and how long it is busy.

`core` makes a core of the sizes, `estimate` adds up cycles; neither names an element.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from hwgen.compiler.int8.nodes import QConv, QMean
from hwgen.compiler.lower.array_steps import sum_bits
from hwgen.compiler.lower.blocks import needs_row_steps
from hwgen.compiler.lower.passes import LogicalPass, Lowered
from hwgen.compiler.lower.shared_taps import columns_read, words_read
from hwgen.compiler.plan.target import Part
from hwgen.compiler.program.descriptors import ring_words
from hwgen.compiler.weight_schedule.packing import parameter_units
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import PARTIAL_DEPTHS, WINDOW_WORDS, CoreConfig
from hwgen.hw.isa.descriptor import CombineOp, FeedMode, WindowOp
from hwgen.hw.isa.elements import Nothing
from hwgen.hw.isa.memories import RamPorts

_PARAMETER_MOST = 1024
_WINDOW_LEAST = 2048
_RING_MOST = 4096
_LEAST_CLAMP = 16
_LEAST_ACC = 20
_WORTH_SHARED = 0.99
"""Share of the array's cycles that is worth the logic of shared taps."""


@dataclass(frozen=True)
class Wanted:
    """What a core is sized for.

    Attributes:
        lowered: the network's passes.
        part: that it is for.
        rows, cols, lanes: of the array and the window, chosen already.
    """

    lowered: Lowered
    part: Part
    rows: int
    cols: int
    lanes: int

    @property
    def array_passes(self) -> list[LogicalPass]:
        """Passes that the array takes part in."""
        return [item for item in self.lowered.passes if item.array_node is not None]

    def doubled(self, least: int) -> int:
        """The power of two times the fewest words of a memory with one write and one read port that is at least `least`."""
        return _doubled(least, self.part.family.ram_depth(RamPorts.SIMPLE, 1))


Size = Callable[[Wanted], Mapping[str, Any]]
"""Fields of `CoreConfig` that are the element's; what is left out keeps its standard or is chosen later."""

Busy = Callable[[Lowered, LogicalPass, CoreConfig], int]
"""About the cycles that a pass takes if the element is the slowest."""


@dataclass(frozen=True)
class Planned:
    """An element's side of a plan."""

    size: Size | Nothing
    busy: Busy | Nothing


def _array(wanted: Wanted) -> Mapping[str, Any]:
    k_steps = wanted.lowered.k_steps
    if k_steps == 1:
        bits = [item.array_node.accumulator_bits for item in wanted.array_passes if item.array_node]
    else:
        bits = [sum_bits(item) for item in wanted.array_passes]
    rows, cols, part = wanted.rows, wanted.cols, wanted.part
    return {
        "rows": rows,
        "cols": cols,
        "k_steps": k_steps,
        "acc_bits": max([_LEAST_ACC, *bits]),
        "floorplan": part.name if part.family.regular(part.name, rows, cols) else None,
    }


def _array_busy(lowered: Lowered, item: LogicalPass, config: CoreConfig) -> int:
    return array_cycles(item, config.rows, config.cols)


def array_cycles(item: LogicalPass, rows: int, cols: int) -> int:
    """Cycles that an array of `rows` x `cols` needs for a pass's sums and for moving them out; 0 if it takes no part."""
    return 0 if item.array_node is None else _chunks(item, rows, cols) * max(item.depth, 2 * rows)


def _chunks(item: LogicalPass, rows: int, cols: int) -> int:
    """Chunks of columns of all the tiles of a pass."""
    return ceil_div(item.height * item.width, rows) * ceil_div(item.channels, cols)


def _collector(wanted: Wanted) -> Mapping[str, Any]:
    clamps = [int(item.array_node.clamp_bits.max()) for item in wanted.array_passes if item.array_node]
    channels = max((item.channels for item in wanted.array_passes), default=1)
    return {
        "array_clamp_bits": max([_LEAST_CLAMP, *clamps]),
        "parameter_depth": wanted.doubled(min(2 * channels, _PARAMETER_MOST)),
        "segment_fifo": 64,
    }


def _fetch(wanted: Wanted) -> Mapping[str, Any]:
    return {"row_steps": bool(_wide(wanted.lowered))}


def _wide(lowered: Lowered) -> list[LogicalPass]:
    """Passes with kernels beyond the rows that the fetch follows and the window's three rows and columns."""
    return [item for item in lowered.passes if needs_row_steps(item.mode, item.window)]


def _fetch_busy(lowered: Lowered, item: LogicalPass, config: CoreConfig) -> int:
    if item.mode != FeedMode.TAP:
        return 0  # as long as the window
    return words_read(item, config.rows, config.shared_taps)


def _window(wanted: Wanted) -> Mapping[str, Any]:
    lowered, lanes = wanted.lowered, wanted.lanes
    if all(item.mode == FeedMode.TAP for item in lowered.passes):
        return {"window": False}
    units = [
        parameter_units(ceil_div(item.input.channels, lanes), item.blocks.total)
        for item in lowered.passes
        if item.mode == FeedMode.WINDOW and item.op != WindowOp.MAX
    ]
    convs = [item.window_node for item in lowered.passes if isinstance(item.window_node, QConv)]
    clamps = [int(conv.clamp_bits.max()) for conv in convs]
    sums = [item.width for item in _wide(lowered) if item.mode == FeedMode.WINDOW and item.blocks.total > 1]
    step = wanted.part.family.ram_depth(RamPorts.SIMPLE, 1)
    return {
        "window_lanes": lanes,
        "window_clamp_bits": max([_LEAST_CLAMP, _average_bits(lowered), *clamps]),
        "window_depth": max(_WINDOW_LEAST, ceil_div(max([1, *units]) * WINDOW_WORDS, step) * step),
        "partial_depth": _doubled(max(sums), PARTIAL_DEPTHS[0]) if sums else 0,
    }


def _average_bits(lowered: Lowered) -> int:
    """Signed bits of the sums of average pools: they must never saturate."""
    most = 0
    for item in lowered.passes:
        if item.mode == FeedMode.SUM:
            bias = item.window_node.folded_bias if isinstance(item.window_node, QMean) else 0
            most = max(most, 128 * item.window.kernel[0] * item.window.kernel[1] + abs(bias))
        elif item.average is not None:
            most = max(most, 128 * item.average.divisor)
    return most.bit_length() + 1


def _window_busy(lowered: Lowered, item: LogicalPass, config: CoreConfig) -> int:
    groups = ceil_div(item.input.channels, config.window_lanes)
    match item.mode:
        case FeedMode.SUM:
            source = lowered.buffers[item.input.buffer]
            return groups * max(source.height * max(source.width, 3), WINDOW_WORDS + 1)
        case FeedMode.WINDOW:
            return item.height * groups * item.blocks.total * max(columns_read(item), WINDOW_WORDS + 1)
        case FeedMode.TAP:
            return 0


def _pixel_ring(wanted: Wanted) -> Mapping[str, Any]:
    """Words for the pass that needs most of them; shared taps if they are to be used and a pass is faster with them."""
    rows = wanted.rows
    words = [
        ceil_div(item.width + rows - 1, rows) * ring_words(item) for item in wanted.lowered.passes if not item.to_rows
    ]
    shared = wanted.lowered.shared_taps and _cycles(wanted, True) <= _WORTH_SHARED * _cycles(wanted, False)
    return {"ring_depth": wanted.doubled(min(max([0, *words]), _RING_MOST)), "shared_taps": shared}


def _cycles(wanted: Wanted, shared_taps: bool) -> int:
    """About the cycles of all passes through the array, with shared taps or without."""
    rows, cols = wanted.rows, wanted.cols
    return sum(
        max(array_cycles(item, rows, cols), words_read(item, rows, shared_taps) if item.mode == FeedMode.TAP else 0)
        for item in wanted.array_passes
    )


def _tables(wanted: Wanted) -> Mapping[str, Any]:
    passes = wanted.lowered.passes
    return {
        "array_table": any(item.array_table is not None for item in passes),
        "window_table": any(item.window_table is not None for item in passes),
    }


def _combine(wanted: Wanted) -> Mapping[str, Any]:
    """Two lanes where they keep up with every pass, else four."""
    passes = [item for item in wanted.lowered.passes if item.combine is not None]
    if not passes:
        return {}
    rows, cols = wanted.rows, wanted.cols
    fast = any(
        item.depth < rows * cols // 2 for item in passes
    )  # as are the 2 R cycles of moving out with more than four columns
    return {
        "combine_lanes": min(cols // 2, 4 if fast else 2),
        "combine_multiply": any(item.combine is not None and item.combine.op == CombineOp.MUL for item in passes),
    }


def _combine_busy(lowered: Lowered, item: LogicalPass, config: CoreConfig) -> int:
    if item.array_node is None or item.combine is None or not config.combine_lanes:
        return 0
    rows, cols = config.rows, config.cols
    return _chunks(item, rows, cols) * (rows * cols // config.combine_lanes)


def _doubled(least: int, step: int) -> int:
    """The power of two times `step` that is at least `least`."""
    depth = step
    while depth < least:
        depth *= 2
    return depth


_FIXED = Nothing("the same in every core")
_LATER = Nothing("chosen where it is known what is left of the block RAM")
_PAST_ARRAY = Nothing("keeps up with the array")
_STEERS = Nothing("in the cycles of every pass")

PLANNED: Mapping[str, Planned] = MappingProxyType(
    {
        "activation_memory": Planned(_LATER, Nothing("answers every cycle")),
        "fetch": Planned(_fetch, _fetch_busy),
        "window": Planned(_window, _window_busy),
        "pixel_ring": Planned(_pixel_ring, Nothing("takes what fetch and window give")),
        "weight_memory": Planned(_LATER, Nothing("answers every cycle")),
        "array": Planned(_array, _array_busy),
        "collector": Planned(_collector, _PAST_ARRAY),
        "tables": Planned(_tables, _PAST_ARRAY),
        "operand": Planned(_FIXED, _PAST_ARRAY),
        "combine": Planned(_combine, _combine_busy),
        "writer": Planned(_FIXED, _PAST_ARRAY),
        "row_writer": Planned(_FIXED, Nothing("keeps up with the window")),
        "sequencer": Planned(Nothing("passes of a frame: chosen with the plan"), _STEERS),
        "counters": Planned(_FIXED, Nothing("only count")),
        "dma": Planned(Nothing("whether rows are stored: chosen with the plan"), Nothing("see `estimate.load_cycles`")),
        "sdram": Planned(_FIXED, Nothing("see `estimate.load_cycles`")),
        "host": Planned(_FIXED, Nothing("not during a frame")),
    }
)
"""Every element's side of a plan, or why it has none."""


def sizes(wanted: Wanted) -> dict[str, Any]:
    """Fields of the `CoreConfig` that all elements want, but for the depths of the large memories."""
    found: dict[str, Any] = {}
    for planned in PLANNED.values():
        if not isinstance(planned.size, Nothing):
            found |= planned.size(wanted)
    return found


def busiest(lowered: Lowered, item: LogicalPass, config: CoreConfig) -> int:
    """About the cycles of the slowest element in a pass."""
    return max(
        planned.busy(lowered, item, config) for planned in PLANNED.values() if not isinstance(planned.busy, Nothing)
    )
