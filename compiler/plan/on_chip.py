"""Plans without external memory: the core for a network whose weights, parameters and descriptors all fit the part's block RAM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.lower.array_steps import in_steps
from hwgen.compiler.lower.blocks import CHAIN_KERNEL
from hwgen.compiler.lower.image import image_folds
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.lower.shared_taps import SHARED_TAPS
from hwgen.compiler.plan.core import ACTIVATION_MOST, fewer_lanes
from hwgen.compiler.plan.estimate import estimate
from hwgen.compiler.plan.resources import resources
from hwgen.compiler.plan.result import FrameTiming, Plan
from hwgen.compiler.plan.target import Board, Family, Part
from hwgen.compiler.program.assemble import build_resident_program
from hwgen.compiler.program.program import Program
from hwgen.compiler.tiling.channel_tiles import RESIDENT_POOL_GROUPS, pool_tiles
from hwgen.compiler.tiling.fit import ChannelTiles, Fit, fit, with_channel_tiles
from hwgen.compiler.tiling.stripes import FusionGroup, build_steps
from hwgen.compiler.tiling.striping import Weights
from hwgen.compiler.weight_schedule.residence import Needs, reside
from hwgen.errors import ResourceError, UnsupportedOpError
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WINDOW_WORDS, CoreConfig
from hwgen.hw.isa.descriptor import TABLE_BITS, FeedMode
from hwgen.hw.isa.memories import RamPorts

_COLS, _LANES = (16, 12, 8, 4), (8, 4)
_MOST_ROWS, _LEAST_ELEMENTS = 16, 16

_EXACT = 8
"""Shapes whose cycles are predicted exactly: those that look best."""

_CLOSE = 1.01
"""Among plans within this factor of the fewest cycles the one with the least logic is taken."""

_EFFORTS = (0, 1)

Base = Callable[[Lowered, tuple[int, int], int], CoreConfig]
"""The core of an array (rows, columns) and window lanes, but for the depths of its memories."""


def plan_on_chip(
    graph: QGraph,
    board: Board,
    predict: Callable[[Program], FrameTiming],
    base: Base,
    exact: int = _EXACT,
    *,
    k_steps: int = 1,
    shared_taps: bool = SHARED_TAPS,
) -> Plan | None:
    """A plan whose weights, parameters and descriptors are the initial content of block RAM; None if they do not fit.

    The host writes the image before a frame, folded as the first convolution reads it best, or as it still fits. Of the shapes that look
    best the cycles of `exact` are predicted exactly; one is enough to know whether there is any.
    """
    weights = sum(conv.weights.size for conv in graph.convs())
    if weights > board.part.ebr * board.part.family.block_bytes:
        return None
    for fold in (*image_folds(graph, CHAIN_KERNEL[0]), None):
        try:
            lowered = in_steps(lower(graph, fold=fold, whole_image=True, shared_taps=shared_taps), k_steps)
        except UnsupportedOpError:
            continue
        found = _Search(graph, lowered, board, predict).run(base, exact)
        if found is not None:
            return found
    return None


def least_logic(plans: Sequence[Plan]) -> Plan:
    """Of the plans that take nearly the fewest cycles the one with the least logic."""
    least = min(plan.cycles for plan in plans)
    return min(
        (plan for plan in plans if plan.cycles <= _CLOSE * least),
        key=lambda plan: (plan.resources.lut, plan.cycles),
    )


class _Search:
    """Array shapes and window lanes for one way to read the image."""

    def __init__(
        self, graph: QGraph, lowered: Lowered, board: Board, predict: Callable[[Program], FrameTiming]
    ) -> None:
        self._graph, self._lowered, self._board, self._predict = graph, lowered, board, predict
        self._step = board.part.family.ram_depth(
            RamPorts.TRUE, 1
        )  # words of a bank that the activation memory grows by
        self._fits: list[Fit] = []
        self._too_small = 0  # words of a bank that were searched in vain

    def run(self, base: Base, exact: int) -> Plan | None:
        """The plan with the fewest cycles."""
        configs = []
        for shape, lanes in _shapes(self._board.part, self._lowered.least_rows):
            try:
                config = fewer_lanes(self._smallest(base(self._lowered, shape, lanes)), self._board.part)
            except ResourceError:  # more tables than a core may have
                return None
            if config is not None and config not in configs:  # without a window its lanes make no difference
                configs.append(config)
        configs.sort(key=lambda config: estimate(self._lowered, config))
        plans: list[Plan] = []
        for config in configs:
            try:
                plans.append(self._plan(config))
            except ResourceError:
                continue
            if len(plans) == exact:
                break
        if not plans:
            return None
        return least_logic(plans)

    def _smallest(self, base: CoreConfig) -> CoreConfig:
        """The core with the memories that everything needs, and the smallest activation memory."""
        lowered = self._lowered
        whole = [FusionGroup(0, len(lowered.passes), (lowered.passes[-1].height,))]
        steps = build_steps(lowered, whole, _pool_tiles(lowered, base))
        _, needs = reside(steps, base.cols, base.window_lanes)
        part = self._board.part
        return replace(
            _core_of(needs, base, part.family),
            activation_depth=self._step,
            resident_passes=len(steps),
            floorplan=part.name if part.family.regular(part.name, base.rows, base.cols) else None,
        )

    def _plan(self, config: CoreConfig) -> Plan:
        """The plan of one core.

        Raises:
            ResourceError: the tensors do not fit what the rest leaves of the block RAM, or a number does not fit its field.
        """
        lowered, part = self._lowered, self._board.part
        fitted = with_channel_tiles(lowered, self._fit(config), _pool_tiles(lowered, config))
        depth = ceil_div(fitted.used, self._step) * self._step
        config = replace(config, activation_depth=depth, resident_passes=len(fitted.steps))
        needs = resources(config, part.family)
        if short := needs.short(part):
            raise ResourceError(f"{self._graph.name} on {part.name}: the core needs {'; '.join(short)}")
        places, _ = reside(fitted.steps, config.cols, config.window_lanes)
        program = build_resident_program(lowered, fitted.steps, fitted.layouts, places, config)
        timing = self._predict(program)
        return Plan(self._graph, self._board.name, part, config, lowered, fitted, places, program, timing, needs)

    def _fit(self, config: CoreConfig) -> Fit:
        """Memory map and stripes for the largest activation memory that fits the part beside the rest."""
        part = self._board.part
        one, two = (resources(replace(config, activation_depth=n * self._step), part.family).ebr for n in (1, 2))
        spare = (part.ebr - one) // (two - one)
        words = min(ACTIVATION_MOST, self._step * (1 + spare))
        for known in self._fits:
            if known.used <= words:
                return known
        if words <= self._too_small:
            raise ResourceError(f"{self._graph.name}: no fit in {self._too_small} words of a bank")
        sizes = [ceil_div(item.channels, config.cols) * item.depth for item in self._lowered.passes]
        try:
            found = fit(self._lowered, words, Weights(sizes, sum(sizes), 0), _EFFORTS)
        except ResourceError:
            self._too_small = words
            raise
        self._fits.append(found)
        return found


def _core_of(needs: Needs, base: CoreConfig, family: Family) -> CoreConfig:
    """A core with just the memories that are needed, filled up to whole blocks of RAM.

    Raises:
        ResourceError: there are more tables than a descriptor can name.
    """
    slots = max(2, 1 << needs.tables.bit_length())  # one of them is the identity
    if slots > 1 << TABLE_BITS:
        raise ResourceError(f"{needs.tables} tables are needed, the core has {(1 << TABLE_BITS) - 1}")
    return replace(
        base,
        weight_depth=family.ram_depth(RamPorts.TRUE, max(1, needs.weights)),
        parameter_depth=family.ram_depth(RamPorts.SIMPLE, max(1, needs.parameters)),
        window_depth=family.ram_depth(RamPorts.SIMPLE, max(1, WINDOW_WORDS * needs.windows)),
        table_slots=slots,
    )


def _shapes(part: Part, least_rows: Callable[[int], int]) -> Iterator[tuple[tuple[int, int], int]]:
    """((rows, columns), window lanes) that the part has multipliers for."""
    for cols in _COLS:
        for rows in range(2, _MOST_ROWS + 1):
            if _LEAST_ELEMENTS <= rows * cols <= part.dsp and rows >= least_rows(cols):
                for lanes in _LANES:
                    yield (rows, cols), lanes


def _pool_tiles(lowered: Lowered, config: CoreConfig) -> ChannelTiles:
    """Channel tiles of global pools, which share window parameters."""
    size = RESIDENT_POOL_GROUPS * config.window_lanes
    return {item.name: pool_tiles(item, size) for item in lowered.passes if item.mode == FeedMode.SUM}
