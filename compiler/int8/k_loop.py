"""The array's sum over channels as two nested loops, with as few steps as the weights need."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hwgen.hw.isa.config import WORD_BYTES

_MOST_OUTER = 64


class KLoop(NamedTuple):
    """Steps over the channels `first + o * stride + i` for `0 <= o < outer`, `0 <= i < inner`."""

    first: int
    outer: int
    stride: int
    inner: int

    @property
    def depth(self) -> int:
        """K."""
        return self.outer * self.inner

    def channels(self) -> np.ndarray:
        """The channels, step by step."""
        return (self.first + self.stride * np.arange(self.outer)[:, None] + np.arange(self.inner)).ravel()


def k_loop(used: np.ndarray) -> KLoop:
    """The fewest steps over all channels for which `used` (bool [channels]) holds; none beyond the last channel.

    A grouped convolution behind a channel shuffle reads a few channels of each group: as many outer steps as groups.
    """
    wanted = np.flatnonzero(used)
    if not len(wanted):
        return KLoop(0, 1, 0, 1)
    low, high = int(wanted[0]), int(wanted[-1])
    best = KLoop(low, 1, 0, high - low + 1)
    if len(wanted) == best.inner:
        return best
    for stride in range(2, high - low + 1):
        for first in range(max(0, low - WORD_BYTES + 1), low + 1):
            outer_of, inner_of = np.divmod(wanted - first, stride)
            outer, inner = int(outer_of[-1]) + 1, int(inner_of.max()) + 1
            if outer > _MOST_OUTER or outer * inner >= best.depth:
                continue
            if first + (outer - 1) * stride + inner <= len(used):
                best = KLoop(first, outer, stride, inner)
    return best
