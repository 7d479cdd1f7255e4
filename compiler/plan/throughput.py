"""Throughput mode: a plan for a batch of frames in which the weights of the late passes are loaded once for several of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from hwgen.compiler.plan.batch_estimate import BatchEstimate
from hwgen.compiler.plan.maker import TILE_SHARES
from hwgen.compiler.plan.result import FrameTiming, Plan
from hwgen.compiler.program.assemble import build_program
from hwgen.compiler.program.program import Program
from hwgen.compiler.tiling.batch import Batch, Grouping, tail_of
from hwgen.compiler.tiling.channel_tiles import channel_tiles
from hwgen.compiler.tiling.crossings import boundaries
from hwgen.compiler.tiling.fit import Fit, fit, with_channel_tiles
from hwgen.compiler.tiling.fusion_groups import GivenFusion
from hwgen.compiler.tiling.striping import Weights
from hwgen.compiler.weight_schedule.schedule import schedule
from hwgen.errors import ResourceError
from hwgen.hw.isa.ceil_div import ceil_div

CHOICES = range(2, 9)
"""Frames of a batch to choose from if the user does not say."""

_GROUPS = (2, 3, 4)
_NEAR = 1.01
"""What costs at most so much more than the best is as good, if it takes fewer frames or less memory."""

_EFFORTS = (1, 2)
_MOST_FITS = 3
"""Of groupings that fit the memory so many are looked at."""


def plan_batch(single: Plan, predict: Callable[[Program], FrameTiming], frames: int | None) -> Plan:
    """Plan a network for batches of so many frames (None: as many as are worth it), for the core of its plan for single ones.

    Raises:
        ResourceError: there is nothing to gain, or no batch fits the memory.
    """
    if single.on_chip:
        raise nothing_to_gain(single.lowered.name)
    failure: ResourceError | None = None
    fits: list[tuple[Plan, _Attempt]] = []
    for grouping in _groupings(single, CHOICES if frames is None else [frames]):
        try:
            found = _Attempt(single, grouping, predict)
        except ResourceError as error:
            failure = failure or error
            continue
        made = found.make(TILE_SHARES[0])
        fits.append((made, found))
        if len(fits) == _MOST_FITS or found.avoidable <= (_NEAR - 1) * made.cycles_per_frame:
            break
    if not fits:
        assert failure is not None
        raise failure
    best, attempt = min(fits, key=lambda one: one[0].cycles)
    return min([best, *(attempt.make(share) for share in TILE_SHARES[1:])], key=lambda one: one.cycles)


def nothing_to_gain(name: str) -> ResourceError:
    """The refusal of batches of a network in block RAM."""
    return ResourceError(
        f"{name}: all weights stay in block RAM, no frame waits for them, and a batch would gain nothing; leave out throughput"
    )


def _groupings(single: Plan, counts: range | list[int]) -> Iterator[Grouping]:
    """Groupings of the best count of frames: what should be the fastest first, of about equal ones what needs the least memory."""
    alone = len(counts) == 1
    lowered, fusion_groups = single.lowered, single.fit.fusion_groups
    tail = tail_of(lowered, fusion_groups)
    striped = max((i + 1 for i, item in enumerate(lowered.passes) if item.striped), default=0)
    starts = [
        one.first for one in fusion_groups if striped <= one.first < tail
    ]  # the window keeps the sums of one frame
    estimate = BatchEstimate(single)
    cycles = {
        grouping: estimate(grouping) / grouping.frames
        for frames in counts
        for grouping in (
            Grouping(frames, tail, 1, tail),
            *(
                Grouping(frames, start, group, tail)
                for start in starts
                for group in _GROUPS
                if group <= frames and (alone or frames % group == 0)
            ),
        )
    }
    least = min(cycles.values())
    frames = min(one.frames for one, count in cycles.items() if count <= _NEAR * least)
    waiting = [sum(lowered.buffers[name].size for name in names) for names in boundaries(lowered)]
    possible = [one for one in cycles if one.frames == frames]
    near = _NEAR * min(cycles[one] for one in possible)

    def rank(one: Grouping) -> tuple[int, int, float]:
        step = max(0, math.ceil(math.log(cycles[one] / near, _NEAR)))
        return step, (one.group - 1) * waiting[one.start], cycles[one]

    ranked = sorted(possible, key=rank)
    yield from ranked


class _Attempt:
    """Stripes and places of one group of frames, the same for all groups of the batch."""

    def __init__(self, single: Plan, grouping: Grouping, predict: Callable[[Program], FrameTiming]) -> None:
        self._single, self._predict = single, predict
        lowered, config = single.lowered, single.config
        batch = Batch(lowered, single.fit.fusion_groups, grouping)
        if not batch.possible:
            raise ResourceError(
                f"{lowered.name}: its result {lowered.result} is read again or made with a second operand, so frames of a batch cannot "
                "share it; leave out throughput"
            )
        unit, ranges = batch.network(min(grouping.group, grouping.frames))
        words = [ceil_div(item.channels, config.cols) * item.depth for item in unit.passes]
        weights = Weights(words, config.weight_depth, config.weight_bytes // 2)
        found = fit(unit, config.activation_depth, weights, _EFFORTS, GivenFusion(tuple(ranges)))
        self.avoidable = found.avoidable / grouping.group
        """Cycles of a frame that its stripes cost beyond the cheapest ones."""
        fusion_groups, layouts = batch.unrolled(found.fusion_groups, found.layouts)
        self._lowered = batch.network(grouping.frames)[0]
        self._fit: Fit = replace(found, fusion_groups=fusion_groups, layouts=layouts)

    def make(self, share: int) -> Plan:
        """The plan with channel tiles of at most a `share`-th of the weight memory."""
        single, lowered, config = self._single, self._lowered, self._single.config
        fitted = with_channel_tiles(lowered, self._fit, channel_tiles(lowered, config, share))
        loads = schedule(fitted.steps, config)
        program = build_program(lowered, fitted.steps, fitted.layouts, loads, config)
        timing = self._predict(program)
        return replace(single, lowered=lowered, fit=fitted, loads=loads, program=program, timing=timing, single=single)
