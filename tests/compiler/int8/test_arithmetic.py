"""The formulas against plain transcriptions of gemmlowp's and TensorFlow Lite's scalar code."""

import math
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest

from hwgen.compiler.int8 import arithmetic
from hwgen.errors import ModelError
from tests.support.double_rounding import double_rounding


def test_one_add_form_equals_double_rounding() -> None:
    rng = np.random.default_rng(1)
    for shift in (-3, -1, 0, 1, 2, 5, 8, 17, 31):
        for multiplier in (1 << 30, (1 << 30) + 1, (1 << 31) - 1, 1518500250, int(rng.integers(1 << 30, 1 << 31))):
            scale = 2.0 ** max(shift, 0)
            near = np.rint(np.arange(-40, 40) * scale / (multiplier / 2**31) / 2).astype(
                np.int64
            )  # ties and their neighbours
            acc = np.concatenate([near - 1, near, near + 1, rng.integers(-(2**28), 2**28, 200), np.arange(-50, 50)])
            acc = acc[np.abs(acc) < 2**28]
            expected = [double_rounding(int(a), multiplier, shift) for a in acc]
            assert arithmetic.scale_by(acc, multiplier, shift).tolist() == expected


def test_multiplier_and_shift_broadcast_over_channels() -> None:
    acc = np.array([[1000, -1000, 7], [-5, 12345678, -12345678]])
    multiplier, shift = np.array([1 << 30, 2**31 - 1, 1300000000]), np.array([3, 0, 11])
    got = arithmetic.requantise(acc, multiplier, shift, -4, -100, 90)
    expected = [
        [
            min(max(double_rounding(int(a), int(m), int(n)) - 4, -100), 90)
            for a, m, n in zip(row, multiplier, shift, strict=True)
        ]
        for row in acc
    ]
    assert got.tolist() == expected


def test_quantize_multiplier() -> None:
    assert arithmetic.quantize_multiplier(0.0) == (0, 0)
    assert arithmetic.quantize_multiplier(0.5) == (1 << 30, 0)
    assert arithmetic.quantize_multiplier(0.25) == (1 << 30, 1)
    assert arithmetic.quantize_multiplier(1.0) == (1 << 30, -1)
    assert arithmetic.quantize_multiplier(math.nextafter(0.5, 0)) == (1 << 30, 0)  # rounds up to a power of two
    assert arithmetic.quantize_multiplier(2.0**-40) == (0, 0)
    for real in (0.0003, 0.001217, 0.7, 0.99):
        multiplier, shift = arithmetic.quantize_multiplier(real)
        assert 2**30 <= multiplier < 2**31
        assert abs(multiplier * 2.0 ** -(31 + shift) - real) <= real * 2.0**-31
    for bad in (-1.0, math.nan, math.inf):
        with pytest.raises(ModelError, match="must be finite and not negative"):
            arithmetic.quantize_multiplier(bad)


def test_smallest_factor() -> None:
    """Exponents below -31 are 0, as in TensorFlow Lite's QuantizeMultiplier."""
    assert arithmetic.quantize_multiplier(2.0**-32) == (1 << 30, 31)
    assert arithmetic.quantize_multiplier(math.nextafter(2.0**-32, 0)) == (1 << 30, 31)  # rounds up to it
    assert arithmetic.quantize_multiplier(2.0**-32 * (1 - 2.0**-30)) == (0, 0)  # exponent -32
    assert arithmetic.quantize_multiplier(2.0**-33) == (0, 0)


@pytest.mark.parametrize(
    ("acc_low", "acc_high", "bits"),
    [(-256, 255, 9), (-257, 255, 10), (-256, 256, 10), (-512, 0, 10), (0, 511, 10), (0, 512, 11), (-513, 0, 11)],
)
def test_clamp_bits_at_both_ends_of_the_range(acc_low: int, acc_high: int, bits: int) -> None:
    """An eighth of the accumulator never reaches the limits of int8: only the accumulator's own range decides."""
    eighth = np.array([1 << 30]), np.array([2])
    found = arithmetic.clamp_bits(np.array([acc_low]), np.array([acc_high]), *eighth, 0, -128, 127)
    assert found.tolist() == [bits]


@pytest.mark.parametrize(("zero_point", "bits"), [(0, 9), (-1, 9), (1, 10)])
def test_clamp_bits_where_the_result_is_at_its_limit(zero_point: int, bits: int) -> None:
    """Half of -256 is -128, the limit; with a zero point of 1 it is one above. The upper end, 127.5, is beyond its own in all three."""
    half = np.array([1 << 30]), np.array([0])
    far = np.array([-(1 << 20)]), np.array([100])
    assert arithmetic.clamp_bits(*far, *half, zero_point, -128, 127).tolist() == [bits]


def test_clamp_bits_is_sufficient_and_least() -> None:
    rng = np.random.default_rng(2)
    for _ in range(60):
        multiplier, shift = int(rng.integers(1 << 30, 1 << 31)), int(rng.integers(0, 9))
        zero_point = int(rng.integers(-128, 128))
        low, high = (zero_point, 127) if rng.random() < 0.5 else (-128, 127)
        acc_low, acc_high = -int(rng.integers(1, 60000)), int(rng.integers(1, 60000))
        bits = int(
            arithmetic.clamp_bits(
                np.array([acc_low]),
                np.array([acc_high]),
                np.array([multiplier]),
                np.array([shift]),
                zero_point,
                low,
                high,
            )[0]
        )
        acc = np.arange(acc_low, acc_high + 1)
        exact = arithmetic.requantise(acc, multiplier, shift, zero_point, low, high)

        def clamped(width: int, acc: np.ndarray = acc) -> np.ndarray:
            return np.clip(acc, -(1 << (width - 1)), (1 << (width - 1)) - 1)

        assert np.array_equal(arithmetic.requantise(clamped(bits), multiplier, shift, zero_point, low, high), exact)
        if bits > 2:
            assert not np.array_equal(
                arithmetic.requantise(clamped(bits - 1), multiplier, shift, zero_point, low, high), exact
            )


@pytest.mark.parametrize("count", [*range(1, 50), 64, 100, 196, 784])
def test_average_multiplier_is_exact_for_every_sum(count: int) -> None:
    multiplier, shift = arithmetic.average_multiplier(count)
    assert 0 < multiplier < 2**31 and shift == 0
    for total in range(-128 * count, 127 * count + 1, 1 if count < 20 else 7):
        exact = (abs(total) * 2 + count) // (2 * count) * (1 if total >= 0 else -1)
        assert double_rounding(total, multiplier, shift) == exact


def test_average_multiplier_refuses_what_it_cannot_prove() -> None:
    with pytest.raises(ModelError, match="at least 1"):
        arithmetic.average_multiplier(0)
    with pytest.raises(ModelError, match="no multiplier gives the exact mean of 12543 elements up to a sum of 1605504"):
        arithmetic.average_multiplier(12543)


@pytest.mark.parametrize("count", [1, 2, 7, 9, 256, 2895, 2953, 2969, 3000, 4100, 5001])
def test_few_sums_prove_an_average_for_all(count: int) -> None:
    """The steps of the mean stand for every sum: the same pair, or none, as when all of them are tried."""
    sums = np.arange(-128 * count, 128 * count + 1, dtype=np.int64)
    exact = arithmetic.divide_half_away(sums, count)
    tried = [
        multiplier
        for multiplier in (2**31 // count + 1, 2**31 // count, 2**31 - 1)
        if multiplier < 2**31 and np.array_equal(arithmetic.scale_by(sums, multiplier, 0), exact)
    ]
    try:
        found = [arithmetic.average_multiplier(count)[0]]
    except ModelError:
        found = []
    assert found == tried[:1]


@pytest.mark.parametrize("count", [1, 2, 3, 6, 7])
@pytest.mark.parametrize("limit", [7, 12, 27, 128])
def test_steps_of_a_mean(count: int, limit: int) -> None:
    """Both sides of each step, and the ends: no sum more and none less."""
    sums = np.arange(-limit, limit + 1)
    step = np.flatnonzero(np.diff(arithmetic.divide_half_away(sums, count)))
    assert arithmetic._steps_of_mean(count, limit).tolist() == sorted({-limit, limit, *sums[step], *sums[step + 1]})


def test_half_up_multiplier_at_its_limits() -> None:
    for count in range(2, 2049, 2):
        assert arithmetic.half_up_multiplier(count) == math.floor(Fraction(1 << 30, count) + Fraction(1, 2))
    for count in (0, 1, 2047, 2050):
        with pytest.raises(ModelError, match=f"an average of {count} uint8 elements; .* even numbers of up to 2,048"):
            arithmetic.half_up_multiplier(count)


def test_unit_leaves_accumulators_as_they_are() -> None:
    acc = np.array([0, 1, -1, 1 << 20, (1 << 30) - 1, -(1 << 30) + 1])
    multiplier, shift = arithmetic.UNIT
    assert multiplier < 1 << 31
    assert arithmetic.scale_by(acc, multiplier, shift).tolist() == acc.tolist()


@pytest.mark.parametrize("count", [1, 49, 1 << 31, 1 << 32, 1 << 34])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 4.0, 6.0])
def test_mean_multiplier(ratio: float, count: int) -> None:
    """As `reduce.h` has it: the shift grows by the count's logarithm, by 32 at most, to 31 at most."""
    multiplier, shift = arithmetic.quantize_multiplier(ratio)
    power = min(int(math.log2(count)), 32, 31 - shift)
    assert arithmetic.mean_multiplier(ratio * 0.125, 0.125, count) == ((multiplier << power) // count, shift + power)


def test_add_multipliers() -> None:
    """The larger scale has a factor of a half, the smaller one less."""
    half, quarter = (1 << 30, 0), (1 << 30, 1)
    assert arithmetic.add_multipliers(0.25, 0.5, 2.0)[:2] == (quarter, half)
    assert arithmetic.add_multipliers(0.5, 0.25, 2.0) == (half, quarter, arithmetic.quantize_multiplier(2.0**-21))


@pytest.mark.parametrize(
    ("acc_low", "acc_high", "bits"),
    [
        (-1, 0, 2),  # no register of one bit
        (-2, 1, 2),
        (-3, 0, 3),
        (0, (1 << 29) - 1, 30),
        (-(1 << 30), 0, 31),
        (-(1 << 30) - 1, 0, 32),
        (0, (1 << 30) - 1, 31),
        (0, 1 << 30, 32),
    ],
)
def test_narrowest_and_widest_clamp(acc_low: int, acc_high: int, bits: int) -> None:
    """A factor of 2^-32 never reaches a limit."""
    tiny = np.array([1 << 30]), np.array([31])
    assert arithmetic.clamp_bits(np.array([acc_low]), np.array([acc_high]), *tiny, 0, -128, 127).tolist() == [bits]


def test_the_average_of_a_large_window_takes_no_memory() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match="no multiplier gives the exact mean of 65536 elements"):
            arithmetic.average_multiplier(1 << 16)
        assert tracemalloc.get_traced_memory()[1] < 1 << 23
    finally:
        tracemalloc.stop()


def test_bounds_and_widths() -> None:
    weights = np.array([[[[127, -3]]], [[[-127, -127]]]], dtype=np.int8)
    bias = np.array([10, -20])
    low, high = arithmetic.accumulator_bounds(weights, bias)
    values = [int(w0) * a + int(w1) * b for w0, w1 in weights.reshape(2, 2) for a in (-128, 127) for b in (-128, 127)]
    assert (low[0], high[0]) == (min(values[:4]) + 10, max(values[:4]) + 10)
    assert (low[1], high[1]) == (min(values[4:]) - 20, max(values[4:]) - 20)
    assert (
        arithmetic.accumulator_bits(np.array([[[[1, 2]]], [[[127, 127]]]], np.int8)) == 16
    )  # the channel with the largest sum
    assert arithmetic.accumulator_bits(weights) == 16  # 254 * 128 = 32512 < 2^15, and a sign
    assert (
        arithmetic.accumulator_bits(weights[:, :, :, :1].repeat(3, axis=0)) == 15
    )  # 127 * 128 = 16256 < 2^14, in each of six channels
    assert (
        arithmetic.accumulator_bits(np.full((2, 1, 1, 2), 64, np.int8)) == 16
    )  # 128 * 128 = 2^14, which needs 15 bits
    assert arithmetic.fold_zero_point(bias, weights, -5).tolist() == [10 + 5 * 124, -20 - 5 * 254]


def test_add_against_the_reference_kernel() -> None:
    (m1, n1), (m2, n2), (mo, no) = arithmetic.add_multipliers(0.02, 0.05, 0.06)
    for left in range(-128, 128, 5):
        for right in range(-128, 128, 7):
            total = double_rounding((left + 3) << 20, m1, n1) + double_rounding((right - 7) << 20, m2, n2)
            expected = double_rounding(total, mo, no)
            got = arithmetic.scale_by(
                arithmetic.add_term(np.array(left), -3, m1, n1) + arithmetic.add_term(np.array(right), 7, m2, n2),
                mo,
                no,
            )
            assert int(got) == expected
            assert abs(expected - (0.02 * (left + 3) + 0.05 * (right - 7)) / 0.06) < 0.51


def test_rounding_in_place() -> None:
    values = np.array([0.5, -0.5, 1.5, -1.5, 0.25, -0.75, 2.0**40 + 0.5, 0.0])
    expected = [1, -1, 2, -2, 0, -1, 2**40 + 1, 0]
    assert arithmetic.round_half_away(values).tolist() == expected
    arithmetic.round_in_place(values)
    assert values.tolist() == expected


def test_quantise_real_rounds_half_away_from_zero() -> None:
    assert arithmetic.quantise_real(np.array([0.5, -0.5, 1.5, -1.5, 1000, -1000]), 1.0, 0).tolist() == [
        1,
        -1,
        2,
        -2,
        127,
        -128,
    ]
    table = arithmetic.table_of(np.negative, 0.5, 3, 0.5, -3)
    assert (
        table.shape == (256,)
        and table[-1] == -127
        and table.dtype == np.int8
        and table[128 + 3] == -3
        and table[128 + 13] == -13
    )
