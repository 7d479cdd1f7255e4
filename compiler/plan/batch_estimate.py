"""About the cycles of a batch, from the plan for one frame: to choose groupings that are then fitted and predicted exactly."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from hwgen.compiler.plan.result import Plan
from hwgen.compiler.tiling.batch import Grouping
from hwgen.compiler.tiling.stripes import Step
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.packets import PacketKind

_HALFWORD_CYCLES = 1.1
"""Cycles of the SDRAM for a halfword, refresh and changes of rows included."""

_Key = tuple[str, int]


@dataclass(frozen=True)
class _Pass:
    """Of a step for one frame: cycles, its weights' name and words, and halfwords of the stream that come with it every time."""

    cycles: int
    key: _Key | None
    words: int
    halfwords: int


class BatchEstimate:
    """Runs the steps of the plan for one frame in the order of a batch: the stream loads weights in order, as far ahead as their memory
    has room, and a step waits for its own.
    """

    def __init__(self, single: Plan) -> None:
        self._single = single
        config = single.config
        other = [0] * len(single.fit.steps)
        for packet in single.program.packets:
            if packet.kind != PacketKind.WEIGHTS:
                other[packet.step] += packet.units * packet.halfwords
        self._unit = config.weight_bytes // 2 * _HALFWORD_CYCLES
        self._fusion_groups: list[list[_Pass]] = [[] for _ in single.fit.fusion_groups]
        """Of every fusion group its steps: stripe by stripe and pass by pass the channel tiles."""
        for step, timing in zip(single.fit.steps, single.passes, strict=True):
            self._fusion_groups[step.fusion_group].append(self._pass(step, timing.cycles, other[step.index]))

    def _pass(self, step: Step, cycles: int, halfwords: int) -> _Pass:
        if step.source.array_node is None:
            return _Pass(cycles, None, 0, halfwords)
        words = ceil_div(step.channels, self._single.config.cols) * step.source.depth
        return _Pass(cycles, (step.source.name, step.first_channel), words, halfwords)

    def __call__(self, grouping: Grouping) -> float:
        """Cycles of the batch."""
        depth = self._single.config.weight_depth
        numbers = {one.first: i for i, one in enumerate(self._single.fit.fusion_groups)}
        resident: OrderedDict[_Key, tuple[int, float]] = OrderedDict()  # words, end of the last step that used them
        used, loaded, done = 0, 0.0, 0.0
        for one, run in grouping.runs(self._single.fit.fusion_groups, grouping.frames):
            for tile in self._fusion_groups[numbers[one.first]]:
                for _ in run or (0,):
                    loaded += tile.halfwords * _HALFWORD_CYCLES
                    if tile.key is not None and tile.key not in resident:
                        left = tile.words
                        while left:
                            room = min(left, depth - used)
                            loaded, used, left = loaded + room * self._unit, used + room, left - room
                            if left:
                                words, free = resident.popitem(last=False)[1]
                                used, loaded = used - words, max(loaded, free)
                        resident[tile.key] = tile.words, 0.0
                    done = max(done, loaded) + tile.cycles
                    if tile.key is not None:
                        resident[tile.key] = tile.words, done
        return done
