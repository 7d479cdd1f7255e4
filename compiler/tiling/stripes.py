"""Steps: logical passes cut into stripes of rows and tiles of output channels, in the order in which the core runs them.

A *fusion group* is a run of logical passes.  With more than one stripe its passes take turns: for every stripe of the last pass's rows each
pass makes just the rows that are wanted and not yet there, so that the tensors between them need only a few rows of memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hwgen.compiler.lower.passes import Buffer, LogicalPass, Lowered
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WORD_BYTES

_NEVER = 1 << 30

_MANY_SPANS = 6
"""So many rows of steps are looked at at once, fewer one by one."""

_STORE_STEPS = 2
"""A row goes to the SDRAM while the step behind its last writer runs."""


@dataclass(
    eq=False, slots=True
)  # not frozen: a search makes hundreds of thousands, and frozen ones take four times as long
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
    inside = _covered(together, len(lowered.passes))
    fusion_groups, first = [], 0
    live: set[str] = set()
    for i, step in enumerate(lowered.passes):
        live.add(step.output.buffer)
        live = {name for name in live if last_read.get(name, i if name in spilled else _NEVER) > i}
        if len(live) <= most_live and not inside[i] and all(last_written[name] <= i for name in live):
            fusion_groups.append((first, i + 1))
            first = i + 1
    return fusion_groups


def _covered(ranges: Sequence[tuple[int, int]], count: int) -> list[bool]:
    """For each number below `count` whether it is in one of the ranges (first, past)."""
    change = [0] * (count + 1)
    for first, past in ranges:
        if first < past:
            change[first] += 1
            change[past] -= 1
    return [depth > 0 for depth in itertools.accumulate(change[:count])]


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
    if all(step.source.frame is None for step in steps):
        return [(step.index, step.index) for step in steps]
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
    groups = np.array([step.fusion_group for step in steps])
    changes = np.append(np.flatnonzero(groups[1:] != groups[:-1]) + 1, len(steps))
    ends = changes[np.searchsorted(changes, np.arange(len(steps)), side="right")]  # step behind each one's fusion group
    for run in _by_pass(steps):
        item, numbers = run[0].source, [step.index for step in run]
        if item.output.buffer in found:
            _until(found[item.output.buffer], _written(run), numbers)
        for view, spans in _read(lowered, run):
            source = lowered.buffers[view].source
            if source is not None:
                _from(wanted[source], spans, numbers)
    for name, made in found.items():
        stored = np.minimum(np.minimum(made + _STORE_STEPS, wanted[name]), ends[made])
        found[name] = np.where(made < 0, -1, stored)
    return found


def lifetimes(lowered: Lowered, steps: Sequence[Step], names: Iterable[str] | None = None) -> dict[str, Lifetimes]:
    """Row lifetimes of the buffers `names`, all that the steps read and write among them; None: of every buffer.

    Rows of the image may be loaded while the passes of the stripe before run: from the reader's previous step on. An image that comes
    whole is there from the first step on. The same is true of what comes back from the SDRAM, but that its first rows come while the step
    before their reader runs, if it is of the same fusion group. Rows that go to the SDRAM live until they are there. What frames of a batch
    read and write in turns lives for all of these turns.
    """
    found = {
        name: Lifetimes(np.full(height, _NEVER), np.full(height, -1))
        for name in (lowered.buffers if names is None else names)
        for height in (lowered.buffers[name].height,)
    }
    turns = _turns(steps)
    for run in _by_pass(steps):
        _use(lowered, found, run, [turns[step.index - steps[0].index] for step in run])
    _load(lowered, found, steps)
    if any(step.source.output.buffer in lowered.copies for step in steps):
        for name, stored in store_steps(lowered, steps).items():
            if name in found:
                found[name].end[:] = np.where(stored < 0, found[name].end, np.maximum(found[name].end, stored - 1))
    if lowered.result in found:
        found[lowered.result].end[:] = len(steps)
    for name in lowered.kept & found.keys():
        found[name].start[:], found[name].end[:] = 0, len(steps)
    for name in found.keys() & lowered.images if lowered.whole_image else ():
        # The host writes rows that nobody reads too.
        image = found[name]
        image.start[:], image.end[:] = 0, np.maximum(image.end, 0)
    return found


def _by_pass(steps: Sequence[Step]) -> Iterable[list[Step]]:
    """The steps of each logical pass, in order."""
    found: dict[LogicalPass, list[Step]] = {}
    for step in steps:
        found.setdefault(step.source, []).append(step)
    return found.values()


def _use(
    lowered: Lowered, lives: Mapping[str, Lifetimes], steps: Sequence[Step], turns: Sequence[tuple[int, int]]
) -> None:
    """What the steps of one pass read lives until then, what they write from then on; `turns` as of `_turns`."""
    begins, ends = [begin for begin, _ in turns], [end for _, end in turns]
    for name, spans in _read(lowered, steps):
        _until(lives[name].end, spans, ends)
    life, written = lives[steps[0].source.output.buffer], _written(steps)
    _from(life.start, written, begins)
    _until(life.end, written, ends)


def _read(lowered: Lowered, steps: Sequence[Step]) -> list[tuple[str, list[tuple[int, int]]]]:
    """Buffers that the steps of one pass read, and the rows (first, past) that each step reads: as `read_rows`."""
    item, height = steps[0].source, lowered.buffers[steps[0].source.input.buffer].height
    rows = [(step.first_row, step.first_row + step.rows) for step in steps]
    found = [(item.input.buffer, [item.input_rows(*span, height) for span in rows])]
    if item.operand is not None:
        found.append((item.operand.buffer, [item.operand_rows(*span) for span in rows]))
    return found


def _written(steps: Sequence[Step]) -> list[tuple[int, int]]:
    """Rows (first, past) of the output buffer that each step of one pass writes."""
    return [step.source.output_rows(step.first_row, step.first_row + step.rows) for step in steps]


def _until(values: np.ndarray, spans: Sequence[tuple[int, int]], steps: Sequence[int]) -> None:
    """Rows (first, past) of span i have a value of at least `steps[i]`, which never falls from span to span."""
    ranges = _rising(spans)
    if ranges is None:
        for (first, past), step in zip(spans, steps, strict=True):
            np.maximum(values[first:past], step, out=values[first:past])
        return
    rows = np.arange(len(values))
    last = np.searchsorted(ranges[0], rows, side="right") - 1  # span that begins last before a row
    there = (last >= 0) & (ranges[1][last] > rows)
    np.maximum(values, np.where(there, np.array(steps)[last], -1), out=values)


def _from(values: np.ndarray, spans: Sequence[tuple[int, int]], steps: Sequence[int]) -> None:
    """Rows (first, past) of span i have a value of at most `steps[i]`, which never falls from span to span."""
    ranges = _rising(spans)
    if ranges is None:
        for (first, past), step in zip(spans, steps, strict=True):
            np.minimum(values[first:past], step, out=values[first:past])
        return
    rows = np.arange(len(values))
    index = np.searchsorted(ranges[1], rows, side="right")  # span that ends first behind a row
    index[index == len(steps)] = 0
    there = (ranges[0][index] <= rows) & (ranges[1][index] > rows)
    np.minimum(values, np.where(there, np.array(steps)[index], _NEVER), out=values)


def _rising(spans: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray] | None:
    """First and past rows of spans of which none begins or ends before the one before it; None for others, and for a few."""
    if len(spans) < _MANY_SPANS:
        return None
    first, past = np.array(spans).T
    falls = (first[1:] < first[:-1]).any() or (past[1:] < past[:-1]).any()
    return None if falls else (first, past)


def _load(lowered: Lowered, lives: Mapping[str, Lifetimes], steps: Sequence[Step]) -> None:
    """From when on rows lie in memory that the DMA brings."""
    readers: dict[str, list[tuple[int, tuple[int, int]]]] = {}
    for run in _by_pass(steps):
        for name, spans in (
            _read(lowered, run) if any(lowered.buffers[v.buffer].loaded for v in run[0].source.views) else ()
        ):
            if lowered.buffers[name].loaded:
                readers.setdefault(name, []).extend(zip((step.index for step in run), spans, strict=True))
    first, image = steps[0].index, lowered.images[:1]
    for name, reads in readers.items():
        reads.sort(key=lambda read: read[0])
        number = reads[0][0]
        alone = number == first or steps[number - first - 1].fusion_group != steps[number - first].fusion_group
        before = 0 if name in image else number if alone else number - 1
        _from(lives[name].start, [span for _, span in reads], [before, *(index for index, _ in reads[:-1])])


def peak_words(lowered: Lowered, steps: Sequence[Step], lives: dict[str, Lifetimes]) -> np.ndarray:
    """Words that are live in each step, int64 [steps]."""
    change = np.zeros(len(steps) + 2, np.int64)
    for name, life in lives.items():
        used = life.end >= 0
        np.add.at(change, life.start[used], lowered.buffers[name].row_words)
        np.add.at(change, life.end[used] + 1, -lowered.buffers[name].row_words)
    return np.cumsum(change)[: len(steps)]
