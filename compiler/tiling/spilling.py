"""Chooses the tensors that leave the chip for a while where a network does not fit otherwise: as few bytes as a greedy search finds."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.tiling.crossings import Crossings, crossings
from hwgen.compiler.tiling.fit import NoFitError
from hwgen.compiler.tiling.fusion_groups import FusionLimits
from hwgen.compiler.tiling.group_peaks import GroupPeaks
from hwgen.compiler.tiling.spill import Gap, spill
from hwgen.compiler.tiling.stripes import FusionGroup
from hwgen.hw.isa.config import BANKS, WORD_BYTES

FUSION_LIMITS = (FusionLimits(), FusionLimits(2, 0.8), FusionLimits(3, 0.6))
"""Ways to cut a network into fusion groups, one after the other."""

STORE_CYCLES = 3
"""Cycles that a halfword's way to the SDRAM and back takes: two to write it, one to read it."""

MOST_STEPS = 1_500_000
"""Of stripes that are looked at for a network: some 10 s; NASNet-A takes 1,200,000."""

_MOST_GAPS = 60
_CANDIDATES = 16  # the largest tensors of a fusion group are worth a look


@dataclass(frozen=True)
class Spills:
    """What leaves the chip, and how the network is cut then.

    Attributes:
        gaps: of tensors.
        cutting: of the fusion groups.
        cycles: of the SDRAM for them.
    """

    gaps: tuple[Gap, ...]
    fusion: FusionLimits
    cycles: int


def spill_cycles(lowered: Lowered, gaps: Sequence[Gap]) -> int:
    """Cycles of the SDRAM for what is stored and brought back."""
    return sum(STORE_CYCLES * lowered.buffers[gap.buffer].size // 2 for gap in gaps)


def choose(lowered: Lowered, bank_words: int, share: float) -> list[Spills]:
    """For every way to cut the network the tensors to spill so that each group needs at most a `share` of the memory; the cheapest first.

    Raises:
        ResourceError: no choice is enough; says how much is short.
    """
    search = _Search(lowered, int(bank_words * BANKS * share))
    found: list[Spills] = []
    for fusion in FUSION_LIMITS:
        try:
            gaps = search.run(fusion)
        except _TooLongError as error:
            kib = bank_words * BANKS * WORD_BYTES // 1024
            raise NoFitError(
                f"{lowered.name}: {error.name} does not fit the activation memory of {kib} KiB, and what could go to the SDRAM was not "
                f"found in {MOST_STEPS:,} steps of its passes; take a smaller resolution or width",
                bank_words * BANKS + 1,
            ) from None
        if gaps is not None:
            found.append(Spills(gaps, fusion, spill_cycles(lowered, gaps)))
    if not found:
        name, words = search.worst
        raise NoFitError(
            f"{lowered.name}: {name} does not fit the activation memory of {bank_words * BANKS * WORD_BYTES // 1024} KiB in any striping, "
            f"whatever goes to the SDRAM, at least {words * WORD_BYTES / 1024:.1f} KiB short; "
            "take a smaller resolution or width, or a larger part",
            bank_words * BANKS + words,
        )
    return sorted(found, key=lambda one: one.cycles)


class _TooLongError(Exception):
    """So much was looked at that the search had better end; `name`: of a pass that does not fit."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(eq=False)
class _Known:
    """What searches found out about a network, whatever the memory.

    Attributes:
        peaks: words that a fusion group needs, by all that they depend on.
        groups: fusion groups, by (first, past, rows of a stripe).
        steps: that were made for it.
    """

    peaks: dict[object, int] = field(default_factory=dict)
    groups: dict[tuple[int, int, int], GroupPeaks] = field(default_factory=dict)
    steps: int = 0


@functools.lru_cache(maxsize=4)
def _known(lowered: Lowered) -> _Known:
    return _Known()


class _Search:
    """Greedy: as long as a fusion group is too large, spill what takes most off for its bytes; then take back what was not needed."""

    def __init__(self, lowered: Lowered, words: int) -> None:
        self._lowered, self._words = lowered, words
        self._known = _known(lowered)
        self._readers = {
            name: lowered.readers.get(name, [])
            for name in dict.fromkeys(item.output.buffer for item in lowered.passes)
            if name != lowered.result
        }
        self._written = {item.output.buffer: i for i, item in enumerate(lowered.passes)}
        self.worst = ("", 0)
        """Name and words of the least shortage that was left."""

    def run(self, fusion: FusionLimits) -> tuple[Gap, ...] | None:
        gaps: tuple[Gap, ...] = ()
        short = self._shortage(gaps, fusion)
        while short and len(gaps) < _MOST_GAPS:
            (first, past), words = next(iter(short.items()))
            total = sum(short.values())
            best: tuple[float, Gap, dict[tuple[int, int], int]] | None = None
            candidates = sorted(
                self._candidates(first, past, gaps), key=lambda one: -self._lowered.buffers[one.buffer].size
            )
            for gap in candidates[:_CANDIDATES]:
                left = self._shortage((*gaps, gap), fusion)
                less, cycles = total - sum(left.values()), spill_cycles(self._lowered, [gap])
                # Where nothing helps alone, what does least harm: the network may then be cut where it could not be before.
                rate = less / cycles if less > 0 else float(less)
                if best is None or rate > best[0]:
                    best = rate, gap, left
            if best is None or len(gaps) == _MOST_GAPS - 1:
                if not self.worst[0] or words < self.worst[1]:
                    self.worst = self._lowered.passes[past - 1].name, words
                return None
            gaps, short = (*gaps, best[1]), best[2]
        for gap in sorted(gaps, key=lambda one: -self._lowered.buffers[one.buffer].size):
            fewer = tuple(one for one in gaps if one != gap)
            if not self._shortage(fewer, fusion):
                gaps = fewer
        return gaps

    def _candidates(self, first: int, past: int, gaps: Sequence[Gap]) -> Iterator[Gap]:
        """Gaps that meet passes `first .. past - 1`."""
        for name, found in self._readers.items():
            before = self._written[name]
            for number, reader in enumerate(found):
                if before < past and reader >= first and Gap(name, number) not in gaps:
                    yield Gap(name, number)
                before = reader

    def _shortage(self, gaps: Sequence[Gap], fusion: FusionLimits) -> dict[tuple[int, int], int]:
        """Words that each fusion group is short of, those that are."""
        lowered, crossing = spill(self._lowered, gaps), crossings(self._lowered).spilled(gaps)
        found = {}
        for first, past in fusion.groups(crossing, self._words):
            words = self._short(lowered, crossing, first, past)
            if words > 0:
                found[first, past] = words
        return found

    def _short(self, lowered: Lowered, crossing: Crossings, first: int, past: int) -> int:
        """Words that a fusion group lacks with the finest stripes or with none, whichever needs less; 0 if one of them fits."""
        before, after = crossing.before(first), crossing.before(past)
        passes = tuple(lowered.passes[first:past])  # those that read something else are others
        stored = tuple(item.output.buffer in lowered.copies for item in passes)
        height = passes[-1].height
        sizes = (height,) if any(item.whole for item in passes) else (height, 1)
        least: int | None = None
        for size in dict.fromkeys(sizes):
            key = (passes, stored, before, after, size)
            if key not in self._known.peaks:
                self._known.peaks[key] = self._group(first, past, size).peak(lowered, before, after)
            peak = self._known.peaks[key]
            if peak <= self._words:
                return 0
            least = peak if least is None else min(least, peak)
        assert least is not None
        return least - self._words

    def _group(self, first: int, past: int, size: int) -> GroupPeaks:
        """A fusion group with stripes of `size` rows."""
        last = self._lowered.passes[past - 1]
        heights = tuple(min(size, last.height - y) for y in range(0, last.height, size))
        if self._known.steps > MOST_STEPS:
            raise _TooLongError(last.name)
        self._known.steps += len(heights) * (past - first)
        if (first, past, size) not in self._known.groups:
            self._known.groups[first, past, size] = GroupPeaks(self._lowered, FusionGroup(first, past, heights))
        return self._known.groups[first, past, size]
