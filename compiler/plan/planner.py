"""Chooses the core for a network on a part, and everything that it will do: the plan."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.lower.array_steps import in_steps
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.lower.shared_taps import SHARED_TAPS
from hwgen.compiler.plan.core import core_of, streamed_bases, weight_depths
from hwgen.compiler.plan.k_steps import by_estimate, of_choice
from hwgen.compiler.plan.maker import TILE_SHARES, Maker
from hwgen.compiler.plan.on_chip import Base, least_logic, plan_on_chip
from hwgen.compiler.plan.result import FrameTiming, Plan
from hwgen.compiler.plan.strategies import Job, makers
from hwgen.compiler.plan.target import Board
from hwgen.compiler.plan.unfused import costly_windows
from hwgen.compiler.program.program import Program
from hwgen.compiler.tiling.fit import NoFitError
from hwgen.errors import ResourceError

_LEAN = 1.02
"""Half the weight memory is chosen if the frame takes at most this much longer: a part whose block RAMs are all in use is hard to
place, and the clock loses more."""

_FINE_EFFORTS = (1,)
"""Search for stripes, once more for the best core."""

_WORTH_SEARCH = 0.01
"""The best is searched once more if it might save this share of the cycles."""


def plan(
    graph: QGraph,
    board: Board,
    predict: Callable[[Program], FrameTiming],
    *,
    external: bool = False,
    k_steps: int | None = 1,
    shared_taps: bool = SHARED_TAPS,
    tell: Callable[[str], None] = lambda text: None,
) -> Plan:
    """Plan a network in the machine's operations (see `hwgen.compiler.legalise`) for a board.

    `predict` is the timing model, which knows clock and memory; `tell` is told what is tried.

    A network whose weights fit the part stays in block RAM whole; else, or with `external`, weights and program come from SDRAM. The array
    takes `k_steps` steps of K a cycle, 1 or 2; None: what suits the network and the part (`hwgen.compiler.plan.k_steps`). With
    `shared_taps` the core has those (`hwgen.compiler.lower.shared_taps`) if they are worth it and there is room.

    Raises:
        UnsupportedOpError: the network has operations that the core has not.
        ResourceError: it does not fit the part; says what is short and by how much.
    """
    if not external:
        tell("all weights in block RAM")
        on_chip = [
            plan_on_chip(graph, board, predict, _base(board), k_steps=steps, shared_taps=shared_taps)
            for steps in of_choice(k_steps)
        ]
        if found := [one for one in on_chip if one is not None]:
            return least_logic(found)
    lowered = lower(graph, shared_taps=shared_taps)
    failure: ResourceError | None = None
    for steps in by_estimate(lowered, board.part, of_choice(k_steps)):
        try:
            return _best_streamed(graph, lowered, steps, board, predict, tell)
        except ResourceError as error:
            failure = failure or error
    assert failure is not None
    raise failure


def stays_on_chip(
    graph: QGraph, board: Board, predict: Callable[[Program], FrameTiming], k_steps: int | None = 1
) -> bool:
    """Whether `plan` would keep all weights in block RAM, without the search for the best such plan."""
    return any(
        plan_on_chip(graph, board, predict, _base(board), exact=1, k_steps=steps) is not None
        for steps in of_choice(k_steps)
    )


def _best_streamed(
    graph: QGraph,
    lowered: Lowered,
    k_steps: int,
    board: Board,
    predict: Callable[[Program], FrameTiming],
    tell: Callable[[str], None],
) -> Plan:
    """The plan for an array of so many steps a cycle, with the windows apart that cost too much where they are; `lowered` is for one."""
    found = _streamed(graph, in_steps(lowered, k_steps), board, predict, tell)
    if unfused := costly_windows(found):
        with contextlib.suppress(ResourceError):
            apart = lower(graph, unfused=unfused, shared_taps=lowered.shared_taps)
            other = _streamed(graph, in_steps(apart, k_steps), board, predict, tell)
            return min([found, other], key=lambda one: one.cycles)
    return found


def _base(board: Board) -> Base:
    return lambda lowered, shape, lanes: core_of(lowered, board.part, shape, lanes)


def _streamed(
    graph: QGraph,
    lowered: Lowered,
    board: Board,
    predict: Callable[[Program], FrameTiming],
    tell: Callable[[str], None] = lambda text: None,
) -> Plan:
    """The best core for a network whose weights come from the SDRAM, and its plan."""
    fitting = _fitting(graph, lowered, board, predict, tell)
    first, *others = TILE_SHARES
    best, maker = min(((maker.make(first), maker) for maker in fitting), key=lambda made: made[0].cycles)
    with contextlib.suppress(ResourceError, StopIteration):
        half = next(depth for depth in weight_depths(0, best.config.k_steps) if depth < best.config.weight_depth)
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


def _fitting(
    graph: QGraph,
    lowered: Lowered,
    board: Board,
    predict: Callable[[Program], FrameTiming],
    tell: Callable[[str], None],
) -> list[Maker]:
    """Plans of the first array that leaves enough memory for the tensors; ResourceError, of the favourite one, if none does."""
    failures: list[ResourceError] = []
    least = 0  # words of the activation memory
    for base in streamed_bases(lowered, board.part):
        try:
            job = Job(graph, lowered, board, base, predict, tell)
            if job.most_words < least:
                continue
            least = job.most_words + 1
            return makers(job)
        except ResourceError as error:
            failures.append(error)
            if isinstance(error, NoFitError):
                least = max(least, error.needed)
    raise failures[0]
