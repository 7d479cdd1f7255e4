"""When rows of the tensors live: from the step that writes them to the last one that reads them, or until they are in the SDRAM."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hwgen.compiler.lower.passes import LogicalPass, Lowered
from hwgen.compiler.tiling.stripes import Step

_NEVER = 1 << 30

_MANY_SPANS = 6
"""So many rows of steps are looked at at once, fewer one by one."""

_STORE_STEPS = 2
"""A row goes to the SDRAM while the step behind its last writer runs."""


@dataclass(frozen=True, eq=False)
class Lifetimes:
    """For every row of a buffer the first step that writes it and the last step that reads it, int64 [height] each."""

    start: np.ndarray
    end: np.ndarray


class Spans:
    """Rows first .. past - 1 of some steps, int64 [steps] each.

    Attributes:
        rising: there are many, and none begins or ends before the one before it.
    """

    def __init__(self, spans: Sequence[tuple[int, int]]) -> None:
        self.first, self.past = np.array(spans, np.int64).T
        falls = (self.first[1:] < self.first[:-1]).any() or (self.past[1:] < self.past[:-1]).any()
        self.rising = len(spans) >= _MANY_SPANS and not falls

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.first.tolist(), self.past.tolist(), strict=True)


@dataclass(frozen=True, eq=False)
class Run:
    """The steps of one logical pass, in order.

    Attributes:
        source: the pass.
        steps: their numbers, int64 [steps].
        begins, ends: first and last step of the frames that take turns with each of them, int64 [steps]: itself if there are none.
        reads: rows of each of the pass's views.
        writes: rows of its output's buffer.
        known: what `rows` has found.
    """

    source: LogicalPass
    steps: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    reads: tuple[Spans, ...]
    writes: Spans
    known: dict[tuple[Callable[..., np.ndarray], int, int], np.ndarray] = field(default_factory=dict)

    def views(self) -> Iterator[tuple[str, Spans]]:
        """Buffers that it reads, and the rows."""
        return zip((view.buffer for view in self.source.views), self.reads, strict=True)

    def rows(self, kind: Callable[[Spans, np.ndarray, int], np.ndarray], spans: Spans, height: int) -> np.ndarray:
        """Of a buffer of so many rows `latest` of its ends or `earliest` of its begins, found once for all variants of the pass."""
        key = kind, id(spans), height
        if key not in self.known:
            self.known[key] = kind(spans, self.ends if kind is latest else self.begins, height)
        return self.known[key]


@dataclass(frozen=True, eq=False)
class Timetable:
    """What steps read and write, pass by pass.

    Attributes:
        first, past: number of the first step, and of the one behind the last.
        group_ends: for each step the number of the one behind its fusion group, int64 [past - first].
        runs: of each pass.
    """

    first: int
    past: int
    group_ends: np.ndarray
    runs: tuple[Run, ...]

    def of(self, passes: Mapping[LogicalPass, LogicalPass]) -> Timetable:
        """The same for other passes in place of these, which differ in the buffers that they read only."""
        return replace(self, runs=tuple(replace(run, source=passes[run.source]) for run in self.runs))


def timetable(lowered: Lowered, steps: Sequence[Step]) -> Timetable:
    """Of steps whose numbers follow one another."""
    groups = np.array([step.fusion_group for step in steps])
    changes = np.append(np.flatnonzero(groups[1:] != groups[:-1]) + 1, len(steps))
    behind = changes[np.searchsorted(changes, np.arange(len(steps)), side="right")]
    turns = _turns(steps)
    first = steps[0].index
    by_pass: dict[LogicalPass, list[Step]] = {}
    for step in steps:
        by_pass.setdefault(step.source, []).append(step)
    runs = []
    for item, run in by_pass.items():
        height = lowered.buffers[item.input.buffer].height
        rows = [(step.first_row, step.first_row + step.rows) for step in run]
        reads = [Spans([item.input_rows(*span, height) for span in rows])]
        if item.operand is not None:
            reads.append(Spans([item.operand_rows(*span) for span in rows]))
        begins, ends = np.array([turns[step.index - first] for step in run], np.int64).T
        numbers = np.array([step.index for step in run], np.int64)
        writes = Spans([item.output_rows(*span) for span in rows])
        runs.append(Run(item, numbers, begins, ends, tuple(reads), writes))
    return Timetable(first, first + len(steps), first + behind, tuple(runs))


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


def store_steps(lowered: Lowered, steps: Timetable, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """For every buffer (of `names`) that goes to the SDRAM and every row the step before which it has been stored, int64 [height]; -1: not
    made here.

    That is while the step behind its last writer runs, but before the fusion group ends and before the row is wanted back.
    """
    found = {
        name: np.full(lowered.buffers[name].height, -1) for name in lowered.copies if names is None or name in names
    }
    if not found:
        return found
    wanted = {name: np.full(len(made), _NEVER) for name, made in found.items()}
    for run in steps.runs:
        made = found.get(run.source.output.buffer)
        if made is not None:
            np.maximum(made, latest(run.writes, run.steps, len(made)), out=made)
        for view, spans in run.views():
            source = lowered.buffers[view].source
            if source in wanted:
                np.minimum(wanted[source], earliest(spans, run.steps, len(wanted[source])), out=wanted[source])
    for name, made in found.items():
        ends = steps.group_ends[np.maximum(made - steps.first, 0)]
        stored = np.minimum(np.minimum(made + _STORE_STEPS, wanted[name]), ends)
        found[name] = np.where(made < 0, -1, stored)
    return found


def lifetimes(lowered: Lowered, steps: Timetable, names: Iterable[str] | None = None) -> dict[str, Lifetimes]:
    """Row lifetimes of the buffers `names`; None: of every buffer.

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
    for run in steps.runs:
        for name, spans in run.views():
            if name in found:
                end = found[name].end
                np.maximum(end, run.rows(latest, spans, len(end)), out=end)
        life = found.get(run.source.output.buffer)
        if life is not None:
            np.minimum(life.start, run.rows(earliest, run.writes, len(life.start)), out=life.start)
            np.maximum(life.end, run.rows(latest, run.writes, len(life.end)), out=life.end)
    _load(lowered, found, steps)
    made = {run.source.output.buffer for run in steps.runs}
    for name, stored in store_steps(lowered, steps, made & found.keys()).items():
        found[name].end[:] = np.where(stored < 0, found[name].end, np.maximum(found[name].end, stored - 1))
    count = steps.past - steps.first
    if lowered.result in found:
        found[lowered.result].end[:] = count
    for name in lowered.kept & found.keys():
        found[name].start[:], found[name].end[:] = 0, count
    for name in found.keys() & lowered.images if lowered.whole_image else ():
        # The host writes rows that nobody reads too.
        image = found[name]
        image.start[:], image.end[:] = 0, np.maximum(image.end, 0)
    return found


def latest(spans: Spans, steps: np.ndarray, rows: int) -> np.ndarray:
    """For each of so many rows the latest of `steps`, which never fall, whose span has the row; -1 where none has, int64 [rows]."""
    if not spans.rising:
        found = np.full(rows, -1)
        for (first, past), step in zip(spans, steps.tolist(), strict=True):
            np.maximum(found[first:past], step, out=found[first:past])
        return found
    row = np.arange(rows)
    last = np.searchsorted(spans.first, row, side="right") - 1  # span that begins last before a row
    there = (last >= 0) & (spans.past[last] > row)
    return np.where(there, steps[last], -1)


def earliest(spans: Spans, steps: np.ndarray, rows: int) -> np.ndarray:
    """The same of the earliest one; a number beyond all steps where there is none."""
    if not spans.rising:
        found = np.full(rows, _NEVER)
        for (first, past), step in zip(spans, steps.tolist(), strict=True):
            np.minimum(found[first:past], step, out=found[first:past])
        return found
    row = np.arange(rows)
    index = np.searchsorted(spans.past, row, side="right")  # span that ends first behind a row
    index[index == len(steps)] = 0
    there = (spans.first[index] <= row) & (spans.past[index] > row)
    return np.where(there, steps[index], _NEVER)


def _load(lowered: Lowered, lives: Mapping[str, Lifetimes], steps: Timetable) -> None:
    """From when on rows lie in memory that the DMA brings."""
    readers: dict[str, list[tuple[np.ndarray, Spans]]] = {}
    for run in steps.runs:
        for name, spans in run.views():
            if name in lives and lowered.buffers[name].loaded:
                readers.setdefault(name, []).append((run.steps, spans))
    image = lowered.images[:1]
    for name, reads in readers.items():
        numbers, spans = reads[0] if len(reads) == 1 else _in_order(reads)
        number = int(numbers[0])
        alone = number == steps.first or number in steps.group_ends
        before = 0 if name in image else number if alone else number - 1
        start = lives[name].start
        np.minimum(start, earliest(spans, np.concatenate([[before], numbers[:-1]]), len(start)), out=start)


def _in_order(reads: Sequence[tuple[np.ndarray, Spans]]) -> tuple[np.ndarray, Spans]:
    """The steps of several passes, in order, and the rows that they read."""
    every = [(step, span) for steps, spans in reads for step, span in zip(steps.tolist(), spans, strict=True)]
    every.sort(key=lambda read: read[0])
    return np.array([step for step, _ in every], np.int64), Spans([span for _, span in every])


def peak_words(lowered: Lowered, count: int, lives: dict[str, Lifetimes]) -> np.ndarray:
    """Words that are live in each of so many steps, int64 [count]."""
    change = np.zeros(count + 2, np.int64)
    for name, life in lives.items():
        used = life.end >= 0
        np.add.at(change, life.start[used], lowered.buffers[name].row_words)
        np.add.at(change, life.end[used] + 1, -lowered.buffers[name].row_words)
    return np.cumsum(change)[:count]
