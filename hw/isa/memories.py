"""Sizes of memories and queues that the compiler plans with."""

from __future__ import annotations

import enum


class RamPorts(enum.Enum):
    """Ports that a memory needs of its blocks of RAM, whatever the family."""

    SIMPLE = "one write and one read port, whole words"
    TRUE = "a read port, and a read and write port that writes single bytes"


QUEUE_DEPTH = 16
"""Descriptors that the sequencer's queue holds."""

DESCRIPTOR_SLOT_BITS = 6
"""A descriptor takes a slot of 64 halfwords, so that its address is {slot, index}."""

TABLE_WORDS = 128
"""A table is written as 128 words of two entries."""

SUM_BITS = 25
"""Of an int8 sum over a whole map: 2^17 elements of magnitude 2^7, and a sign."""

SUM_GROUPS = 512
"""Subgroups whose sums are kept from one stripe of a map to the next."""

FIFO_DEPTH = 64
"""Halfwords of the command stream that may be under way from the SDRAM or wait in the DMA's FIFO."""

READ_AHEAD = FIFO_DEPTH + 1
"""Halfwords from the one that is used next on that may have been read already."""


def descriptor_words(passes: int) -> int:
    """Halfwords of the memory that holds the descriptors of `passes` resident passes."""
    return passes << DESCRIPTOR_SLOT_BITS
