"""Requantisation in two separate roundings, as the reference kernels do it; independent of the one-add form of the RTL."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


def requantise(
    acc: Int64, bias: Int64, multiplier: Int64, shift: Int64, *, clamp_bits: int, zero_point: int, low: int, high: int
) -> Int64:
    """docs/arithmetic.md (9), (6), (8): all arrays int64 and of one shape; the result is int64 within `low` .. `high`."""
    limit = 1 << (clamp_bits - 1)
    a = np.clip(acc + bias, -limit, limit - 1)
    doubled_high = (a * multiplier + (1 << 30)) >> 31
    mask = (np.int64(1) << shift) - 1
    threshold = (mask >> 1) + (doubled_high < 0)
    rounded = (doubled_high >> shift) + ((doubled_high & mask) > threshold)
    return np.clip(rounded + zero_point, low, high)
