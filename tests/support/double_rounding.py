"""Double rounding, step by step."""

from __future__ import annotations


def high_mul(a: int, b: int) -> int:
    """SaturatingRoundingDoublingHighMul on Python integers, division truncating towards zero as in C."""
    product = a * b
    nudge = (1 << 30) if product >= 0 else 1 - (1 << 30)
    total = product + nudge
    return abs(total) // (1 << 31) * (1 if total >= 0 else -1)


def divide_by_pot(x: int, exponent: int) -> int:
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> exponent) + (1 if (x & mask) > threshold else 0)


def double_rounding(acc: int, multiplier: int, shift: int) -> int:
    return divide_by_pot(high_mul(acc << max(-shift, 0), multiplier), max(shift, 0))
