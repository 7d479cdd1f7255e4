"""Finds bands with which a network's tensors fit the activation memory: as few steps as possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.tiling.fusion_groups import Cutting, GivenCutting
from hwgen.compiler.tiling.group_places import segment_places
from hwgen.compiler.tiling.memory import Layout, place_rows
from hwgen.compiler.tiling.stripes import Lifetimes, Segment, Step, build_steps, lifetimes, peak_words
from hwgen.compiler.tiling.striping import Choice, Options, Weights
from hwgen.errors import ResourceError
from hwgen.hw.isa.config import BANKS, WORD_BYTES

Parts = dict[str, list[tuple[int, int]]]

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
        avoidable: cycles that the bands cost beyond the cheapest with which each segment might fit: a longer search gains at most so much.
    """

    segments: list[Segment]
    steps: list[Step]
    lives: dict[str, Lifetimes]
    layouts: dict[str, Layout]
    used: int
    peak: int
    avoidable: int


def fit(
    lowered: Lowered,
    bank_words: int,
    weights: Weights,
    efforts: Sequence[int] = range(4),
    cutting: Cutting | GivenCutting | None = None,
) -> Fit:
    """Bands and memory map for banks of `bank_words` words, with every pass in one part.

    `efforts`: levels of search, the first that finds a fit ends it; 3 may take a minute where the memory is very tight.

    Raises:
        ResourceError: no banding fits; says how much is short.
    """
    ranges = (cutting or Cutting()).ranges(lowered, bank_words * BANKS)
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
    spilled = ", whatever goes to the SDRAM" if lowered.copies else ""
    raise ResourceError(
        f"{lowered.name}: {failure.name} does not fit the activation memory of {bank_words * BANKS * WORD_BYTES // 1024} KiB in any banding"
        f"{spilled}, at least {failure.short * WORD_BYTES / 1024:.1f} KiB short; take a smaller resolution or width, or a larger part"
    )


@dataclass(frozen=True, eq=False)
class _State:
    """Everything up to a segment: cost, bandings, layouts; `last` are the places of the tensors that the segment hands over."""

    cost: int
    segments: tuple[Segment, ...]
    layouts: dict[str, Layout]
    last: dict[str, Layout]


class _Fitter:
    """Segment by segment, keeps the cheapest ways to place everything so far, of different places for the last tensor."""

    def __init__(self, lowered: Lowered, bank_words: int, weights: Weights, ranges: Sequence[tuple[int, int]]) -> None:
        self._lowered, self._bank_words = lowered, bank_words
        self._options = [Options(lowered, item, bank_words * BANKS, weights) for item in ranges]
        for number, option in enumerate(self._options):
            if not option.choices:
                assert option.least is not None
                name = lowered.passes[ranges[number][1] - 1].name
                raise _NoFitError(name, option.least - bank_words * BANKS)

    def run(self, width: int, choices: int, thorough: bool) -> Fit:
        """Keep `width` states; of each segment the `choices` cheapest bandings that fit, but for one where no bands are needed.

        Segments whose bands load their weights again are always searched thoroughly.
        """
        kept = _kept_places(self._lowered, self._bank_words)
        states = [_State(0, (), kept, kept)]
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
                raise _NoFitError(name, short)
            states = sorted(found.values(), key=lambda state: state.cost)[:width]
        best = states[0]
        avoidable = best.cost - sum(option.choices[0].cost for option in self._options)
        return _fit(self._lowered, best.segments, best.layouts, avoidable, {})

    def _extend(self, state: _State, choice: Choice, thorough: bool) -> list[_State]:
        one = segment_places(self._lowered, choice.segment, self._bank_words)
        return [
            _State(
                state.cost + choice.cost,
                (*state.segments, choice.segment),
                {**state.layouts, **layouts},
                {name: layouts[name] for name in sorted(one.after)},
            )
            for layouts in one.place(state.last, thorough)
        ]


def _kept_places(lowered: Lowered, bank_words: int) -> dict[str, Layout]:
    """Places at the end of the memory for what is there all the time."""
    found, past = {}, bank_words
    for name in sorted(lowered.kept):
        buffer = lowered.buffers[name]
        slots = -(-buffer.height // BANKS)
        past -= slots * buffer.row_words
        if past < 0:
            raise _NoFitError(lowered.passes[-1].name, -past * BANKS)
        found[name] = Layout(past, 0, slots * BANKS, buffer.row_words, buffer.pixel_words)
    return found


class _NoFitError(Exception):
    """A segment that finds no place whatever the bands: its name, words short."""

    def __init__(self, name: str, short: int) -> None:
        super().__init__(name)
        self.name, self.short = name, short


def cut(lowered: Lowered, fitted: Fit, parts: Parts) -> Fit:
    """The same with some passes cut into channel parts.

    The parts of a pass follow each other, so the same rows meet as before and every tensor keeps its place.
    """
    return _fit(lowered, fitted.segments, fitted.layouts, fitted.avoidable, parts)


def _fit(
    lowered: Lowered, segments: Sequence[Segment], layouts: dict[str, Layout], avoidable: int, parts: Parts
) -> Fit:
    steps = build_steps(lowered, segments, parts)
    lives = lifetimes(lowered, steps)
    used = max(int(place_rows(layout, lives[name]).high.max()) for name, layout in layouts.items())
    return Fit(list(segments), steps, lives, layouts, used, int(peak_words(lowered, steps, lives).max()), avoidable)
