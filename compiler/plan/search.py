"""Explores the cores that a network could have on a part, and what each pays for its cycles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.lower.array_steps import in_steps
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.plan.core import LANES, core_of, memories, shapes
from hwgen.compiler.plan.estimate import estimate
from hwgen.compiler.plan.k_steps import of_choice
from hwgen.compiler.plan.maker import TILE_SHARES, Maker
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.plan.resources import resources
from hwgen.compiler.plan.result import FrameTiming, Plan
from hwgen.compiler.plan.strategies import ACTIVATION_STEP, FIRST_EFFORTS
from hwgen.compiler.plan.target import Board
from hwgen.compiler.program.program import Program
from hwgen.compiler.tiling.channel_tiles import least_weight_words
from hwgen.compiler.tiling.fusion_groups import FusionLimits
from hwgen.errors import ResourceError
from hwgen.hw.isa.config import CoreConfig

_MOST_CORES = 8
"""So many arrays with their window lanes are planned, those that would be fastest."""


@dataclass(frozen=True, eq=False)
class Explored:
    """A plan, and whether it is the one that `plan` chooses."""

    plan: Plan
    built: bool


def search(
    graph: QGraph, board: Board, predict: Callable[[Program], FrameTiming], k_steps: int | None = 1
) -> list[Explored]:
    """Plans of which none is beaten by another in cycles, logic, multipliers and block RAM at once; fewest cycles first.

    Explored are the array's rows and columns, its steps of K (unless `k_steps` says how many), the window's lanes and the sizes of the
    memories, each with the stripes that fit. An estimate chooses the arrays and lanes, the timing model the rest. The array's requantisers
    go with its columns, one for two: so many drain a tile in 2 R cycles, the least that the next one takes. What `plan` chooses is always
    there: it weighs logic, and a place and route that succeeds, against the last cycles.

    Raises:
        UnsupportedOpError, ResourceError: as `plan` does.
    """
    found = [plan(graph, board, predict, k_steps=k_steps)]
    lowered = lower(graph, unfused=found[0].lowered.unfused)
    networks = {steps: in_steps(lowered, steps) for steps in of_choice(k_steps)}
    for choice in _cores(networks, board)[:_MOST_CORES]:
        for config in choice:
            network = networks[config.k_steps]
            try:
                maker = Maker(graph, network, board, config, predict, FIRST_EFFORTS, FusionLimits())
            except ResourceError:
                continue
            found.append(maker.make(TILE_SHARES[0]))
    costs = [(one.cycles, one.resources.lut, one.resources.dsp, one.resources.ebr) for one in found]
    kept = {0, *_front(costs)}
    return [Explored(found[i], i == 0) for i in sorted(kept, key=lambda i: costs[i])]


def _cores(networks: Mapping[int, Lowered], board: Board) -> list[list[CoreConfig]]:
    """Of every array and count of window lanes worth it the cores with the memory shared out in several ways; the fastest first.
    `networks`: the network for arrays of so many steps."""
    part = board.part
    choices: list[list[CoreConfig]] = []
    for lowered in networks.values():
        for shape in shapes(lowered, part):
            least = least_weight_words(lowered, shape[1])
            for lanes in LANES:
                base = core_of(lowered, part, shape, lanes)
                try:
                    sizes = list(memories(base, part, ACTIVATION_STEP, least))
                except ResourceError:
                    continue
                if fitting := [config for config in sizes if not resources(config, part.family).short(part)]:
                    choices.append(fitting)
    costs = []
    for first, *_ in choices:
        need = resources(first, part.family)
        costs.append((estimate(networks[first.k_steps], first), need.lut, need.dsp))
    return [choices[i] for i in sorted(_front(costs), key=lambda i: costs[i])]


def _front(costs: Sequence[tuple[int, ...]]) -> list[int]:
    """Indices of the entries that no other one undercuts or equals in everything; of equal ones the first."""
    return [
        i
        for i, cost in enumerate(costs)
        if not any(
            all(a <= b for a, b in zip(other, cost, strict=True)) and (other != cost or j < i)
            for j, other in enumerate(costs)
        )
    ]
