"""Where a network is cut into fusion groups."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.tiling.crossings import Crossings, crossings
from hwgen.hw.isa.config import WORD_BYTES

_JOIN_SHARE = 0.8


@dataclass(frozen=True)
class FusionLimits:
    """Where a network is cut into fusion groups.

    Attributes:
        most_live: tensors that a fusion group hands over.
        share: of the memory; where they are larger the fusion groups on both sides become one.
    """

    most_live: int = 1
    share: float = _JOIN_SHARE

    def ranges(self, lowered: Lowered, words: int) -> list[tuple[int, int]]:
        """(first, past) of the fusion groups for a memory of so many words."""
        return self.groups(crossings(lowered), words)

    def groups(self, crossing: Crossings, words: int) -> list[tuple[int, int]]:
        """The same of a network in which these tensors cross."""
        return crossing.natural_groups(self.most_live, self.share * words * WORD_BYTES)


@dataclass(frozen=True)
class GivenFusion:
    """Fusion groups that are known beforehand: (first, past) of each."""

    given: tuple[tuple[int, int], ...]

    def ranges(self, lowered: Lowered, words: int) -> list[tuple[int, int]]:
        """As `FusionLimits.ranges`."""
        return list(self.given)
