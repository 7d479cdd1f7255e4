"""Tables that a window has from power-on, for tests."""

from __future__ import annotations

import numpy as np


def window_tables(slots: int) -> np.ndarray:
    """All that leave a slot for the identity: int64 [slots - 1, 256], by input byte."""
    return np.random.default_rng(slots).integers(-128, 128, (slots - 1, 256))


def words(table: np.ndarray) -> list[int]:
    """A table's 128 words of two entries."""
    entries = table & 0xFF
    return [int(low | high << 8) for low, high in zip(entries[::2], entries[1::2], strict=True)]
