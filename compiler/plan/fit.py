"""Finds bands with which a network's tensors fit the activation memory: as few steps as possible."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
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
from compiler.plan.memory import (
    Layout,
    Search,
    concatenate,
    operand_phases,
    output_phases,
    place_rows,
    shapes,
    window_rows,
)
from compiler.plan.passes import Lowered
from hw.config import BANKS, WORD_BYTES

Parts = dict[str, list[tuple[int, int]]]

_PASS_CYCLES = 300
"""Cycles that a further pass costs: the elements fill and drain one after the other."""

_JOIN_SHARE = 0.8

_LONG, _LONG_CHOICES = 12, 12
"""Of a segment of more than so many passes about so many bandings are looked at."""

_ROOMY = 0.6
"""A tensor that finds a place within this share of the memory is not worth a search for a better one."""

_EFFORTS = ((4, 2, False), (8, 3, False), (24, 4, False), (48, 8, True))
"""(states, bandings per segment, thorough) of the search at each level of effort."""


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


@dataclass(frozen=True)
class Cutting:
    """Where a network is cut into segments.

    Attributes:
        most_live: tensors that a segment hands over.
        share: of the memory; where they are larger the segments on both sides become one.
    """

    most_live: int = 1
    share: float = _JOIN_SHARE


def fit(
    lowered: Lowered,
    bank_words: int,
    weights: Weights,
    efforts: Sequence[int] = range(4),
    cutting: Cutting = Cutting(),
) -> Fit:
    """Bands and memory map for banks of `bank_words` words, with every pass in one part.

    `efforts`: levels of search, the first that finds a fit ends it; 3 may take a minute where the memory is very tight.

    Raises:
        ResourceError: no banding fits; says how much is short.
    """
    ranges = joined(lowered, bank_words * BANKS, cutting)
    failure: _NoFitError | None = None
    try:
        fitter = _Fitter(lowered, bank_words, weights, ranges)
        for effort in efforts:
            try:
                return fitter.run(*_EFFORTS[effort])
            except _NoFitError as error:
                failure = error
    except _NoFitError as error:
        failure = error
    assert failure is not None
    raise ResourceError(
        f"{lowered.name}: {failure.name} does not fit the activation memory of "
        f"{bank_words * BANKS * WORD_BYTES // 1024} KiB in any banding, at least {failure.short * WORD_BYTES / 1024:.1f} KiB short; "
        "take a smaller resolution or width, or a larger part"
    )


def joined(lowered: Lowered, words: int, cutting: Cutting) -> list[tuple[int, int]]:
    """(first, past) of the segments for a memory of so many words."""
    ranges: list[tuple[int, int]] = []
    join = False
    for first, past in natural_segments(lowered, cutting.most_live):
        ranges.append((ranges.pop()[0] if join else first, past))
        join = (
            sum(lowered.buffers[name].size for name in boundaries(lowered)[past]) > cutting.share * words * WORD_BYTES
        )
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
        reads_image = not lowered.whole_image and any(item.input.buffer == lowered.image for item in passes)
        load = sum(weights.words[slice(*ranges)])
        reload = load * weights.cycles if load > weights.depth else 0
        self.choices: list[_Choice] = []
        self.least: int | None = None
        self.dear = reload > 0
        """Every band loads the weights again."""
        candidates = candidate_heights(final.height, whole, reads_image)
        if len(passes) > _LONG:
            candidates = candidates[:: -(-len(candidates) // _LONG_CHOICES)] + candidates[-1:]
        for heights in candidates:
            segment = Segment(*ranges, heights)
            peak = peak_of(lowered, segment)
            cost = len(heights) * (len(passes) * _PASS_CYCLES + reload)
            if peak <= words and (not self.choices or peak < self.choices[-1].peak):
                self.choices.append(_Choice(peak, cost, segment))
            if self.least is None or peak < self.least:
                self.least = peak


def peak_of(lowered: Lowered, segment: Segment) -> int:
    """Words that a segment needs at its peak if nothing else is live but what it reads and leaves."""
    steps = build_steps(lowered, [segment], {})
    passes = lowered.passes[segment.first : segment.past]
    lives = lifetimes(lowered, steps)
    made = {item.output.buffer for item in passes}
    read_inside = {view.buffer for item in passes for view in (item.input, item.operand) if view is not None}
    total = np.zeros(len(steps), np.int64)
    before, after = boundaries(lowered)[segment.first], boundaries(lowered)[segment.past]
    involved = {}
    for name in made | read_inside:
        life = lives[name]
        start, end = life.start.copy(), life.end.copy()
        if name not in made and not lowered.buffers[name].loaded:
            start[:] = 0
        if name in after:
            end[end >= 0] = len(steps) - 1
        involved[name] = Lifetimes(start, end)
    for name in before & after - involved.keys():
        involved[name] = Lifetimes(
            np.zeros(lowered.buffers[name].height, np.int64), np.full(lowered.buffers[name].height, len(steps) - 1)
        )
    total = peak_words(lowered, steps, involved)
    slack = sum(
        (-window_rows(life)) % BANKS * lowered.buffers[name].row_words
        for name, life in involved.items()
        if window_rows(life) < lowered.buffers[name].height
    )
    return int(total.max()) + slack // 2


@functools.lru_cache(maxsize=64)
def boundaries(lowered: Lowered) -> tuple[frozenset[str], ...]:
    """Tensors that are in memory before each pass, and behind the last one: made and still to be read, or the result."""
    wanted, made = {lowered.result}, {item.output.buffer for item in lowered.passes}
    last_made = {item.output.buffer: i for i, item in reversed(list(enumerate(lowered.passes)))}
    found = [frozenset(wanted)]
    for i, item in reversed(list(enumerate(lowered.passes))):
        wanted |= {view.buffer for view in item.views} & made
        wanted = {name for name in wanted if last_made[name] < i}
        found.append(frozenset(wanted))
    return tuple(reversed(found))


class _Segment:
    """Places the tensors of one segment beside those that are handed over to it, whose places are given.

    The tensors of different segments meet only if they are handed over.
    """

    def __init__(self, lowered: Lowered, segment: Segment, bank_words: int) -> None:
        self._lowered, self._bank_words = lowered, bank_words
        passes = lowered.passes[segment.first : segment.past]
        self.output = passes[-1].output.buffer
        steps = build_steps(lowered, [segment], {})
        lives = lifetimes(lowered, steps)
        made = {item.output.buffer for item in passes}
        read = {view.buffer for item in passes for view in (item.input, item.operand) if view is not None}
        self.before, self.after = boundaries(lowered)[segment.first], boundaries(lowered)[segment.past]
        for name in self.before:
            lives[name].start[:] = 0
        for name in self.after:
            lives[name].start[lives[name].end < 0] = 0
            lives[name].end[:] = len(steps)
        self._lives = lives
        self._pairs = [
            (item.output.buffer, item.operand.buffer)
            for item in passes
            if item.operand is not None and item.operand_rows(1, 2) == (1, 2)
        ]
        inner = (made | {name for name in read if lowered.buffers[name].loaded}) - {self.output}
        self._inner = sorted(inner, key=lambda name: -self._size(name))
        self._placed: dict[tuple[bool, tuple[Layout, ...]], list[dict[str, Layout]]] = {}

    def _size(self, name: str) -> int:
        return window_rows(self._lives[name]) * self._lowered.buffers[name].row_words

    def place(self, given: dict[str, Layout], thorough: bool) -> list[dict[str, Layout]]:
        """Ways to place output and inner tensors, of different places for the output."""
        fixed = {name: given[name] for name in sorted(self.before)}
        key = thorough, tuple(fixed.values())
        if key not in self._placed:
            self._placed[key] = list(self._place(fixed, thorough))
        return self._placed[key]

    def _place(self, fixed: dict[str, Layout], thorough: bool) -> Iterator[dict[str, Layout]]:
        seen: set[Layout] = set()
        for layouts in self._outputs(fixed, thorough):
            placed = self._all(layouts, self._inner, thorough)
            if placed is not None and placed[self.output] not in seen:
                seen.add(placed[self.output])
                yield placed
        inner = self._all(fixed, self._inner, thorough)
        if inner is not None:
            for layouts in self._outputs(inner, thorough):
                if layouts[self.output] not in seen:
                    seen.add(layouts[self.output])
                    yield layouts

    def _search(self, name: str, layouts: dict[str, Layout]) -> Search:
        rows = [place_rows(layout, self._lives[other]) for other, layout in layouts.items()]
        return Search(self._lowered.buffers[name], self._lives[name], concatenate(rows), self._bank_words)

    def _phases(self, name: str, layouts: dict[str, Layout]) -> list[int]:
        """Phases that a tensor may have beside its operands, and beside the tensors whose operand it is: best first, all if none suits."""
        phases = list(range(BANKS))
        for output, operand in self._pairs:
            if name == output and operand in layouts:
                good = output_phases(layouts[operand])
            elif name == operand and output in layouts:
                good = operand_phases(layouts[output])
            else:
                continue
            phases = [phase for phase in good if phase in phases] or phases
        return phases

    def _outputs(self, layouts: dict[str, Layout], thorough: bool) -> Iterator[dict[str, Layout]]:
        """The lowest place for the output, the lowest with each count of slots, the highest."""
        phases = self._phases(self.output, layouts)
        search = self._search(self.output, layouts)
        best: dict[int, tuple[int, Layout]] = {}
        highest: tuple[int, Layout] | None = None
        candidates = shapes(window_rows(self._lives[self.output]), phases, thorough=thorough)
        for number, (depth, phase) in enumerate(candidates):
            if number == len(phases) and best and min(place[0] for place in best.values()) <= _ROOMY * self._bank_words:
                break
            found = search.places(depth, phase)
            if found is None:
                continue
            lowest, top = found
            if depth not in best or lowest[0] < best[depth][0]:
                best[depth] = lowest
            if highest is None or top[1].base > highest[1].base:
                highest = top
        places = sorted(best.values(), key=lambda found: found[0])
        for _, layout in places if highest is None else [*places, highest]:
            yield {**layouts, self.output: layout}

    def _all(self, layouts: dict[str, Layout], names: Sequence[str], thorough: bool) -> dict[str, Layout] | None:
        """All of `names` placed, each as low as possible; None if one finds no place."""
        for name in names:
            search = self._search(name, layouts)
            best: tuple[int, Layout] | None = None
            phases = self._phases(name, layouts)
            for depth, phase in shapes(window_rows(self._lives[name]), phases, thorough=thorough):
                found = search.first_fit(depth, phase)
                if found is not None and (best is None or found[0] < best[0]):
                    best = found
                    if best[0] <= _ROOMY * self._bank_words:
                        break
            if best is None:
                return None
            layouts = {**layouts, name: best[1]}
        return layouts


@dataclass(frozen=True, eq=False)
class _State:
    """Everything up to a segment: cost, bandings, layouts; `last` are the places of the tensors that the segment hands over."""

    cost: int
    segments: tuple[Segment, ...]
    layouts: dict[str, Layout]
    last: dict[str, Layout]


@functools.lru_cache(maxsize=2048)
def _segment(lowered: Lowered, segment: Segment, bank_words: int) -> _Segment:
    """One for all searches: a plan makes several with the same memory and other weights, which meet the same places."""
    return _Segment(lowered, segment, bank_words)


class _Fitter:
    """Segment by segment, keeps the cheapest ways to place everything so far, of different places for the last tensor."""

    def __init__(self, lowered: Lowered, bank_words: int, weights: Weights, ranges: Sequence[tuple[int, int]]) -> None:
        self._lowered, self._bank_words = lowered, bank_words
        self._options = [_Options(lowered, item, bank_words * BANKS, weights) for item in ranges]
        for number, option in enumerate(self._options):
            if not option.choices:
                assert option.least is not None
                name = lowered.passes[ranges[number][1] - 1].name
                raise _NoFitError(name, option.least - bank_words * BANKS, hopeless=True)

    def run(self, width: int, choices: int, thorough: bool) -> Fit:
        """Keep `width` states; of each segment the `choices` cheapest bandings that fit, but for one where no bands are needed.

        Segments whose bands load their weights again are always searched thoroughly.
        """
        states = [_State(0, (), {}, {})]
        for option in self._options:
            found: dict[tuple[tuple[str, Layout], ...], _State] = {}
            for state in states:
                left = choices
                for choice in option.choices:
                    fits = self._extend(state, choice, thorough or (option.dear and len(choice.segment.heights) > 1))
                    for new in fits:
                        key = tuple(new.last.items())
                        if key not in found or new.cost < found[key].cost:
                            found[key] = new
                    left -= bool(fits)
                    if not left or (fits and len(choice.segment.heights) == 1):
                        break
            if not found:
                name = self._lowered.passes[option.choices[0].segment.past - 1].name
                short = option.choices[-1].peak - self._bank_words * BANKS
                raise _NoFitError(name, short, hopeless=False)
            states = sorted(found.values(), key=lambda state: state.cost)[:width]
        return _fit(self._lowered, states[0].segments, states[0].layouts, {})

    def _extend(self, state: _State, choice: _Choice, thorough: bool) -> list[_State]:
        one = _segment(self._lowered, choice.segment, self._bank_words)
        return [
            _State(
                state.cost + choice.cost,
                (*state.segments, choice.segment),
                {**state.layouts, **layouts},
                {name: layouts[name] for name in sorted(one.after)},
            )
            for layouts in one.place(state.last, thorough)
        ]


class _NoFitError(Exception):
    """A segment that finds no place whatever the bands: its name, words short, whether more search is in vain."""

    def __init__(self, name: str, short: int, hopeless: bool) -> None:
        super().__init__(name)
        self.name, self.short, self.hopeless = name, short, hopeless


def cut(lowered: Lowered, fitted: Fit, parts: Parts) -> Fit:
    """The same with some passes cut into channel parts.

    The parts of a pass follow each other, so the same rows meet as before and every tensor keeps its place.
    """
    return _fit(lowered, fitted.segments, fitted.layouts, parts)


def _fit(lowered: Lowered, segments: Sequence[Segment], layouts: dict[str, Layout], parts: Parts) -> Fit:
    steps = build_steps(lowered, segments, parts)
    lives = lifetimes(lowered, steps)
    used = max(int(place_rows(layout, lives[name]).high.max()) for name, layout in layouts.items())
    return Fit(list(segments), steps, lives, layouts, used, int(peak_words(lowered, steps, lives).max()))
