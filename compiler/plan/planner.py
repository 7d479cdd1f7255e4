"""Chooses the ring for a network on a part, and everything that it will do: the plan."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from compiler import arithmetic
from compiler.errors import ResourceError
from compiler.legalise import legalise
from compiler.plan.bandings import Weights
from compiler.plan.blocks import needs_row_steps
from compiler.plan.cuts import channel_cuts, least_weight_words
from compiler.plan.estimate import estimate
from compiler.plan.fit import Fit, cut, fit
from compiler.plan.lower import lower
from compiler.plan.on_chip import plan_on_chip
from compiler.plan.pack import parameter_units
from compiler.plan.passes import LogicalPass, Lowered
from compiler.plan.resources import Part, Resources, resources
from compiler.plan.result import Board, FrameTiming, Plan
from compiler.plan.schedule import StepLoads, schedule
from compiler.plan.segments import Cutting
from compiler.plan.spill import band_sums, spill
from compiler.plan.spilling import choose
from compiler.program.descriptors import ring_words
from compiler.program.program import Program, build_program
from compiler.qgraph import QConv, QGraph, QMean
from hw.config import BANKS, WINDOW_WORDS, WORD_BYTES, RingConfig
from hw.descriptor import CombineOp, FeedMode, WindowOp
from hw.floorplan import regular

__all__ = ["Board", "FrameTiming", "Plan", "plan"]

SHAPES = ((13, 12), (9, 16), (16, 8), (12, 12), (10, 12), (7, 12), (8, 8), (6, 12), (7, 4), (4, 4))
"""Arrays (rows, columns) to choose from, the favourite first."""

_LANES, _MORE_LANES = 4, 8
_WORTH = 0.88  # more window lanes must save so much of the cycles: they cost a tenth of a large part's logic

_FAVOURITE = 0.85  # another shape must need less than this share of the favourite's cycles
_WEIGHT_DEPTHS = (16384, 8192, 4096, 2048)
_ACTIVATION_STEP, _ACTIVATION_MOST = 2048, 16384
_FINE_STEP = 1024
"""Of the activation memory, words: for networks that do not fit a multiple of the other."""
_PARAMETER_STEP, _WINDOW_STEP = 512, 512
_WINDOW_LEAST = 2048
_RING_STEP, _RING_MOST = 512, 4096
_PARTIAL_STEP = 512
_PART_SHARES = (4, 2, 6)
"""Passes are cut into parts of at most this share of the weight memory, so that loading runs on while they compute; the
first one decides which memories the ring gets."""

_LEAN = 1.02
"""Half the weight memory is chosen if the frame takes at most this much longer: a part whose block RAMs are all in use is hard to
place, and the clock loses more."""

_FIRST_EFFORTS, _LAST_EFFORTS, _FINE_EFFORTS = (0, 2), (3,), (1,)
"""Search for bands: of each memory, of each if none fits, once more of the best."""

_WORTH_SEARCH = 0.01
"""The best is searched once more if it might save this share of the cycles."""

_JOIN_SHARES = (0.6, 0.4)
"""Where a network does not fit: tensors larger than this share of the memory are not whole."""

_SPILL_SHARES = (1.0, 0.95, 0.9, 0.85, 0.8)
"""Of the memory, for the choice of what goes to the SDRAM: places for all tensors are found only if there is some room."""

_BAND_SHARE = 0.4
"""Sums over maps that are larger than this share of the memory are made in bands, if anything goes to the SDRAM."""

_LEAST_CLAMP = 16
_LEAST_ACC = 20


def plan(graph: QGraph, board: Board, predict: Callable[[Program], FrameTiming], *, external: bool = False) -> Plan:
    """Plan a network for a board; `predict` is the timing model, which knows clock and memory.

    A network whose weights fit the part stays in block RAM whole; else, or with `external`, weights and program come from SDRAM.

    Raises:
        UnsupportedOpError: the network has operations that the ring has not.
        ResourceError: it does not fit the part; says what is short and by how much.
    """
    graph = legalise(graph)
    if not external:
        on_chip = plan_on_chip(
            graph, board, predict, lambda lowered, shape, lanes: _base(graph, lowered, board.part, shape, lanes)
        )
        if on_chip is not None:
            return on_chip
    lowered = lower(graph)
    base = streamed_base(graph, lowered, board.part)
    makers = _makers(graph, lowered, board, base, predict)
    first, *others = _PART_SHARES
    best = min((maker.make(first) for maker in makers), key=lambda one: one.cycles)
    maker = next(maker for maker in makers if maker.config == best.config)
    with contextlib.suppress(ResourceError, StopIteration):
        half = next(depth for depth in _WEIGHT_DEPTHS if depth < best.config.weight_depth)
        leaner = maker.of(replace(best.config, weight_depth=half), maker.efforts)
        lean = leaner.make(first)
        if lean.cycles <= _LEAN * best.cycles:
            best, maker = lean, leaner
    if best.fit.avoidable > _WORTH_SEARCH * best.cycles:
        with contextlib.suppress(ResourceError):
            fine = maker.of(best.config, _FINE_EFFORTS)
            better = fine.make(first)
            if better.cycles < best.cycles:
                best, maker = better, fine
    return min([best, *(maker.make(share) for share in others)], key=lambda one: one.cycles)


def _makers(
    graph: QGraph,
    lowered: Lowered,
    board: Board,
    base: RingConfig,
    predict: Callable[[Program], FrameTiming],
) -> list[_Maker]:
    """One for every ring that the network fits: whole, cut otherwise, with tensors in the SDRAM, after a long search, whichever is first.

    Raises:
        ResourceError: it fits none.
    """
    failures: list[ResourceError] = []
    least = least_weight_words(lowered, base.cols)
    coarse, fine = (list(_memories(base, board.part, step, least)) for step in (_ACTIVATION_STEP, _FINE_STEP))
    storing = _memories(replace(base, spill=True, banded_sums=True), board.part, _FINE_STEP, least)

    def attempt(
        configs: Sequence[RingConfig], *makers: Callable[[RingConfig], _Maker], one: bool = False
    ) -> list[_Maker]:
        found: list[_Maker] = []
        for make, config in itertools.product(
            makers, sorted(configs, key=lambda ring: -ring.activation_depth) if one else configs
        ):
            try:
                found.append(make(config))
            except ResourceError as error:
                failures.append(error)
            if found and one:
                break
        return found

    def plain(cutting: Cutting, efforts: Sequence[int]) -> Callable[[RingConfig], _Maker]:
        return lambda config: _Maker(graph, lowered, board, config, predict, efforts, cutting)

    def spilling(config: RingConfig) -> _Maker:
        parted = band_sums(lowered, _BAND_SHARE * config.activation_depth * BANKS * WORD_BYTES)
        ring = replace(config, banded_sums=any(item.banded for item in parted.passes))
        for share in _SPILL_SHARES:
            for spills in choose(parted, config.activation_depth, share):
                spilled = spill(parted, spills.gaps)
                try:
                    return _Maker(graph, spilled, board, ring, predict, _FIRST_EFFORTS, spills.cutting)
                except ResourceError as error:
                    failure = error
        raise failure

    cuttings = [plain(Cutting(share=share), _FIRST_EFFORTS) for share in _JOIN_SHARES]
    found = attempt(coarse, plain(Cutting(), _FIRST_EFFORTS)) or attempt(coarse, *cuttings)
    found = found or attempt(fine, plain(Cutting(), _FIRST_EFFORTS), *cuttings)
    smallest = len(failures)
    found = found or attempt(list(storing), spilling, one=True)
    reason = failures[smallest : smallest + 1]  # of the largest memory, with the least in it
    found = found or attempt(fine, plain(Cutting(), _LAST_EFFORTS))
    if not found:
        raise reason[0]
    return found


def streamed_base(graph: QGraph, lowered: Lowered, part: Part) -> RingConfig:
    """The base of a ring whose weights are streamed, with more window lanes where the window would hold up the array."""
    shape = _shape(lowered, part)
    few, more = (_base(graph, lowered, part, shape, lanes) for lanes in (_LANES, _MORE_LANES))
    if estimate(lowered, more) > _WORTH * estimate(lowered, few):
        return few
    smallest = replace(more, weight_depth=_WEIGHT_DEPTHS[-1], activation_depth=_ACTIVATION_STEP)
    return few if resources(smallest).short(part) else more


def _base(graph: QGraph, lowered: Lowered, part: Part, shape: tuple[int, int], lanes: int) -> RingConfig:
    """The ring of this array (rows, columns) and window but for the depths of its large memories."""
    rows, cols = shape
    array = [item.array_node for item in lowered.passes if item.array_node is not None]
    window = [item.window_node for item in lowered.passes if isinstance(item.window_node, QConv)]
    acc_bits = max((arithmetic.accumulator_bits(conv.weights) for conv in array), default=0)
    window_clamp = max((int(conv.clamp_bits.max()) for conv in window), default=0)
    channels = max((item.channels for item in lowered.passes if item.array_node is not None), default=1)
    groups = max(
        (
            parameter_units(-(-item.input.channels // lanes), item.blocks.total)
            for item in lowered.passes
            if item.mode == FeedMode.WINDOW and item.op != WindowOp.MAX
        ),
        default=1,
    )
    return RingConfig(
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
        floorplan=part.name if regular(part.name, rows, cols) else None,
        **_kernels(lowered),
        **_combine(lowered, rows, cols),
    )


def _kernels(lowered: Lowered) -> dict[str, Any]:
    """What the ring has for kernels beyond those of the row chain and of the window's three rows and columns."""
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
            tiles = -(-(item.width + rows - 1) // rows)
            least = max(least, tiles * ring_words(item))
    return _rounded(min(least, _RING_MOST), _RING_STEP)


def _window_depth(words: int) -> int:
    """Words of the window's parameter memory: whole blocks."""
    return max(_WINDOW_LEAST, -(-words // _WINDOW_STEP) * _WINDOW_STEP)


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


def _shape(lowered: Lowered, part: Part) -> tuple[int, int]:
    """Rows and columns of the array: the favourite that the part has multipliers for, unless another is clearly faster."""
    possible = [
        shape for shape in SHAPES if shape[0] * shape[1] <= part.dsp and shape[0] >= lowered.least_rows(shape[1])
    ]
    if not possible:
        raise ResourceError(f"{part.name} has {part.dsp} multipliers; the smallest array needs 16")
    cycles = {shape: sum(_array_cycles(item, *shape) for item in lowered.passes) for shape in possible}
    best = min(possible, key=lambda shape: cycles[shape])
    return best if cycles[best] < _FAVOURITE * cycles[possible[0]] else possible[0]


def _array_cycles(item: LogicalPass, rows: int, cols: int) -> int:
    if item.array_node is None:
        return 0
    tiles, chunks = -(-item.height * item.width // rows), -(-item.channels // cols)
    return tiles * chunks * max(item.depth, 2 * rows)


def _memories(base: RingConfig, part: Part, step: int, weights: int) -> Iterator[RingConfig]:
    """Rings whose memories fit the part: the largest activation memory, of whole `step`s, for every size of the weight memory that
    holds `weights` words, the largest at least.
    """
    tried: set[int] = set()
    for weight_depth in (depth for depth in _WEIGHT_DEPTHS if depth >= min(weights, _WEIGHT_DEPTHS[0])):
        least = replace(base, weight_depth=weight_depth, activation_depth=step)
        spare = part.ebr - resources(least).ebr
        per_step = resources(replace(least, activation_depth=2 * step)).ebr - resources(least).ebr
        if spare < 0:
            continue
        depth = min(_ACTIVATION_MOST, step * (1 + spare // per_step))
        if depth not in tried:
            tried.add(depth)
            yield replace(least, activation_depth=depth)
    if not tried:
        need = resources(replace(base, weight_depth=_WEIGHT_DEPTHS[-1], activation_depth=step))
        raise ResourceError(f"{part.name}: the smallest ring needs {'; '.join(need.short(part))}")


def _needs(graph: QGraph, config: RingConfig, part: Part) -> Resources:
    """What a ring takes; ResourceError if the part has less."""
    needs = resources(config)
    if short := needs.short(part):
        raise ResourceError(f"{graph.name} on {part.name}: the ring needs {'; '.join(short)}")
    return needs


class _Maker:
    """Makes plans for one ring, with passes cut into parts of several sizes.

    Raises:
        ResourceError: the network does not fit this ring.
    """

    def __init__(
        self,
        graph: QGraph,
        lowered: Lowered,
        board: Board,
        config: RingConfig,
        predict: Callable[[Program], FrameTiming],
        efforts: Sequence[int],
        cutting: Cutting,
    ) -> None:
        self._graph, self._lowered, self._board, self.config = graph, lowered, board, config
        self.efforts, self._cutting = efforts, cutting
        self._predict = predict
        self._needs = _needs(graph, config, board.part)
        words = [-(-item.channels // config.cols) * item.depth for item in lowered.passes]
        weights = Weights(words, config.weight_depth, config.cols // 2)
        self._fit = fit(lowered, config.activation_depth, weights, efforts, cutting)
        self._schedules: dict[int, tuple[Fit, list[StepLoads]]] = {}
        self._scheduled(_PART_SHARES[0])

    def of(self, config: RingConfig, efforts: Sequence[int]) -> _Maker:
        """The same for another ring or with another effort."""
        return _Maker(self._graph, self._lowered, self._board, config, self._predict, efforts, self._cutting)

    def make(self, share: int) -> Plan:
        """A plan with parts of at most a `share`-th of the weight memory."""
        lowered, config = self._lowered, self.config
        fitted, loads = self._scheduled(share)
        program = build_program(lowered, fitted.steps, fitted.layouts, loads, config)
        timing = self._predict(program)
        part = self._board.part
        return Plan(self._graph, self._board.name, part, config, lowered, fitted, loads, program, timing, self._needs)

    def _scheduled(self, share: int) -> tuple[Fit, list[StepLoads]]:
        """Steps and the loads of their weights."""
        if share not in self._schedules:
            fitted = cut(self._lowered, self._fit, channel_cuts(self._lowered, self.config, share))
            self._schedules[share] = fitted, schedule(fitted.steps, self.config)
        return self._schedules[share]
