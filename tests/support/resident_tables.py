"""Tables that are there from power-on."""

from __future__ import annotations

import numpy as np


def entries(number: int) -> np.ndarray:
    """A table's 256 bytes."""
    return np.random.default_rng(number).integers(0, 256, 256)


def resident_tables(count: int) -> list[list[int]]:
    """Words of the first `count` tables."""
    return [(table[::2] | table[1::2] << 8).tolist() for table in map(entries, range(count))]
