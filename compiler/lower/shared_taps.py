"""Words that several taps of a row read: whether a pass reads each of them once, and how many words it then reads.

A core with shared taps (`hwgen.hw.array.shared_ring_writes`) writes a word to the pixels of all its taps in the same cycle: a convolution
with k columns of taps and stride 1 reads a k-th of the words.
"""

from __future__ import annotations

from hwgen.compiler.lower.passes import LogicalPass
from hwgen.hw.isa.descriptor import FeedMode

SHARED_TAPS = False
"""Whether a planned core may have shared taps unless it is said."""


def columns_read(item: LogicalPass) -> int:
    """Columns of the input that the taps of an output row (TAP), or one block of them (WINDOW), span."""
    return (item.width - 1) * item.window.stride[1] + item.blocks.size[1]


def shares_taps(item: LogicalPass, rows: int) -> bool:
    """Whether a pass reads fewer words on a core with shared taps and `rows` array rows: neighbouring taps whose pixels all lie in
    different array rows."""
    taps, stride = item.blocks.size[1], item.window.stride[1]
    possible = item.mode == FeedMode.TAP and item.blocks.step[1] == 1 and taps <= rows * stride
    return possible and columns_read(item) < taps * item.width


def words_read(item: LogicalPass, rows: int, shared_taps: bool) -> int:
    """Words that the fetch reads for the pixel ring in a pass of FeedMode.TAP, on a core with or without shared taps."""
    taps_h, taps_w = item.blocks.size
    columns = columns_read(item) if shared_taps and shares_taps(item, rows) else taps_w * item.width
    return item.height * taps_h * item.words * columns
