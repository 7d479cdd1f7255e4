"""Every formula of docs/arithmetic.md, once, exact and vectorised; equation numbers are that page's.

All functions take and return NumPy int64 (or Python ints); nothing here rounds through floating point except
`quantise_real` and `quantize_multiplier`, which turn real numbers into the integers that everything else uses.
"""

import math
from collections.abc import Callable

import numpy as np

from hwgen.errors import ModelError

INT8_MIN, INT8_MAX = -128, 127
MULTIPLIER_BITS = 31  # M < 2^31
MAX_SHIFT = 31
ADD_LEFT_SHIFT = 20  # equation 13
MOST_HALF_UP = 2048
"""Elements of a mean with halves rounded up: `count * (510 * count + 1) < 2^31` (equation 12)."""
SCALED_LIMIT = (1 << 31) - 256
"""What an accumulator may be at most once it is shifted left: its scaled value plus a zero point fits 32 bits then."""
UNIT = ((1 << MULTIPLIER_BITS) - 1, 0)
"""M and n that leave any accumulator below 2^30 as it is (equation 21)."""


def round_half_away(value: np.ndarray | float) -> np.ndarray:
    """Nearest integer, ties away from zero, as C's round(); float in, int64 out."""
    real = np.asarray(value, dtype=np.float64)
    return np.copysign(np.floor(np.abs(real) + 0.5), real).astype(np.int64)


def round_in_place(real: np.ndarray) -> None:
    """The same of a float64 array of one dimension or more, which stays one."""
    magnitude = np.abs(real)
    magnitude += 0.5
    np.floor(magnitude, out=magnitude)
    np.copysign(magnitude, real, out=real)


def quantise_real(real: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """Real numbers to int8 (equation 2)."""
    q = round_half_away(np.asarray(real, dtype=np.float64) / scale) + zero_point
    return np.clip(q, INT8_MIN, INT8_MAX).astype(np.int8)


def dequantise(q: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """int8 to float64 (equation 1)."""
    return scale * (np.asarray(q, dtype=np.float64) - zero_point)


def fold_zero_point(bias: np.ndarray, weights: np.ndarray, input_zero_point: int) -> np.ndarray:
    """`bias - z_in * sum(w)` per output channel (axis 0 of `weights`), int64 (equation 4)."""
    sums = weights.reshape(weights.shape[0], -1).sum(axis=1, dtype=np.int64)
    return np.asarray(bias, dtype=np.int64) - input_zero_point * sums


def quantize_multiplier(real: float) -> tuple[int, int]:
    """A non-negative real factor as `M * 2^-(31 + n)`, M of 31 bits (equation 5), exactly as TensorFlow Lite's
    QuantizeMultiplier.

    n is negative for factors of 1 and more.  Raises ModelError for a negative or non-finite factor.
    """
    if not math.isfinite(real) or real < 0:
        raise ModelError(f"requantisation factor {real} must be finite and not negative; check the scales")
    mantissa, exponent = math.frexp(real)  # 0, 0 of 0
    fixed = int(round_half_away(mantissa * 2.0**MULTIPLIER_BITS))
    if fixed == 1 << MULTIPLIER_BITS:
        fixed, exponent = fixed // 2, exponent + 1
    if exponent < -MAX_SHIFT:
        return 0, 0
    return fixed, -exponent


def quantize_multipliers(real: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`quantize_multiplier` for each element: (M, n), both int64."""
    pairs = [quantize_multiplier(float(value)) for value in np.ravel(real)]
    multiplier, shift = np.array(pairs, dtype=np.int64).T
    return multiplier, shift


def scale_by(acc: np.ndarray, multiplier: np.ndarray | int, shift: np.ndarray | int) -> np.ndarray:
    """`acc * M * 2^-(31 + n)` with gemmlowp's double rounding in its one-add form (equations 6 and 7), int64.

    `acc` must be within 32 bits (after the left shift where n is negative); M and n broadcast over its last axis.  M is
    negative for a negative factor: the ties of the second rounding follow the product's sign.
    """
    n = np.asarray(shift, dtype=np.int64)
    right, left = np.maximum(n, 0), np.maximum(-n, 0)
    product = (np.asarray(acc, dtype=np.int64) << left) * np.asarray(multiplier, dtype=np.int64)
    half = np.int64(1) << 30
    second = np.where(right > 0, half << right, 0)  # of RoundingDivideByPOT
    first = np.where((right > 0) & (product < 0), -half, half)  # of SaturatingRoundingDoublingHighMul, and its sign
    return (product + second + first) >> (31 + right)


def requantise(
    acc: np.ndarray,
    multiplier: np.ndarray | int,
    shift: np.ndarray | int,
    zero_point: int,
    low: int = INT8_MIN,
    high: int = INT8_MAX,
) -> np.ndarray:
    """Accumulator (bias included) to the output's int8 values, as int64 within `low` .. `high` (equation 8)."""
    return np.clip(scale_by(acc, multiplier, shift) + zero_point, low, high)


def accumulator_bounds(weights: np.ndarray, folded_bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest accumulator plus folded bias over all int8 inputs, per output channel, int64."""
    flat = weights.reshape(weights.shape[0], -1)
    positive, negative = (side(flat, np.int8(0)).sum(axis=1, dtype=np.int64) for side in (np.maximum, np.minimum))
    low = positive * INT8_MIN + negative * INT8_MAX + folded_bias
    high = positive * INT8_MAX + negative * INT8_MIN + folded_bias
    return low, high


def accumulator_bits(weights: np.ndarray) -> int:
    """Signed width that holds every partial sum of `sum(w * x)`, whatever the order of the terms."""
    flat = np.abs(weights.astype(np.int16)).reshape(weights.shape[0], -1)
    largest = int(flat.sum(axis=1, dtype=np.int64).max()) << 7  # times 128, the magnitude of INT8_MIN
    return largest.bit_length() + 1


def clamp_bits(
    acc_low: np.ndarray,
    acc_high: np.ndarray,
    multiplier: np.ndarray,
    shift: np.ndarray,
    zero_point: int,
    low: int,
    high: int,
) -> np.ndarray:
    """Least signed width A, per channel, to which the accumulator may be saturated before equation 8 without
    changing its result.

    Proof (equation 9): equation 8 does not decrease as the accumulator grows, so each end of the A-bit range must
    either lie beyond every value the accumulator can take (`acc_low`, `acc_high`) or already give the clamp limit on
    its side.
    """
    width = np.full(acc_low.shape, 32, dtype=np.int64)
    for bits in range(31, 1, -1):
        least, most = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        low_ok = (acc_low >= least) | (requantise(np.array(least), multiplier, shift, zero_point, low, high) == low)
        high_ok = (acc_high <= most) | (requantise(np.array(most), multiplier, shift, zero_point, low, high) == high)
        width = np.where(low_ok & high_ok & (width == bits + 1), bits, width)
    return width


def divide_half_away(total: np.ndarray, count: np.ndarray | int) -> np.ndarray:
    """`total / count` rounded half away from zero, int64 (equation 12)."""
    return np.sign(total) * ((np.abs(total) + np.asarray(count, dtype=np.int64) // 2) // count)


def average_multiplier(count: int) -> tuple[int, int]:
    """(M, n) with which equation 7 equals equation 12 for a mean of `count` elements, proven for every sum of int8 values.

    Raises ModelError where no pair was found.  Cost does not depend on `count`.
    """
    if count < 1:
        raise ModelError(f"an average of {count} elements; at least 1 is needed")
    limit = -INT8_MIN * count
    sums = _steps_of_mean(count, limit)
    exact = divide_half_away(sums, count)
    # Just above 1 / count a tie falls on the far side of the half in both signs; n = 0 rounds only once.  The last one is for one element.
    for multiplier in (2**31 // count + 1, 2**31 // count, 2**31 - 1):
        if multiplier < 2**31 and np.array_equal(scale_by(sums, multiplier, 0), exact):
            return multiplier, 0
    raise ModelError(
        f"no multiplier gives the exact mean of {count} elements up to a sum of {limit}; use a smaller pooling window"
    )


def _steps_of_mean(count: int, limit: int) -> np.ndarray:
    """The sums of magnitude <= `limit` on both sides of every step of `divide_half_away(sum, count)`, and the ends, int64.

    A function that does not decrease and equals it there equals it for every sum: so few sums prove an average of any size.
    """
    values = np.arange(limit // count + 2, dtype=np.int64)
    first = np.concatenate([values[1:] * count - count // 2, count // 2 + 1 - (values + 1) * count])
    sums = np.concatenate([first - 1, first, [-limit, limit]])
    return np.unique(sums[np.abs(sums) <= limit])


def half_up_multiplier(count: int) -> int:
    """M of `2 * sum + 1`, n = 0, with which equation 7 gives `floor(sum / count + 1/2)` for an even number of elements less their zero
    point (equation 12).

    Raises ModelError for an odd number, whose mean is never a half, and for more elements than the proof reaches.
    """
    if count % 2 or not 2 <= count <= MOST_HALF_UP:
        raise ModelError(f"an average of {count} uint8 elements; allowed are even numbers of up to {MOST_HALF_UP:,}")
    return ((1 << 30) + count // 2) // count


def mean_multiplier(in_scale: float, out_scale: float, count: int) -> tuple[int, int]:
    """(M, n) of a MEAN over `count` elements, the division by the count taken into M, rounded down (equation 19)."""
    multiplier, shift = quantize_multiplier(in_scale / out_scale)
    power = min(count.bit_length() - 1, 32, MAX_SHIFT - shift)
    return (multiplier << power) // count, shift + power


def add_multipliers(
    left_scale: float, right_scale: float, out_scale: float
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """(M, n) of the left input, the right input and the sum of an ADD (equation 13)."""
    twice = 2.0 * max(left_scale, right_scale)
    return (
        quantize_multiplier(left_scale / twice),
        quantize_multiplier(right_scale / twice),
        quantize_multiplier(twice / ((1 << ADD_LEFT_SHIFT) * out_scale)),
    )


def add_term(q: np.ndarray, zero_point: int, multiplier: int, shift: int) -> np.ndarray:
    """One input of an ADD brought to the common scale, int64 (equation 13); 256 values make the hardware's 32-bit
    table.
    """
    return scale_by((np.asarray(q, dtype=np.int64) - zero_point) << ADD_LEFT_SHIFT, multiplier, shift)


def table_of(
    function: Callable[[np.ndarray], np.ndarray], in_scale: float, in_zero: int, out_scale: float, out_zero: int
) -> np.ndarray:
    """The 256 int8 outputs of a real function, for inputs -128 .. 127 in order (equation 14)."""
    real = dequantise(np.arange(INT8_MIN, INT8_MAX + 1), in_scale, in_zero)
    return quantise_real(function(real), out_scale, out_zero)
