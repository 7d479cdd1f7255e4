"""The ways to cut a fusion group into stripes: how much memory each needs at its peak, and what it costs in cycles."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hwgen.compiler.int8.fusion import FURTHER_PASS_CYCLES
from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.tiling.crossings import crossings
from hwgen.compiler.tiling.group_peaks import GroupPeaks
from hwgen.compiler.tiling.stripes import FusionGroup
from hwgen.hw.isa.ceil_div import ceil_div

_LONG, _LONG_CHOICES = 12, 12
"""Of a fusion group of more than so many passes about so many stripings are looked at."""


@dataclass(frozen=True)
class Weights:
    """What stripes cost in weights.

    Attributes:
        words: weight words of each logical pass, by index.
        depth: words of the weight memory.
        cycles: to load a word.
    """

    words: Sequence[int]
    depth: int
    cycles: int


@dataclass(frozen=True)
class Choice:
    """A striping of one fusion group: words at its peak, and what it costs in cycles."""

    peak: int
    cost: int
    fusion_group: FusionGroup


class Options:
    """Stripings of one fusion group, cheapest first; those behind need less memory.

    What a striping needs at its peak is found out when it is asked for: mostly one of the first is taken.

    Attributes:
        dear: every stripe loads the weights again.
    """

    def __init__(self, lowered: Lowered, ranges: tuple[int, int], words: int, weights: Weights) -> None:
        passes = lowered.passes[slice(*ranges)]
        whole = any(item.whole for item in passes)
        reads_image = not lowered.whole_image and any(lowered.buffers[item.input.buffer].image for item in passes)
        load = sum(weights.words[slice(*ranges)])
        reload = load * weights.cycles if load > weights.depth else 0
        self.dear = reload > 0
        self._stripe_cost = len(passes) * FURTHER_PASS_CYCLES + reload
        self._lowered, self._ranges, self._words = lowered, ranges, words
        candidates = candidate_heights(passes[-1].height, whole, reads_image)
        if len(passes) > _LONG:
            candidates = candidates[:: ceil_div(len(candidates), _LONG_CHOICES)] + candidates[-1:]
        self._candidates = iter(candidates)
        self._found: list[Choice] = []
        self._least: int | None = None

    @property
    def choices(self) -> Iterator[Choice]:
        """The stripings that fit the memory if nothing else is live but what the group reads and leaves."""
        number = 0
        while number < len(self._found) or self._find():
            yield self._found[number]
            number += 1

    @property
    def short(self) -> int:
        """Words that the memory lacks for the striping that needs least; negative if there are some left."""
        while self._find():
            pass
        assert self._least is not None
        return self._least - self._words

    def _find(self) -> bool:
        """Whether there is one more choice."""
        for heights in self._candidates:
            group = FusionGroup(*self._ranges, heights)
            peak = _peak(self._lowered, group)
            less = self._least is None or peak < self._least
            self._least = peak if less else self._least
            if less and peak <= self._words:
                self._found.append(Choice(peak, len(heights) * self._stripe_cost, group))
                return True
        return False


@functools.lru_cache(maxsize=1 << 14)
def _peak(lowered: Lowered, fusion_group: FusionGroup) -> int:
    """Words that a fusion group needs at its peak; one for all cores of a network: they differ in their weights."""
    crossing = crossings(lowered)
    before, after = crossing.before(fusion_group.first), crossing.before(fusion_group.past)
    return GroupPeaks(lowered, fusion_group).peak(lowered, before, after)


def candidate_heights(height: int, whole: bool, reads_image: bool) -> list[tuple[int, ...]]:
    """Ways to cut `height` rows into stripes, fewest stripes first.

    Even stripes, and stripes that grow: while the input of a fusion group is still whole there is less room than later, and
    rows of the image should not be waited for.
    """
    if whole or height == 1:
        return [(height,)]
    found: dict[tuple[int, ...], None] = {}
    for size in range(height, 0, -1):
        if not reads_image:
            found[_even(height, ceil_div(height, size))] = None
        for first in (1, 2, 3):
            if first < size:
                found[_growing(height, first, size)] = None
    return sorted(found, key=len)


def _even(height: int, stripes: int) -> tuple[int, ...]:
    edges = [height * i // stripes for i in range(stripes + 1)]
    return tuple(b - a for a, b in zip(edges, edges[1:], strict=False))


def _growing(height: int, first: int, most: int) -> tuple[int, ...]:
    heights, left, size = [], height, first
    while left:
        size = min(size, most, left)
        heights.append(size)
        left -= size
        size = ceil_div(size * 3, 2)
    return tuple(heights)
