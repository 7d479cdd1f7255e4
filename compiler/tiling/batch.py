"""A batch of frames as one network: early passes frame by frame, late ones by turns, so that weights loaded once serve several frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hwgen.compiler.lower.passes import LogicalPass, Lowered, View
from hwgen.compiler.tiling.memory import Layout
from hwgen.compiler.tiling.stripes import FusionGroup
from hwgen.hw.isa.descriptor import FeedMode

Run = tuple[FusionGroup, tuple[int, ...]]
"""A fusion group of the network for one frame and the frames that take turns in it; none: the fusion group takes all frames at once."""


@dataclass(frozen=True)
class Grouping:
    """How the frames of a batch share their passes.

    Attributes:
        frames: of the batch.
        start: the passes before it run frame by frame; those from here on by groups of frames that take turns.
        group: frames of a group (the last one may have fewer).
        tail: the passes from here on compute all frames at once, each a row of one tensor; the count of passes if there are none.
    """

    frames: int
    start: int
    group: int
    tail: int

    def runs(self, fusion_groups: Sequence[FusionGroup], frames: int) -> list[Run]:
        """The network's fusion groups in the order of execution, for the first `frames` frames and with the tail."""
        found: list[Run] = []
        for begin in range(0, frames, self.group):
            group = tuple(range(begin, min(begin + self.group, frames)))
            for frame in group:
                found += [(one, (frame,)) for one in fusion_groups if one.first < self.start]
            found += [(one, group) for one in fusion_groups if self.start <= one.first < self.tail]
        return [*found, *((one, ()) for one in fusion_groups if one.first >= self.tail)]


def tail_of(lowered: Lowered, fusion_groups: Sequence[FusionGroup]) -> int:
    """First of the last passes that are a product of a matrix and a vector, and so can take all frames' vectors at once."""
    starts = {one.first for one in fusion_groups}
    tail = found = len(lowered.passes)
    while tail and _vector(lowered, lowered.passes[tail - 1]):
        tail -= 1
        if tail in starts and not _tied(lowered, tail):
            found = tail
    return found


def _vector(lowered: Lowered, item: LogicalPass) -> bool:
    source, place = lowered.buffers[item.input.buffer], item.output
    one = (1, 1) == (item.height, item.width) == (source.height, source.width) and item.window.trivial
    return one and item.mode == FeedMode.TAP and item.operand is None and not source.loaded and place.step == 1


def _tied(lowered: Lowered, tail: int) -> bool:
    """Something that the tail reads is read before it too or made with an operand, whose rows must lie in other banks; or something
    that it writes is written before it.
    """
    read = {item.input.buffer for item in lowered.passes[tail:]}
    written = {item.output.buffer for item in lowered.passes[tail:]}
    before = lowered.passes[:tail]
    return any(
        any(view.buffer in read for view in item.views)
        or item.output.buffer in written
        or (item.operand is not None and item.output.buffer in read)
        for item in before
    )


class Batch:
    """Makes the network for a batch, whole or for its first group of frames, of the network for one frame.

    Frame f's passes keep their names, so that they find the same weights; its tensors are `name#f`. The result, and what the tail reads
    and writes, hold all frames, one below the other.
    """

    def __init__(self, lowered: Lowered, fusion_groups: Sequence[FusionGroup], grouping: Grouping) -> None:
        self.grouping = grouping
        self._lowered, self._fusion_groups = lowered, fusion_groups
        before, tail = lowered.passes[: grouping.tail], lowered.passes[grouping.tail :]
        self._stacked = {name for item in tail for name in (item.input.buffer, item.output.buffer)} | {lowered.result}
        self._kept = {item.output.buffer for item in before} & self._stacked

    @property
    def possible(self) -> bool:
        """The frames' results can be stacked: no pass in front of the tail reads them again or makes them with an operand."""
        before, result = self._lowered.passes[: self.grouping.tail], self._lowered.result
        read = any(view.buffer == result for item in before for view in item.views)
        return not read and all(item.operand is None for item in before if item.output.buffer == result)

    def name(self, buffer: str, frame: int) -> str:
        """A frame's buffer."""
        return buffer if buffer in self._stacked else f"{buffer}#{frame}"

    def network(self, frames: int) -> tuple[Lowered, list[tuple[int, int]]]:
        """The passes of the first `frames` frames and the tail, and (first, past) of its fusion groups."""
        lowered = self._lowered
        ordered: list[LogicalPass] = []
        ranges: list[tuple[int, int]] = []
        for fusion_group, run in self.grouping.runs(self._fusion_groups, frames):
            first = len(ordered)
            for item in lowered.passes[fusion_group.first : fusion_group.past]:
                ordered += [self._of_frame(item, frame) for frame in run] if run else [self._of_all(item)]
            ranges.append((first, len(ordered)))
        buffers = {}
        for frame in range(frames):
            for name, buffer in lowered.buffers.items():
                own = self.name(name, frame)
                if name in self._stacked:
                    buffers[own] = replace(buffer, height=self.grouping.frames * buffer.height)
                else:
                    source = None if buffer.source is None else self.name(buffer.source, frame)
                    buffers[own] = replace(buffer, name=own, source=source)
        whole = replace(lowered, buffers=buffers, passes=ordered, frames=frames, kept=frozenset(self._kept))
        return whole, ranges

    def unrolled(
        self, fusion_groups: Sequence[FusionGroup], layouts: dict[str, Layout]
    ) -> tuple[list[FusionGroup], dict[str, Layout]]:
        """Stripes and places of the whole batch from those of its first group: the others' are the same."""
        group, runs = self.grouping.group, self.grouping.runs(self._fusion_groups, self.grouping.group)
        heights = {
            (one.first, run[0] if len(run) == 1 and one.first < self.grouping.start else None): found.heights
            for (one, run), found in zip(runs, fusion_groups, strict=True)
        }
        _, ranges = self.network(self.grouping.frames)
        made = []
        for (one, run), (first, past) in zip(
            self.grouping.runs(self._fusion_groups, self.grouping.frames), ranges, strict=True
        ):
            place = run[0] % group if run and one.first < self.grouping.start else None
            made.append(FusionGroup(first, past, heights[one.first, place]))
        places = {}
        for frame in range(self.grouping.frames):
            for name in self._lowered.buffers:
                places[self.name(name, frame)] = layouts[self.name(name, frame % group)]
        return made, places

    def _of_frame(self, item: LogicalPass, frame: int) -> LogicalPass:
        def moved(view: View) -> View:
            return replace(view, buffer=self.name(view.buffer, frame))

        place = item.output
        row = frame * self._lowered.buffers[place.buffer].height if place.buffer in self._stacked else 0
        return replace(
            item,
            frame=frame,
            input=moved(item.input),
            operand=None if item.operand is None else moved(item.operand),
            output=replace(place, buffer=self.name(place.buffer, frame), row=row),
        )

    def _of_all(self, item: LogicalPass) -> LogicalPass:
        return replace(item, height=self.grouping.frames, macs=self.grouping.frames * item.macs)
