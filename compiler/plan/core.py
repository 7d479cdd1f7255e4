"""The core that a network asks for: its array, its lanes, and the depths of its memories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QConv, QMean
from hwgen.compiler.lower.blocks import needs_row_steps
from hwgen.compiler.lower.passes import LogicalPass, Lowered
from hwgen.compiler.plan.estimate import frame_estimate
from hwgen.compiler.plan.resources import resources
from hwgen.compiler.plan.target import Part
from hwgen.compiler.program.descriptors import ring_words
from hwgen.compiler.weight_schedule.packing import parameter_units
from hwgen.errors import ResourceError
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WINDOW_WORDS, CoreConfig
from hwgen.hw.isa.descriptor import CombineOp, FeedMode, WindowOp

SHAPES = ((13, 12), (9, 16), (16, 8), (12, 12), (10, 12), (7, 12), (8, 8), (6, 12), (7, 4), (4, 4))
"""Arrays (rows, columns) to choose from, the favourite first."""

LANES = (4, 8)
_WORTH = 0.88  # more window lanes must save so much of a frame's cycles: they cost a tenth of a large part's logic, and clock

_FAVOURITE = 0.85  # another shape must need less than this share of the favourite's cycles
WEIGHT_DEPTHS = (16384, 8192, 4096, 2048)
_ACTIVATION_LEAST, _ACTIVATION_MOST = 2048, 16384
_PARAMETER_STEP, _WINDOW_STEP = 512, 512
_WINDOW_LEAST = 2048
_RING_STEP, _RING_MOST = 512, 4096
_PARTIAL_STEP = 512
_LEAST_CLAMP = 16
_LEAST_ACC = 20


def streamed_base(graph: QGraph, lowered: Lowered, part: Part) -> CoreConfig:
    """The base of a core whose weights are streamed, with more window lanes where the window would hold up the frame.

    Where the part has too little logic for the array that suits the network best, the next one is taken.
    """
    shapes = _by_speed(lowered, part)
    for shape in shapes:
        few, more = (core_of(graph, lowered, part, shape, lanes) for lanes in LANES)
        worth = frame_estimate(lowered, more) <= _WORTH * frame_estimate(lowered, few)
        for base in (more, few) if worth else (few,):
            smallest = replace(base, weight_depth=WEIGHT_DEPTHS[-1], activation_depth=_ACTIVATION_LEAST)
            if (found := fewer_lanes(smallest, part)) is not None:
                return replace(base, combine_lanes=found.combine_lanes)
    return core_of(graph, lowered, part, shapes[0], LANES[0])  # what is short is told where its memories are chosen


def fewer_lanes(config: CoreConfig, part: Part) -> CoreConfig | None:
    """The core if the part has room for it, else with the most combine lanes for which it has; None if it has for none."""
    while resources(config, part.family).short(part):
        if config.combine_lanes < 2:
            return None
        config = replace(config, combine_lanes=config.combine_lanes // 2)
    return config


def core_of(graph: QGraph, lowered: Lowered, part: Part, shape: tuple[int, int], lanes: int) -> CoreConfig:
    """The core of this array (rows, columns) and window but for the depths of its large memories."""
    rows, cols = shape
    array = [item.array_node for item in lowered.passes if item.array_node is not None]
    window = [item.window_node for item in lowered.passes if isinstance(item.window_node, QConv)]
    acc_bits = max((arithmetic.accumulator_bits(conv.weights) for conv in array), default=0)
    window_clamp = max((int(conv.clamp_bits.max()) for conv in window), default=0)
    channels = max((item.channels for item in lowered.passes if item.array_node is not None), default=1)
    groups = max(
        (
            parameter_units(ceil_div(item.input.channels, lanes), item.blocks.total)
            for item in lowered.passes
            if item.mode == FeedMode.WINDOW and item.op != WindowOp.MAX
        ),
        default=1,
    )
    return CoreConfig(
        rows=rows,
        cols=cols,
        window_lanes=lanes,
        acc_bits=max(_LEAST_ACC, acc_bits),
        array_clamp_bits=max([_LEAST_CLAMP, *(int(conv.clamp_bits.max()) for conv in array)]),
        window_clamp_bits=max(_LEAST_CLAMP, window_clamp, _average_bits(lowered)),
        ring_depth=_ring_depth(lowered, rows),
        parameter_depth=_rounded(min(2 * channels, 1024), _PARAMETER_STEP),
        window_depth=_window_depth(groups * WINDOW_WORDS),
        segment_fifo=64,
        array_table=any(item.array_table is not None for item in lowered.passes),
        window_table=any(item.window_table is not None for item in lowered.passes),
        floorplan=part.name if part.family.regular(part.name, rows, cols) else None,
        **_kernels(lowered),
        **_combine(lowered, rows, cols),
    )


def _kernels(lowered: Lowered) -> dict[str, Any]:
    """What the core has for kernels beyond those of the row chain and of the window's three rows and columns."""
    wide = [item for item in lowered.passes if needs_row_steps(item.mode, item.window)]
    if not wide:
        return {}
    sums = [item.width for item in wide if item.mode == FeedMode.WINDOW and item.blocks.total > 1]
    return {"row_steps": True, "partial_depth": _rounded(max(sums), _PARTIAL_STEP) if sums else 0}


def _ring_depth(lowered: Lowered, rows: int) -> int:
    """Words of the pixel ring for the pass that needs most of them."""
    least = 0
    for item in lowered.passes:
        if not item.to_rows:
            tiles = ceil_div(item.width + rows - 1, rows)
            least = max(least, tiles * ring_words(item))
    return _rounded(min(least, _RING_MOST), _RING_STEP)


def _window_depth(words: int) -> int:
    """Words of the window's parameter memory: whole blocks."""
    return max(_WINDOW_LEAST, ceil_div(words, _WINDOW_STEP) * _WINDOW_STEP)


def _combine(lowered: Lowered, rows: int, cols: int) -> dict[str, Any]:
    """The combine element: two lanes where they keep up with every pass, else four."""
    passes = [item for item in lowered.passes if item.combine is not None]
    if not passes:
        return {}
    fast = any(max(item.depth, 2 * rows) < rows * cols // 2 for item in passes)
    return {
        "combine_lanes": min(cols // 2, 4 if fast else 2),
        "combine_multiply": any(item.combine is not None and item.combine.op == CombineOp.MUL for item in passes),
    }


def _rounded(least: int, step: int, at_least: int = 0) -> int:
    """The power of two times `step` that is at least both."""
    depth = step
    while depth < max(least, at_least):
        depth *= 2
    return depth


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


def shapes(lowered: Lowered, part: Part) -> list[tuple[int, int]]:
    """Rows and columns of the arrays that the part has multipliers for, the favourite first; ResourceError if there is none."""
    possible = [
        shape for shape in SHAPES if shape[0] * shape[1] <= part.dsp and shape[0] >= lowered.least_rows(shape[1])
    ]
    if not possible:
        raise ResourceError(f"{part.name} has {part.dsp} multipliers; the smallest array needs 16")
    return possible


def _by_speed(lowered: Lowered, part: Part) -> list[tuple[int, int]]:
    """Rows and columns of the arrays that the part has multipliers for, the fastest first, but behind the favourite if that is nearly as
    fast."""
    possible = shapes(lowered, part)
    cycles = {shape: sum(_array_cycles(item, *shape) for item in lowered.passes) for shape in possible}
    first = min(possible, key=lambda shape: cycles[shape])
    if cycles[first] >= _FAVOURITE * cycles[possible[0]]:
        first = possible[0]
    return [first, *sorted((shape for shape in possible if shape != first), key=lambda shape: cycles[shape])]


def _array_cycles(item: LogicalPass, rows: int, cols: int) -> int:
    if item.array_node is None:
        return 0
    tiles, chunks = ceil_div(item.height * item.width, rows), ceil_div(item.channels, cols)
    return tiles * chunks * max(item.depth, 2 * rows)


def memories(base: CoreConfig, part: Part, step: int, weights: int) -> Iterator[CoreConfig]:
    """Cores whose memories fit the part: the largest activation memory, of whole `step`s, for every size of the weight memory that
    holds `weights` words, the largest at least.
    """
    tried: set[int] = set()
    depths = [depth for depth in WEIGHT_DEPTHS if depth >= min(weights, WEIGHT_DEPTHS[0])]
    for weight_depth in depths:
        least = replace(base, weight_depth=weight_depth, activation_depth=step)
        needs = resources(least, part.family).ebr
        spare = part.ebr - needs
        per_step = resources(replace(least, activation_depth=2 * step), part.family).ebr - needs
        if spare < 0:
            continue
        depth = min(_ACTIVATION_MOST, step * (1 + spare // per_step))
        if depth not in tried:
            tried.add(depth)
            yield replace(least, activation_depth=depth)
    if not tried:
        need = resources(replace(base, weight_depth=depths[-1], activation_depth=step), part.family)
        raise ResourceError(f"{part.name}: the smallest core needs {'; '.join(need.short(part))}; take a larger part")
