"""The search over the cores that a network could have on a board."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from hwgen.errors import ToolError
from hwgen.flow.network import Int8Network, Network, int8
from hwgen.flow.plan import timing_model
from hwgen.flow.progress import Listener, step
from hwgen.flow.target import Target
from hwgen.reports.search import AtClock, Candidate, SearchResult

if TYPE_CHECKING:
    from hwgen.boards.board import Board
    from hwgen.compiler.plan.result import Plan as MachinePlan

_CLOCKS_MHZ = (60, 75, 90, 105, 125, 142)
"""For which the built core is predicted too, as far as the board allows them."""


def search(
    network: Network | Int8Network,
    *,
    board: str | Board = "ulx3s",
    clock_mhz: float | None = None,
    k_steps: int | None = 1,
    progress: Listener | None = None,
) -> SearchResult:
    """Explore the cores for a network on a board, and clocks for the one that is built; arguments and errors as of `hwgen.plan`."""
    from hwgen.compiler.legalise import legalise
    from hwgen.compiler.plan.search import search as explore

    target = Target(board, clock_mhz, k_steps=k_steps)
    place, clock = target.resolve()
    graph = int8(network, progress).graph
    with step(progress, "search"):
        found = explore(legalise(graph), place, timing_model(place, clock), k_steps)
        built = next(one.plan for one in found if one.built)
        clocks = list(_at_clocks(target, built))
    return SearchResult([Candidate.of(one.plan, one.built) for one in found], clocks)


def _at_clocks(target: Target, plan: MachinePlan) -> Iterator[AtClock]:
    for clock_mhz in _CLOCKS_MHZ:
        try:
            board, clock = replace(target, clock_mhz=clock_mhz).resolve()
        except ToolError:  # more than the board's memory allows
            continue
        cycles = timing_model(board, clock)(plan.program).cycles
        yield AtClock(float(clock.output_hz) / 1e6, cycles, float(clock.output_hz) / cycles)
