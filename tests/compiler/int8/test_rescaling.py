"""Rescaling against gemmlowp's double rounding, for every multiplier there is.

Both results are staircases over the multiplier: they rise (or, for a negative product, fall) and never turn.  Two of them are equal
everywhere if they are equal on both sides of every step of one of them and at both ends, so three comparisons a step do for all 2^30
multipliers of an operand and a shift.  Steps beyond the reach of int8 are left out, because what lies there is clamped.
"""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.compiler.int8 import arithmetic

LEAST, MOST = 1 << 30, (1 << 31) - 1
"""Of a multiplier that is not 0 (equation 5)."""

REACH = 256
"""Results of this magnitude are clamped, whatever the zero point is."""


def double_rounding(x: np.ndarray, multiplier: np.ndarray, shift: int) -> np.ndarray:
    """MultiplyByQuantizedMultiplier in 32 bits: SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT."""
    shifted = x << max(-shift, 0)
    assert np.abs(shifted).max(initial=0) < 1 << 31
    product = shifted * multiplier
    nudged = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    high = np.sign(nudged) * (np.abs(nudged) >> 31)
    right = max(shift, 0)
    mask = (1 << right) - 1
    return (high >> right) + ((high & mask) > (mask >> 1) + (high < 0))


@pytest.mark.parametrize("sign", [1, -1], ids=["positive", "negative"])
@pytest.mark.parametrize("shift", range(-14, 32))
def test_every_multiplier_of_a_table(shift: int, sign: int) -> None:
    """Every difference of an int8 value and a zero point, every normal multiplier of either sign, every shift that tables take."""
    x, result = (axis.ravel() for axis in np.meshgrid(np.r_[-255:0, 1:256], np.arange(1, REACH + 1)))
    # The least magnitude of the first rounding's result that the second one makes `result`, and the multiplier that gives it.
    high = result if shift <= 0 else (result << shift) - (1 << (shift - 1))
    reached = high <= np.abs(x) << max(-shift, 0)
    x, high = x[reached], high[reached]
    step = -((LEAST - (high << 31)) // (np.abs(x) << max(-shift, 0)))
    ends = np.r_[-255:0, 1:256]
    for place, at in ((step - 1, x), (step, x), (step + 1, x), (np.array(LEAST), ends), (np.array(MOST), ends)):
        multiplier = sign * np.clip(place, LEAST, MOST)
        np.testing.assert_array_equal(
            np.clip(arithmetic.scale_by(at, multiplier, shift), -REACH, REACH),
            np.clip(double_rounding(at, multiplier, shift), -REACH, REACH),
        )
