"""Where a network is cut into fusion groups, and the tensors that cross from one to the next."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.tiling.stripes import natural_groups
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
        return joined(lowered, words, self)


@dataclass(frozen=True)
class GivenFusion:
    """Fusion groups that are known beforehand: (first, past) of each."""

    given: tuple[tuple[int, int], ...]

    def ranges(self, lowered: Lowered, words: int) -> list[tuple[int, int]]:
        """As `FusionLimits.ranges`."""
        return list(self.given)


def joined(lowered: Lowered, words: int, fusion: FusionLimits) -> list[tuple[int, int]]:
    """(first, past) of the fusion groups for a memory of so many words."""
    ranges: list[tuple[int, int]] = []
    join = False
    for first, past in natural_groups(lowered, fusion.most_live):
        ranges.append((ranges.pop()[0] if join else first, past))
        join = sum(lowered.buffers[name].size for name in boundaries(lowered)[past]) > fusion.share * words * WORD_BYTES
    return ranges


@functools.lru_cache(maxsize=64)
def boundaries(lowered: Lowered) -> tuple[frozenset[str], ...]:
    """Tensors that are in memory before each pass, and behind the last one: made and still to be read, or the result."""
    wanted = {lowered.result}
    first_made = {item.output.buffer: i for i, item in reversed(list(enumerate(lowered.passes)))}
    found = [lowered.kept | wanted]
    for i, item in reversed(list(enumerate(lowered.passes))):
        wanted.update(view.buffer for view in item.views if first_made.get(view.buffer, i) < i)
        if first_made[item.output.buffer] == i:
            wanted.discard(item.output.buffer)
        found.append(lowered.kept | wanted)
    return tuple(reversed(found))
