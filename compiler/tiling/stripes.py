"""Steps: logical passes cut into stripes of rows and tiles of output channels, in the order in which the core runs them.

A *fusion group* is a run of logical passes.  With more than one stripe its passes take turns: for every stripe of the last pass's rows each
pass makes just the rows that are wanted and not yet there, so that the tensors between them need only a few rows of memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hwgen.compiler.lower.passes import Buffer, LogicalPass, Lowered
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WORD_BYTES

_NEVER = 1 << 30

_STORE_STEPS = 2
"""A row goes to the SDRAM while the step behind its last writer runs."""


@dataclass(frozen=True, eq=False)
class Step:
    """One pass of the core: rows `first_row .. first_row + rows - 1`, channels `first_channel .. + channels - 1` of a logical pass."""

    index: int
    source: LogicalPass
    first_row: int
    rows: int
    first_channel: int
    channels: int
    fusion_group: int
    stripe: int

    @property
    def past_row(self) -> int:
        return self.first_row + self.rows

    @property
    def output_rows(self) -> slice:
        """Rows of the output buffer that it writes."""
        return slice(*self.source.output_rows(self.first_row, self.past_row))

    @property
    def complete(self) -> bool:
        """What it writes is a result, not the sum of some stripes."""
        return not self.source.striped or self.past_row == self.source.height

    @property
    def name(self) -> str:
        """Name of the logical pass, with stripe and channel tile where there are several, and the frame of a batch."""
        tile = "" if self.channels == self.source.channels else f"/c{self.first_channel}"
        stripe = "" if self.rows == self.source.height else f"[{self.first_row}:{self.past_row}]"
        frame = "" if self.source.frame is None else f" #{self.source.frame}"
        return f"{self.source.name}{tile}{stripe}{frame}"


@dataclass(frozen=True)
class FusionGroup:
    """Logical passes `first .. past - 1`, and the rows of each stripe of the last one."""

    first: int
    past: int
    heights: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Lifetimes:
    """For every row of a buffer the first step that writes it and the last step that reads it, int64 [height] each."""

    start: np.ndarray
    end: np.ndarray


def natural_groups(lowered: Lowered, most_live: int = 1) -> list[tuple[int, int]]:
    """(first, past) of the shortest runs of passes that hand over at most so many tensors, with nothing left to write into them.

    A tensor that the DMA loads is read in one run only.
    """
    last_read = _last_reader(lowered)
    last_written = {item.output.buffer: i for i, item in enumerate(lowered.passes)}
    first_used: dict[str, int] = {}
    for i, item in enumerate(lowered.passes):
        for name in (item.output.buffer, *(view.buffer for view in item.views)):
            first_used.setdefault(name, i)
    spilled = lowered.copies
    # (first, last) of the passes that must be together.
    together = [(first_used[name], last_written[name]) for name in spilled]
    together += [(first_used[name], last_read[name]) for name, buffer in lowered.buffers.items() if buffer.loaded]
    fusion_groups, first = [], 0
    live: set[str] = set()
    for i, step in enumerate(lowered.passes):
        live.add(step.output.buffer)
        live = {name for name in live if last_read.get(name, i if name in spilled else _NEVER) > i}
        whole = not any(begin <= i < end for begin, end in together)
        if len(live) <= most_live and whole and all(last_written[name] <= i for name in live):
            fusion_groups.append((first, i + 1))
            first = i + 1
    return fusion_groups


def _last_reader(lowered: Lowered) -> dict[str, int]:
    last: dict[str, int] = {}
    for i, step in enumerate(lowered.passes):
        for view in step.views:
            last[view.buffer] = i
    last.pop(lowered.result, None)  # the host reads it
    return last


def group_stripes(lowered: Lowered, fusion_group: FusionGroup) -> Iterator[tuple[int, LogicalPass, int, int]]:
    """(stripe, pass, first row, past row) in the order of execution."""
    passes = lowered.passes[fusion_group.first : fusion_group.past]
    final = passes[-1]
    made = dict.fromkeys(range(len(passes)), 0)
    past = 0
    for stripe, height in enumerate(fusion_group.heights):
        past += height
        need = _demand(lowered.buffers, passes, final, past)
        for i, item in enumerate(passes):
            wanted = item.height if past >= final.height else need[i]
            if wanted > made[i]:
                yield stripe, item, made[i], wanted
                made[i] = wanted


def _demand(buffers: dict[str, Buffer], passes: Sequence[LogicalPass], final: LogicalPass, past: int) -> dict[int, int]:
    """Rows that each pass must have made for the first `past` rows of the final pass."""
    need: dict[int, int] = {}
    wanted: dict[str, int] = {}
    for i in reversed(range(len(passes))):
        item = passes[i]
        if item.output.buffer == final.output.buffer:
            rows = max(past, wanted.get(item.output.buffer, 0))  # another part of it may need more rows of this one
        elif item.output.buffer in wanted:
            rows = item.height if item.striped else wanted[item.output.buffer]
        else:  # read by later fusion groups only
            rows = ceil_div(item.height * past, final.height)
        need[i] = rows
        if rows:
            height = buffers[item.input.buffer].height
            past_rows = [item.input_rows(0, rows, height)[1], item.operand_rows(0, rows)[1]]
            for view, view_past in zip(item.views, past_rows, strict=False):
                made = buffers[view.buffer].source or view.buffer  # what comes back must have been made
                wanted[made] = max(wanted.get(made, 0), view_past)
    return need


def split_channels(item: LogicalPass, cols: int, max_chunks: int) -> list[tuple[int, int]]:
    """(first channel, channels) of the tiles of a pass, each of at most `max_chunks` chunks of `cols` channels.

    The first channel of a tile must lie at a word of the operand, or at half a word of the output.
    """
    unit = 2 if item.operand is not None and cols % WORD_BYTES else 1
    chunks = ceil_div(item.channels, cols)
    per_tile = max(unit, max_chunks // unit * unit)
    tiles = ceil_div(chunks, per_tile)
    per_tile = ceil_div(chunks, tiles * unit) * unit
    size = per_tile * cols
    return [(first, min(size, item.channels - first)) for first in range(0, item.channels, size)]


def build_steps(
    lowered: Lowered, fusion_groups: Sequence[FusionGroup], tiles: dict[str, list[tuple[int, int]]]
) -> list[Step]:
    """All steps; `tiles` gives the channels of each tile by the name of the logical pass (missing: one tile).

    Frames of a batch that run the same pass one behind the other take turns, so that each tile's weights serve all of them.
    """
    steps: list[Step] = []
    for number, fusion_group in enumerate(fusion_groups):
        for (stripe, name), turns in itertools.groupby(
            group_stripes(lowered, fusion_group), lambda turn: (turn[0], turn[1].name)
        ):
            items = list(turns)
            for channel, channels in tiles.get(name, [(0, items[0][1].channels)]):
                for _, item, first, past in items:
                    for low, high in itertools.pairwise(range(first, past + 1) if item.row_of else (first, past)):
                        steps.append(Step(len(steps), item, low, high - low, channel, channels, number, stripe))
    return steps


def _turns(steps: Sequence[Step]) -> list[tuple[int, int]]:
    """For each step the first and the last step of the frames that take turns with it: itself if there are none.

    Whether a pass is cut into channel tiles is decided when all tensors have their places, so these hold for any tiles.
    """
    found: list[tuple[int, int]] = []
    for _, run in itertools.groupby(steps, lambda step: (step.fusion_group, step.stripe, step.source.name)):
        turn = list(run)
        together = any(step.source is not turn[0].source for step in turn)
        found += [(turn[0].index, turn[-1].index) if together else (step.index, step.index) for step in turn]
    return found


def read_rows(lowered: Lowered, step: Step) -> list[tuple[str, int, int]]:
    """(buffer, first row, past row) of everything that a step reads: the input, then the operand."""
    item = step.source
    height = lowered.buffers[item.input.buffer].height
    rows = [(item.input.buffer, *item.input_rows(step.first_row, step.past_row, height))]
    if item.operand is not None:
        rows.append((item.operand.buffer, *item.operand_rows(step.first_row, step.past_row)))
    return rows


def store_steps(lowered: Lowered, steps: Sequence[Step]) -> dict[str, np.ndarray]:
    """For every buffer that goes to the SDRAM and every row the step before which it has been stored, int64 [height]; -1: not made here.

    That is while the step behind its last writer runs, but before the fusion group ends and before the row is wanted back.
    """
    found = {name: np.full(lowered.buffers[name].height, -1) for name in lowered.copies}
    if not found:
        return found
    wanted = {name: np.full(len(made), _NEVER) for name, made in found.items()}
    ends = np.zeros(len(steps), np.int64)  # step behind the fusion group of each step
    for step in reversed(steps):
        inside = step.index + 1 < len(steps) and steps[step.index + 1].fusion_group == step.fusion_group
        ends[step.index] = ends[step.index + 1] if inside else step.index + 1
    for step in steps:
        if step.source.output.buffer in found:
            found[step.source.output.buffer][step.output_rows] = step.index
        for name, first, past in read_rows(lowered, step):
            source = lowered.buffers[name].source
            if source is not None:
                wanted[source][first:past] = np.minimum(wanted[source][first:past], step.index)
    for name, made in found.items():
        stored = np.minimum(np.minimum(made + _STORE_STEPS, wanted[name]), ends[made])
        found[name] = np.where(made < 0, -1, stored)
    return found


def lifetimes(lowered: Lowered, steps: Sequence[Step]) -> dict[str, Lifetimes]:
    """Row lifetimes of every buffer.

    Rows of the image may be loaded while the passes of the stripe before run: from the reader's previous step on. An image that comes
    whole is there from the first step on. The same is true of what comes back from the SDRAM, but that its first rows come while the step
    before their reader runs, if it is of the same fusion group. Rows that go to the SDRAM live until they are there. What frames of a batch
    read and write in turns lives for all of these turns.
    """
    found = {
        name: Lifetimes(np.full(buffer.height, _NEVER), np.full(buffer.height, -1))
        for name, buffer in lowered.buffers.items()
    }
    previous_reader = dict.fromkeys(lowered.images[:1], 0)
    for step, (begin, end) in zip(steps, _turns(steps), strict=True):
        for name, first, past in read_rows(lowered, step):
            life = found[name]
            life.end[first:past] = np.maximum(life.end[first:past], end)
            if lowered.buffers[name].loaded:
                alone = step.index == 0 or steps[step.index - 1].fusion_group != step.fusion_group
                start = previous_reader.get(name, step.index if alone else step.index - 1)
                life.start[first:past] = np.minimum(life.start[first:past], start)
                previous_reader[name] = step.index
        life = found[step.source.output.buffer]
        rows = step.output_rows
        life.start[rows] = np.minimum(life.start[rows], begin)
        life.end[rows] = np.maximum(life.end[rows], end)
    for name, stored in store_steps(lowered, steps).items():
        found[name].end[:] = np.where(stored < 0, found[name].end, np.maximum(found[name].end, stored - 1))
    found[lowered.result].end[:] = len(steps)
    for name in lowered.kept:
        found[name].start[:], found[name].end[:] = 0, len(steps)
    for name in lowered.images if lowered.whole_image else ():
        # The host writes rows that nobody reads too.
        image = found[name]
        image.start[:], image.end[:] = 0, np.maximum(image.end, 0)
    return found


def peak_words(lowered: Lowered, steps: Sequence[Step], lives: dict[str, Lifetimes]) -> np.ndarray:
    """Words that are live in each step, int64 [steps]."""
    change = np.zeros(len(steps) + 2, np.int64)
    for name, life in lives.items():
        used = life.end >= 0
        np.add.at(change, life.start[used], lowered.buffers[name].row_words)
        np.add.at(change, life.end[used] + 1, -lowered.buffers[name].row_words)
    return np.cumsum(change)[: len(steps)]
