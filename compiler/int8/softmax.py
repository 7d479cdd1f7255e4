"""Softmax in fixed point, bit for bit as TensorFlow Lite's reference kernel computes it (equation 20).

Numbers are gemmlowp's: an int32 `raw` with k integer bits stands for `raw * 2^(k - 31)`.  Everything here is int64
arrays of such values; products are `SaturatingRoundingDoublingHighMul`, so that k integer bits times l integer bits
have k + l.
"""

import math

import numpy as np

from hwgen.compiler.int8 import arithmetic
from hwgen.errors import ModelError

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
DIFFERENCE_BITS = 5  # integer bits of the scaled differences
SUM_BITS = 12  # integer bits of the sum of exponentials

EXP_AT_MINUS_EIGHTH = 1895147668  # exp(-1/8), 0 integer bits
ONE_THIRD = 715827883
EXP_OF_POWERS = (  # exp(-2^e), 0 integer bits
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
FORTY_EIGHT_17TH, MINUS_THIRTY_TWO_17TH = 1515870810, -1010580540  # 2 integer bits


def parameters(beta: float, scale: float) -> tuple[int, int, int]:
    """Multiplier, left shift and least difference that counts, for an input's scale.

    Raises ModelError for a factor below 1, which the kernel does not have.
    """
    real = min(beta * scale * 2.0 ** (31 - DIFFERENCE_BITS), 2.0**31 - 1)
    if not real > 1:
        raise ModelError(f"softmax of an input with scale {scale:g} and beta {beta:g}: their product must exceed 2^-26")
    multiplier, right = arithmetic.quantize_multiplier(real)
    radius = math.floor((2**DIFFERENCE_BITS - 1) * 2.0 ** (31 - DIFFERENCE_BITS) / 2.0**-right)
    return multiplier, -right, -radius


def softmax(x: np.ndarray, multiplier: int, shift: int, least: int) -> np.ndarray:
    """int8 [..., channels] to int8 of the same shape, scale 1/256 and zero point -128."""
    difference = x.astype(np.int64) - x.max(axis=-1, keepdims=True)
    counts = difference >= least
    scaled = _high_multiply(np.where(counts, difference, 0) << shift, multiplier)
    exponential = np.where(counts, _exp_of_negative(scaled), 0)
    total = _divide_by_power(exponential, SUM_BITS).sum(axis=-1, keepdims=True)
    headroom = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)  # leading zeros of 32 bits
    reciprocal = _one_over_one_plus((total << headroom) - 2**31)
    q = _divide_by_power(_high_multiply(reciprocal, exponential), SUM_BITS - headroom + 31 - 8) - 128
    return np.where(counts, np.clip(q, -128, 127), -128).astype(np.int8)


def _high_multiply(a: np.ndarray, b: np.ndarray | int) -> np.ndarray:
    """SaturatingRoundingDoublingHighMul: a * b / 2^31, ties up."""
    return np.minimum((a * np.asarray(b, dtype=np.int64) + 2**30) >> 31, INT32_MAX)


def _divide_by_power(x: np.ndarray, exponent: np.ndarray | int) -> np.ndarray:
    """RoundingDivideByPOT: ties away from zero."""
    power = np.asarray(exponent, dtype=np.int64)
    half = np.where(power > 0, np.int64(1) << np.maximum(power - 1, 0), 0)
    return (x + half - ((x < 0) & (power > 0))) >> power


def _shift_up(x: np.ndarray, bits: int) -> np.ndarray:
    """A left shift that saturates."""
    return np.clip(x << bits, INT32_MIN, INT32_MAX)


def _exp_of_negative(a: np.ndarray) -> np.ndarray:
    """exp of values <= 0 with 5 integer bits, as values with none."""
    fraction = 31 - DIFFERENCE_BITS
    quarter = 1 << (fraction - 2)
    rest = (a & (quarter - 1)) - quarter
    result = _exp_of_quarter(_shift_up(rest, DIFFERENCE_BITS))
    whole = rest - a
    for exponent, factor in EXP_OF_POWERS:
        if exponent < DIFFERENCE_BITS:
            result = np.where(whole & (1 << (fraction + exponent)), _high_multiply(result, factor), result)
    return np.where(a == 0, INT32_MAX, result)


def _exp_of_quarter(a: np.ndarray) -> np.ndarray:
    """exp of values in -1/4 .. 0 by the Taylor series around -1/8; no integer bits."""
    x = a + (1 << 28)
    x2 = _high_multiply(x, x)
    x3 = _high_multiply(x2, x)
    x4 = _high_multiply(x2, x2)
    higher = _divide_by_power(_high_multiply(_divide_by_power(x4, 2) + x3, ONE_THIRD) + x2, 1)
    return EXP_AT_MINUS_EIGHTH + _high_multiply(x + higher, EXP_AT_MINUS_EIGHTH)


def _one_over_one_plus(a: np.ndarray) -> np.ndarray:
    """1 / (1 + a) for a in 0 .. 1 with no integer bits, by three Newton-Raphson steps."""
    half_denominator = (a + INT32_MAX + 1) // 2
    x = FORTY_EIGHT_17TH + _high_multiply(half_denominator, MINUS_THIRTY_TWO_17TH)
    for _ in range(3):
        error = (1 << 29) - _high_multiply(half_denominator, x)
        x = x + _shift_up(_high_multiply(x, error), 2)
    return _shift_up(x, 1)
