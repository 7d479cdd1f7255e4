"""Chooses the core for a network on a part, and everything that it will do: the plan."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.plan.core import WEIGHT_DEPTHS, core_of, memories, streamed_base
from hwgen.compiler.plan.maker import PART_SHARES, Maker
from hwgen.compiler.plan.on_chip import plan_on_chip
from hwgen.compiler.plan.result import FrameTiming, Plan
from hwgen.compiler.plan.target import Board
from hwgen.compiler.plan.unfused import costly_windows
from hwgen.compiler.program.program import Program
from hwgen.compiler.tiling.channel_tiles import least_weight_words
from hwgen.compiler.tiling.fusion_groups import FusionLimits
from hwgen.compiler.tiling.spill import spill, stripe_sums
from hwgen.compiler.tiling.spilling import choose
from hwgen.errors import ResourceError
from hwgen.hw.isa.config import BANKS, WORD_BYTES, CoreConfig

ACTIVATION_STEP, _FINE_STEP = 2048, 1024
"""Of the activation memory, words; the second for networks that do not fit a multiple of the first."""

_LEAN = 1.02
"""Half the weight memory is chosen if the frame takes at most this much longer: a part whose block RAMs are all in use is hard to
place, and the clock loses more."""

FIRST_EFFORTS, _LAST_EFFORTS, _FINE_EFFORTS = (0, 2), (3,), (1,)
"""Search for stripes: of each memory, of each if none fits, once more of the best."""

_WORTH_SEARCH = 0.01
"""The best is searched once more if it might save this share of the cycles."""

_JOIN_SHARES = (0.6, 0.4)
"""Where a network does not fit: tensors larger than this share of the memory are not whole."""

_SPILL_SHARES = (1.0, 0.95, 0.9, 0.85, 0.8)
"""Of the memory, for the choice of what goes to the SDRAM: places for all tensors are found only if there is some room."""

_STRIPE_SHARE = 0.4
"""Sums over maps that are larger than this share of the memory are made in stripes, if anything goes to the SDRAM."""


def plan(graph: QGraph, board: Board, predict: Callable[[Program], FrameTiming], *, external: bool = False) -> Plan:
    """Plan a network in the machine's operations (see `hwgen.compiler.legalise`) for a board.

    `predict` is the timing model, which knows clock and memory.

    A network whose weights fit the part stays in block RAM whole; else, or with `external`, weights and program come from SDRAM.

    Raises:
        UnsupportedOpError: the network has operations that the core has not.
        ResourceError: it does not fit the part; says what is short and by how much.
    """
    if not external:
        on_chip = plan_on_chip(
            graph, board, predict, lambda lowered, shape, lanes: core_of(graph, lowered, board.part, shape, lanes)
        )
        if on_chip is not None:
            return on_chip
    found = _streamed(graph, lower(graph), board, predict)
    if unfused := costly_windows(found):
        with contextlib.suppress(ResourceError):
            return min(
                [found, _streamed(graph, lower(graph, unfused=unfused), board, predict)], key=lambda one: one.cycles
            )
    return found


def _streamed(graph: QGraph, lowered: Lowered, board: Board, predict: Callable[[Program], FrameTiming]) -> Plan:
    """The best core for a network whose weights come from the SDRAM, and its plan."""
    base = streamed_base(graph, lowered, board.part)
    makers = _makers(graph, lowered, board, base, predict)
    first, *others = PART_SHARES
    best, maker = min(((maker.make(first), maker) for maker in makers), key=lambda made: made[0].cycles)
    with contextlib.suppress(ResourceError, StopIteration):
        half = next(depth for depth in WEIGHT_DEPTHS if depth < best.config.weight_depth)
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
    base: CoreConfig,
    predict: Callable[[Program], FrameTiming],
) -> list[Maker]:
    """One for every core that the network fits: whole, cut otherwise, with tensors in the SDRAM, after a long search, whichever is first.

    Raises:
        ResourceError: it fits none.
    """
    failures: list[ResourceError] = []
    least = least_weight_words(lowered, base.cols)
    fine, coarse = list(memories(base, board.part, _FINE_STEP, least)), []
    with contextlib.suppress(ResourceError):  # a small part has room for a fine step only
        coarse = list(memories(base, board.part, ACTIVATION_STEP, least))
    storing = memories(replace(base, spill=True, striped_sums=True), board.part, _FINE_STEP, least)

    def attempt(
        configs: Sequence[CoreConfig], *makers: Callable[[CoreConfig], Maker], one: bool = False
    ) -> list[Maker]:
        found: list[Maker] = []
        for make, config in itertools.product(
            makers, sorted(configs, key=lambda core: -core.activation_depth) if one else configs
        ):
            try:
                found.append(make(config))
            except ResourceError as error:
                failures.append(error)
            if found and one:
                break
        return found

    def plain(fusion: FusionLimits, efforts: Sequence[int]) -> Callable[[CoreConfig], Maker]:
        return lambda config: Maker(graph, lowered, board, config, predict, efforts, fusion)

    def spilling(config: CoreConfig) -> Maker:
        parted = stripe_sums(lowered, _STRIPE_SHARE * config.activation_depth * BANKS * WORD_BYTES)
        core = replace(config, striped_sums=any(item.striped for item in parted.passes))
        for share in _SPILL_SHARES:
            for spills in choose(parted, config.activation_depth, share):
                spilled = spill(parted, spills.gaps)
                try:
                    return Maker(graph, spilled, board, core, predict, FIRST_EFFORTS, spills.fusion)
                except ResourceError as error:
                    failure = error
        raise failure

    limits_tried = [plain(FusionLimits(share=share), FIRST_EFFORTS) for share in _JOIN_SHARES]
    found = attempt(coarse, plain(FusionLimits(), FIRST_EFFORTS)) or attempt(coarse, *limits_tried)
    smallest = len(failures)
    if not found:
        # What fits only so leaves little for weights: with tensors in the SDRAM it may be faster.
        found = attempt(fine, plain(FusionLimits(), FIRST_EFFORTS), *limits_tried)
        smallest = len(failures)
        try:
            found += attempt(list(storing), spilling, one=True)
        except ResourceError as error:  # no core that can store tensors fits the part
            failures.append(error)
    reason = failures[smallest : smallest + 1]  # of the largest memory, with the least in it
    found = found or attempt(fine, plain(FusionLimits(), _LAST_EFFORTS))
    if not found:
        raise reason[0]
    return found
