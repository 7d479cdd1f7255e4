"""Finds stripes with which a network's tensors fit the activation memory: as few steps as possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.tiling.fusion_groups import FusionLimits, GivenFusion
from hwgen.compiler.tiling.group_places import group_places
from hwgen.compiler.tiling.lifetimes import Lifetimes, lifetimes, peak_words, timetable
from hwgen.compiler.tiling.memory import Layout, place_rows
from hwgen.compiler.tiling.stripes import FusionGroup, Step, build_steps
from hwgen.compiler.tiling.striping import Choice, Options, Weights
from hwgen.errors import ResourceError
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import BANKS, WORD_BYTES

ChannelTiles = dict[str, list[tuple[int, int]]]

_EFFORTS = ((4, 2, False), (8, 3, False), (24, 4, False), (48, 8, True))
"""(states, stripings per fusion group, thorough) of the search at each level of effort."""


@dataclass(frozen=True, eq=False)
class Fit:
    """Fusion groups, steps and memory map.

    Attributes:
        fusion groups, steps, lives: the schedule and the lifetimes of rows.
        layouts: place of every buffer.
        used: words of a bank that are in use.
        peak: most words (of all banks) that are live in one step.
        avoidable: cycles that the stripes cost beyond the cheapest with which each fusion group might fit: a longer search
            gains at most so much.
    """

    fusion_groups: list[FusionGroup]
    steps: list[Step]
    lives: dict[str, Lifetimes]
    layouts: dict[str, Layout]
    used: int
    peak: int
    avoidable: int


class NoFitError(ResourceError):
    """Tensors that do not fit an activation memory.

    Attributes:
        needed: words of all its banks without which there is no way to cut or store them.
    """

    def __init__(self, text: str, needed: int) -> None:
        super().__init__(text)
        self.needed = needed


def fit(
    lowered: Lowered,
    bank_words: int,
    weights: Weights,
    efforts: Sequence[int] = range(4),
    fusion: FusionLimits | GivenFusion | None = None,
) -> Fit:
    """Stripes and memory map for banks of `bank_words` words, with every pass in one part.

    `efforts`: levels of search, the first that finds a fit ends it; 3 may take a minute where the memory is very tight.

    Raises:
        ResourceError: no striping fits; says how much is short.
    """
    ranges = (fusion or FusionLimits()).ranges(lowered, bank_words * BANKS)
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
    raise NoFitError(
        f"{lowered.name}: {failure.name} does not fit the activation memory of "
        f"{bank_words * BANKS * WORD_BYTES // 1024} KiB in any striping"
        f"{spilled}, at least {failure.short * WORD_BYTES / 1024:.1f} KiB short; take a smaller resolution or width, or a larger part",
        bank_words * BANKS + failure.short,
    )


@dataclass(frozen=True, eq=False)
class _State:
    """Everything up to a fusion group: cost, stripings, layouts; `last` are the places of the tensors that the fusion group hands over."""

    cost: int
    fusion_groups: tuple[FusionGroup, ...]
    layouts: dict[str, Layout]
    last: dict[str, Layout]


class _Fitter:
    """Fusion group by fusion group, keeps the cheapest ways to place everything so far, of different places for the last tensor."""

    def __init__(self, lowered: Lowered, bank_words: int, weights: Weights, ranges: Sequence[tuple[int, int]]) -> None:
        self._lowered, self._bank_words = lowered, bank_words
        self._options = [Options(lowered, item, bank_words * BANKS, weights) for item in ranges]
        for number, option in enumerate(self._options):
            if next(option.choices, None) is None:
                raise _NoFitError(lowered.passes[ranges[number][1] - 1].name, option.short)

    def run(self, width: int, choices: int, thorough: bool) -> Fit:
        """Keep `width` states; of each fusion group the `choices` cheapest stripings that fit, but for one where no stripes are needed.

        Fusion groups whose stripes load their weights again are always searched thoroughly.
        """
        kept = _kept_places(self._lowered, self._bank_words)
        states = [_State(0, (), kept, kept)]
        for option in self._options:
            found: dict[tuple[tuple[str, Layout], ...], _State] = {}
            for state in states:
                left = choices
                for choice in option.choices:
                    fits = self._extend(
                        state, choice, thorough or (option.dear and len(choice.fusion_group.heights) > 1)
                    )
                    for new in fits:
                        key = tuple(new.last.items())
                        if key not in found or new.cost < found[key].cost:
                            found[key] = new
                    left -= bool(fits)
                    if not left or (fits and len(choice.fusion_group.heights) == 1):
                        break
            if not found:
                name = self._lowered.passes[next(option.choices).fusion_group.past - 1].name
                raise _NoFitError(name, option.short)
            states = sorted(found.values(), key=lambda state: state.cost)[:width]
        best = states[0]
        avoidable = best.cost - sum(next(option.choices).cost for option in self._options)
        return _fit(self._lowered, best.fusion_groups, best.layouts, avoidable, {})

    def _extend(self, state: _State, choice: Choice, thorough: bool) -> list[_State]:
        one = group_places(self._lowered, choice.fusion_group, self._bank_words)
        return [
            _State(
                state.cost + choice.cost,
                (*state.fusion_groups, choice.fusion_group),
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
        slots = ceil_div(buffer.height, BANKS)
        past -= slots * buffer.row_words
        if past < 0:
            raise _NoFitError(lowered.passes[-1].name, -past * BANKS)
        found[name] = Layout(past, 0, slots * BANKS, buffer.row_words, buffer.pixel_words)
    return found


class _NoFitError(Exception):
    """A fusion group that finds no place whatever the stripes: its name, words short."""

    def __init__(self, name: str, short: int) -> None:
        super().__init__(name)
        self.name, self.short = name, short


def with_channel_tiles(lowered: Lowered, fitted: Fit, tiles: ChannelTiles) -> Fit:
    """The same with some passes tiled by their output channels.

    The tiles of a pass follow each other, so the same rows meet as before and every tensor keeps its place.
    """
    return _fit(lowered, fitted.fusion_groups, fitted.layouts, fitted.avoidable, tiles)


def _fit(
    lowered: Lowered,
    fusion_groups: Sequence[FusionGroup],
    layouts: dict[str, Layout],
    avoidable: int,
    tiles: ChannelTiles,
) -> Fit:
    steps = build_steps(lowered, fusion_groups, tiles)
    lives = lifetimes(lowered, timetable(lowered, steps))
    used = max(int(place_rows(layout, lives[name]).high.max()) for name, layout in layouts.items())
    return Fit(
        list(fusion_groups), steps, lives, layouts, used, int(peak_words(lowered, len(steps), lives).max()), avoidable
    )
