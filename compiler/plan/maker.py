"""Makes plans for one core."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.plan.resources import Resources, resources
from hwgen.compiler.plan.result import FrameTiming, Plan
from hwgen.compiler.plan.target import Board, Part
from hwgen.compiler.program.assemble import build_program
from hwgen.compiler.program.program import Program
from hwgen.compiler.tiling.channel_tiles import channel_tiles
from hwgen.compiler.tiling.fit import Fit, fit, with_channel_tiles
from hwgen.compiler.tiling.fusion_groups import FusionLimits, GivenFusion
from hwgen.compiler.tiling.striping import Weights
from hwgen.compiler.weight_schedule.schedule import StepLoads, schedule
from hwgen.errors import ResourceError
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import CoreConfig

TILE_SHARES = (4, 2, 6)
"""Passes are cut into channel tiles of at most this share of the weight memory, so that loading runs on while they compute; the
first one decides which memories the core gets."""


def needs(graph: QGraph, config: CoreConfig, part: Part) -> Resources:
    """What a core takes; ResourceError if the part has less."""
    found = resources(config, part.family)
    if short := found.short(part):
        raise ResourceError(f"{graph.name} on {part.name}: the core needs {'; '.join(short)}")
    return found


MOST_PASSES = 65_535
"""Of a frame: a packet of the stream waits for a number of 16 bits."""


class Maker:
    """Makes plans for one core, with passes cut into channel tiles of several sizes.

    Raises:
        ResourceError: the network does not fit this core.
    """

    def __init__(
        self,
        graph: QGraph,
        lowered: Lowered,
        board: Board,
        config: CoreConfig,
        predict: Callable[[Program], FrameTiming],
        efforts: Sequence[int],
        fusion: FusionLimits | GivenFusion,
    ) -> None:
        self._graph, self._lowered, self._board, self.config = graph, lowered, board, config
        self.efforts, self._fusion = efforts, fusion
        self._predict = predict
        self._resources = needs(graph, config, board.part)
        words = [ceil_div(item.channels, config.cols) * item.depth for item in lowered.passes]
        weights = Weights(words, config.weight_depth, config.weight_bytes // 2)
        self._fit = fit(lowered, config.activation_depth, weights, efforts, fusion)
        self._schedules: dict[int, tuple[Fit, list[StepLoads]]] = {}
        self._scheduled(TILE_SHARES[0])

    def of(self, config: CoreConfig, efforts: Sequence[int]) -> Maker:
        """The same for another core or with another effort."""
        return Maker(self._graph, self._lowered, self._board, config, self._predict, efforts, self._fusion)

    def make(self, share: int) -> Plan:
        """A plan with channel tiles of at most a `share`-th of the weight memory."""
        lowered, config = self._lowered, self.config
        fitted, loads = self._scheduled(share)
        program = build_program(lowered, fitted.steps, fitted.layouts, loads, config)
        timing = self._predict(program)
        part = self._board.part
        return Plan(
            self._graph, self._board.name, part, config, lowered, fitted, loads, program, timing, self._resources
        )

    def _scheduled(self, share: int) -> tuple[Fit, list[StepLoads]]:
        """Steps and the loads of their weights."""
        if share not in self._schedules:
            fitted = with_channel_tiles(self._lowered, self._fit, channel_tiles(self._lowered, self.config, share))
            if len(fitted.steps) > MOST_PASSES:
                raise ResourceError(
                    f"{self._graph.name}: {len(fitted.steps):,} passes a frame; at most {MOST_PASSES:,} are counted; take a smaller "
                    "resolution, or fewer layers"
                )
            self._schedules[share] = fitted, schedule(fitted.steps, self.config)
        return self._schedules[share]
