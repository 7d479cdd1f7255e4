"""What a core holds from power-on when all of a network stays in block RAM."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Resident:
    """Initial content of a core's memories; nothing is loaded later, and descriptors are run in order, frame after frame.

    Attributes:
        weights: words of `weight_bytes` bytes, for the weight memory.
        parameters: words of `PARAMETER_BITS`, for the array's parameter memory.
        window: words of `18 * window_lanes` bits, for the window's parameter memory.
        descriptors: packed `Descriptor` of every pass; the last one is marked `last`.
        array_tables, window_tables: `TABLE_WORDS` words of 16 bits of every table behind the array's and the window's requantisers.
    """

    weights: tuple[int, ...]
    parameters: tuple[int, ...]
    window: tuple[int, ...]
    descriptors: tuple[int, ...]
    array_tables: tuple[tuple[int, ...], ...] = ()
    window_tables: tuple[tuple[int, ...], ...] = ()
