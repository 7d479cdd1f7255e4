"""Finds bands with which a network's tensors fit the activation memory: as few steps as possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.errors import ResourceError
from compiler.plan.bands import (
    Lifetimes,
    Segment,
    Step,
    build_steps,
    lifetimes,
    natural_segments,
    peak_words,
)
from compiler.plan.memory import Layout, Placed, allocate, window_rows
from compiler.plan.passes import Lowered
from hw.config import BANKS, WORD_BYTES

Parts = dict[str, list[tuple[int, int]]]

_PASS_CYCLES = 300
"""Cycles that a further pass costs: the elements fill and drain one after the other."""

_JOIN_SHARE = 0.8
"""A tensor larger than this share of the memory is never whole: the segments on both sides become one."""


_TRIES = 3
"""Orders of placement that are tried for one schedule."""


@dataclass(frozen=True, eq=False)
class Fit:
    """Segments, steps and memory map.

    Attributes:
        segments, steps, lives: the schedule and the lifetimes of rows.
        layouts: place of every buffer.
        used: words of a bank that are in use.
        peak: most words (of all banks) that are live in one step.
    """

    segments: list[Segment]
    steps: list[Step]
    lives: dict[str, Lifetimes]
    layouts: dict[str, Layout]
    used: int
    peak: int


def fit(lowered: Lowered, parts: Parts, bank_words: int, weights: Weights) -> Fit:
    """Bands and memory map for banks of `bank_words` words; `parts` gives the channel parts of the passes.

    Raises:
        ResourceError: no banding fits; says how much is short.
    """
    ranges = _joined(lowered, bank_words * BANKS)
    while True:
        try:
            return _Fitter(lowered, parts, bank_words, weights, ranges).run()
        except _NoFitError as failure:
            number = failure.segment
            if number == 0 or len(ranges) == 1:
                raise ResourceError(
                    f"{lowered.name}: {failure.name} does not fit the activation memory of "
                    f"{bank_words * BANKS * WORD_BYTES // 1024} KiB in any banding, "
                    f"{failure.short * WORD_BYTES / 1024:.1f} KiB short; take a smaller resolution or width, or a larger part"
                ) from None
            ranges[number - 1 : number + 1] = [(ranges[number - 1][0], ranges[number][1])]


def _joined(lowered: Lowered, words: int) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    join = False
    for first, past in natural_segments(lowered):
        ranges.append((ranges.pop()[0] if join else first, past))
        buffer = lowered.buffers[lowered.passes[past - 1].output.buffer]
        join = buffer.size > _JOIN_SHARE * words * WORD_BYTES
    return ranges


def candidate_heights(height: int, whole: bool, reads_image: bool) -> list[tuple[int, ...]]:
    """Ways to cut `height` rows into bands, fewest bands first.

    Even bands, and bands that grow: while the input of a segment is still whole there is less room than later, and
    rows of the image should not be waited for.
    """
    if whole or height == 1:
        return [(height,)]
    found: dict[tuple[int, ...], None] = {}
    for size in range(height, 0, -1):
        if not reads_image:
            found[_even(height, -(-height // size))] = None
        for first in (1, 2, 3):
            if first < size:
                found[_growing(height, first, size)] = None
    return sorted(found, key=len)


def _even(height: int, bands: int) -> tuple[int, ...]:
    edges = [height * i // bands for i in range(bands + 1)]
    return tuple(b - a for a, b in zip(edges, edges[1:], strict=False))


def _growing(height: int, first: int, most: int) -> tuple[int, ...]:
    heights, left, size = [], height, first
    while left:
        size = min(size, most, left)
        heights.append(size)
        left -= size
        size = -(-size * 3 // 2)
    return tuple(heights)


@dataclass(frozen=True)
class Weights:
    """What bands cost in weights.

    Attributes:
        words: weight words of each logical pass, by index.
        depth: words of the weight memory.
        cycles: to load a word.
    """

    words: Sequence[int]
    depth: int
    cycles: int


@dataclass(frozen=True)
class _Choice:
    """A banding of one segment: words at its peak, and what it costs in cycles."""

    peak: int
    cost: int
    segment: Segment


class _Options:
    """Bandings of one segment, cheapest first; those behind need less memory."""

    def __init__(self, lowered: Lowered, ranges: tuple[int, int], words: int, weights: Weights) -> None:
        passes = lowered.passes[slice(*ranges)]
        final = passes[-1]
        whole = any(item.whole for item in passes)
        reads_image = any(item.input.buffer == lowered.image for item in passes)
        load = sum(weights.words[slice(*ranges)])
        reload = load * weights.cycles if load > weights.depth else 0
        self.choices: list[_Choice] = []
        self.least: int | None = None
        for heights in candidate_heights(final.height, whole, reads_image):
            segment = Segment(*ranges, heights)
            peak = _peak(lowered, segment)
            cost = len(heights) * (len(passes) * _PASS_CYCLES + reload)
            if peak <= words and (not self.choices or peak < self.choices[-1].peak):
                self.choices.append(_Choice(peak, cost, segment))
            if self.least is None or peak < self.least:
                self.least = peak


def _peak(lowered: Lowered, segment: Segment) -> int:
    """Words that a segment needs at its peak if nothing else is live but what it reads and leaves."""
    steps = build_steps(lowered, [segment], {})
    passes = lowered.passes[segment.first : segment.past]
    lives = lifetimes(lowered, steps)
    made = {item.output.buffer for item in passes}
    read_inside = {view.buffer for item in passes for view in (item.input, item.operand) if view is not None}
    total = np.zeros(len(steps), np.int64)
    involved = {}
    for name in made | read_inside:
        life = lives[name]
        start, end = life.start.copy(), life.end.copy()
        if name not in made and name != lowered.image:
            start[:] = 0
        if name in made and (name not in read_inside or _read_later(lowered, name, segment.past)):
            end[end >= 0] = len(steps) - 1
        involved[name] = Lifetimes(start, end)
    total = peak_words(lowered, steps, involved)
    slack = sum(
        (-window_rows(life)) % BANKS * lowered.buffers[name].row_words
        for name, life in involved.items()
        if window_rows(life) < lowered.buffers[name].height
    )
    return int(total.max()) + slack // 2


def _read_later(lowered: Lowered, name: str, past: int) -> bool:
    return any(
        view is not None and view.buffer == name
        for item in lowered.passes[past:]
        for view in (item.input, item.operand)
    )


class _NoFitError(Exception):
    """A tensor that finds no place whatever the bands: its segment, its name, words short."""

    def __init__(self, segment: int, name: str, short: int) -> None:
        super().__init__(name)
        self.segment, self.name, self.short = segment, name, short


class _Fitter:
    """Cuts segments finer, the cheapest cut first, until everything has a place; then takes back what was not needed."""

    def __init__(
        self, lowered: Lowered, parts: Parts, bank_words: int, weights: Weights, ranges: Sequence[tuple[int, int]]
    ) -> None:
        self._lowered, self._parts, self._bank_words, self._ranges = lowered, parts, bank_words, ranges
        self._options = [_Options(lowered, item, bank_words * BANKS, weights) for item in ranges]
        for number, option in enumerate(self._options):
            if not option.choices:
                assert option.least is not None
                name = lowered.passes[ranges[number][1] - 1].name
                raise _NoFitError(number, name, option.least - bank_words * BANKS)

    def run(self) -> Fit:
        chosen = [0] * len(self._options)
        while True:
            found = self._try(chosen)
            if isinstance(found, Fit):
                return self._relaxed(chosen, found)
            number = self._tighter(*found, chosen)
            if number is None:
                name = found[0]
                owner = next(i for i, item in enumerate(self._ranges) if _makes(self._lowered, item, name))
                raise _NoFitError(owner, name, self._lowered.buffers[name].row_words)
            chosen[number] += 1

    def _try(self, chosen: Sequence[int]) -> Fit | tuple[str, list[Step], dict[str, Lifetimes]]:
        """A fit, or the tensor that found no place, the steps and the lifetimes."""
        segments = [option.choices[i].segment for option, i in zip(self._options, chosen, strict=True)]
        return place_segments(self._lowered, segments, self._parts, self._bank_words)

    def _relaxed(self, chosen: list[int], found: Fit) -> Fit:
        """Coarser bands wherever they fit, the most expensive segment first."""
        for number in sorted(range(len(chosen)), key=lambda i: -self._cost(i, chosen[i])):
            for coarser in range(chosen[number]):
                attempt = [*chosen[:number], coarser, *chosen[number + 1 :]]
                better = self._try(attempt)
                if isinstance(better, Fit):
                    chosen, found = attempt, better
                    break
        return found

    def _cost(self, number: int, choice: int) -> int:
        return self._options[number].choices[choice].cost

    def _tighter(self, name: str, steps: Sequence[Step], lives: dict[str, Lifetimes], chosen: list[int]) -> int | None:
        """The segment to cut finer so that `name` finds a place: the cheapest of those in which a tensor lives that it meets."""
        concerned: set[int] = set()
        for other, life in lives.items():
            if other == name or _meet(life, lives[name]):
                first, last = int(life.start.min()), min(int(life.end.max()), len(steps) - 1)
                concerned |= {steps[first].segment, steps[last].segment}
        can = [i for i in concerned if chosen[i] + 1 < len(self._options[i].choices)]
        return min(can, key=lambda i: (self._cost(i, chosen[i] + 1) - self._cost(i, chosen[i]), i), default=None)


def _meet(one: Lifetimes, other: Lifetimes) -> bool:
    return bool(one.start.min() <= other.end.max() and other.start.min() <= one.end.max())


def place_segments(
    lowered: Lowered, segments: Sequence[Segment], parts: Parts, bank_words: int
) -> Fit | tuple[str, list[Step], dict[str, Lifetimes]]:
    """The memory map of a schedule; or the tensor that found no place, the steps and the lifetimes."""
    steps = build_steps(lowered, segments, parts)
    lives = lifetimes(lowered, steps)
    operands = [(item.output.buffer, item.operand.buffer) for item in lowered.passes if item.operand is not None]
    placed = _place(lowered, steps, lives, operands, bank_words)
    if placed.failed is not None:
        return placed.failed, steps, lives
    peak = int(peak_words(lowered, steps, lives).max())
    return Fit(list(segments), steps, lives, placed.layouts, placed.used, peak)


def _place(
    lowered: Lowered,
    steps: Sequence[Step],
    lives: dict[str, Lifetimes],
    operands: list[tuple[str, str]],
    bank_words: int,
) -> Placed:
    """The first of a few orders of placement that succeeds, else the one that came farthest.

    Tensors that segments hand over come first: those inside a segment shrink when it is cut finer.  A tensor that
    finds no place is the first in the next order.
    """
    buffers = lowered.buffers
    segment = [step.segment for step in steps] + [len(steps)]
    local = {name: segment[int(life.start.min())] == segment[int(life.end.max())] for name, life in lives.items()}
    size = {
        name: min(window_rows(life), buffers[name].height) * buffers[name].row_words for name, life in lives.items()
    }
    born = {name: int(life.start.min()) for name, life in lives.items()}
    order = sorted(lives, key=lambda name: (local[name], -size[name], born[name]))
    best: Placed | None = None
    for _ in range(_TRIES):
        placed = allocate(buffers, lives, operands, bank_words, order)
        if placed.failed is None:
            return placed
        if best is None or len(placed.layouts) > len(best.layouts):
            best = placed
        order.remove(placed.failed)
        order.insert(0, placed.failed)
    assert best is not None
    return best


def _makes(lowered: Lowered, passes: tuple[int, int], name: str) -> bool:
    if name == lowered.image:
        return passes[0] == 0
    return any(item.output.buffer == name for item in lowered.passes[slice(*passes)])
