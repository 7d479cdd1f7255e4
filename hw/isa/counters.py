"""Records of the performance counters: every cycle of a frame by what the array did or waited for, pass by pass."""

from __future__ import annotations

import enum


class Counter(enum.IntEnum):
    """Words of a pass's record, 32 bits each, in clock cycles.

    CYCLES is the sum of those from ISSUING on, and CYCLES and WAIT of all passes are the frame's cycles.
    """

    CYCLES = 0
    """from `start` to `done`"""
    WAIT = 1
    """from the `done` before, or the frame's start, to `start`: its descriptor or its weights are not there yet"""
    ISSUING = 2
    """the array accumulated"""
    PIXELS = 3
    """the feeder waited for pixels"""
    ROOM = 4
    """the feeder waited for room behind the array"""
    CHAINS = 5
    """the feeder waited for the drain chains of the array alone"""
    OUTSIDE = 6
    """the feeder had nothing to do: before its first cycle of a pass, after its last step, or in a pass without the array"""


BY_CAUSE = (Counter.ISSUING, Counter.PIXELS, Counter.ROOM, Counter.CHAINS, Counter.OUTSIDE, Counter.WAIT)
"""Counters whose sum over a frame is the frame's cycles."""


RECORD_WORDS = len(Counter)
"""Words of a pass's record in the counter memory; records follow each other without a gap."""

_WORDS = 4096

RECORDED_PASSES = _WORDS // RECORD_WORDS
"""Passes of a frame that are recorded; later ones are not (the frame's total is always right)."""

_LEAST_WORDS = 512  # of a block RAM of this width


def counter_words(passes: int) -> int:
    """Words of the memory that records frames of so many passes, at most RECORDED_PASSES."""
    return min(_WORDS, max(_LEAST_WORDS, 1 << (passes * RECORD_WORDS).bit_length()))
