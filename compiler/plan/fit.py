"""Finds bands with which a network's tensors fit the activation memory: as few steps as possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

_JOIN_SHARE = 0.8
"""A tensor larger than this share of the memory is never whole: the segments on both sides become one."""


_TRIES = 5
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


def fit(lowered: Lowered, parts: Callable[[Sequence[Segment]], Parts], bank_words: int) -> Fit:
    """Bands and memory map for banks of `bank_words` words; `parts` gives the channel parts of the passes.

    Raises:
        ResourceError: no banding fits; says how much is short.
    """
    ranges = _joined(lowered, bank_words * BANKS)
    while True:
        found = _fit_ranges(lowered, parts, bank_words, ranges)
        if isinstance(found, Fit):
            return found
        number, name, short = found
        if number == 0 or len(ranges) == 1:
            raise ResourceError(
                f"{lowered.name}: {name} does not fit the activation memory of {bank_words * BANKS * WORD_BYTES // 1024} KiB in any "
                f"banding, {short * WORD_BYTES / 1024:.1f} KiB short; take a smaller resolution or width, or a larger part"
            )
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


class _Options:
    """Bandings of one segment with the words that they need at their peak, most convenient first."""

    def __init__(self, lowered: Lowered, ranges: tuple[int, int], words: int) -> None:
        passes = lowered.passes[slice(*ranges)]
        final = passes[-1]
        whole = any(item.whole for item in passes)
        reads_image = any(item.input.buffer == lowered.image for item in passes)
        self.choices: list[tuple[int, Segment]] = []
        self.least: tuple[int, Segment] | None = None
        for heights in candidate_heights(final.height, whole, reads_image):
            segment = Segment(*ranges, heights)
            peak = _peak(lowered, segment)
            if peak <= words and (not self.choices or peak < self.choices[-1][0]):
                self.choices.append((peak, segment))
            if self.least is None or peak < self.least[0]:
                self.least = (peak, segment)


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


def _fit_ranges(
    lowered: Lowered, parts: Callable[[Sequence[Segment]], Parts], bank_words: int, ranges: list[tuple[int, int]]
) -> Fit | tuple[int, str, int]:
    """A fit, or (segment, its name, words short) where none is possible."""
    words = bank_words * BANKS
    options = [_Options(lowered, item, words) for item in ranges]
    for number, option in enumerate(options):
        if not option.choices:
            assert option.least is not None
            return number, lowered.passes[ranges[number][1] - 1].name, option.least[0] - words
    chosen = [0] * len(options)
    operands = [(item.output.buffer, item.operand.buffer) for item in lowered.passes if item.operand is not None]
    while True:
        segments = [option.choices[i][1] for option, i in zip(options, chosen, strict=True)]
        steps = build_steps(lowered, segments, parts(segments))
        lives = lifetimes(lowered, steps)
        placed = _place(lowered, steps, lives, operands, bank_words)
        if placed.failed is None:
            peak = int(peak_words(lowered, steps, lives).max())
            return Fit(segments, steps, lives, placed.layouts, placed.used, peak)
        number = _tighter(steps, lives, placed.failed, options, chosen)
        if number is None:
            owner = next(i for i, item in enumerate(ranges) if _makes(lowered, item, placed.failed))
            return owner, placed.failed, lowered.buffers[placed.failed].row_words
        chosen[number] += 1


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


def _tighter(
    steps: Sequence[Step], lives: dict[str, Lifetimes], name: str, options: list[_Options], chosen: list[int]
) -> int | None:
    """The segment to cut finer so that `name` finds a place: of those in which it lives, the one with the highest peak."""
    life = lives[name]
    first, last = int(life.start.min()), min(int(life.end.max()), len(steps) - 1)
    concerned = {step.segment for step in steps[first : last + 1]}
    can = [i for i in concerned if chosen[i] + 1 < len(options[i].choices)]
    if not can:
        return None
    return max(can, key=lambda i: options[i].choices[chosen[i]][0])


def _makes(lowered: Lowered, passes: tuple[int, int], name: str) -> bool:
    if name == lowered.image:
        return passes[0] == 0
    return any(item.output.buffer == name for item in lowered.passes[slice(*passes)])
