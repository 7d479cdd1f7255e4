"""Division that rounds up: how many words, chunks, groups or tiles hold a count of smaller things.

It stands here because `hwgen.hw.isa` is the one room that the RTL, the compiler, the simulator and the boards all import.
"""

from __future__ import annotations


def ceil_div(dividend: int, divisor: int) -> int:
    """The least integer that is not below `dividend / divisor`; exact for integers of any size and sign, `divisor` not 0."""
    return -(-dividend // divisor)
