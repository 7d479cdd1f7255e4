"""Operators of one int8 as tables of 256 entries, each computed as TensorFlow Lite's reference kernel does (equation 14).

A quantisation is a pair (scale, zero point); scales are float32 and stay so where the kernel computes in float32.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from hwgen.compiler.int8 import arithmetic
from hwgen.errors import ModelError

Quantisation = tuple[float, int]

INPUTS = np.arange(-128, 128, dtype=np.int64)
SHORT_MIN, SHORT_MAX = -(2**15), 2**15 - 1
LARGEST_SHORT_SHIFT = 15  # to the right, of 16 bits
LARGEST_GATE_SHIFT = 31  # to the left; one less is done in 32 bits
LARGEST_STEP = 1 << 30
"""Steps of the output's scale in a limit of an activation at most; with more the kernel's integers overflow."""
LARGEST_FACTOR = 2.0**14
"""Of a rescaling: a product of two differences shifted left by it still fits 32 bits, so nothing overflows in the kernel."""


def identity() -> np.ndarray:
    """Each value itself."""
    return INPUTS.astype(np.int8)


def clamp(low: int, high: int) -> np.ndarray:
    """Values limited to `low` .. `high`."""
    return np.clip(INPUTS, low, high).astype(np.int8)


def activation_range(activation: str, scale: float, zero_point: int) -> tuple[int, int]:
    """Range of a fused activation (equation 10); the name is the schema's.

    Raises ModelError for one that is no clamp.
    """
    limits = {
        "NONE": (-math.inf, math.inf),
        "RELU": (0.0, math.inf),
        "RELU6": (0.0, 6.0),
        "RELU_N1_TO_1": (-1.0, 1.0),
    }
    if activation not in limits:
        raise ModelError(f"fused activation {activation}; nearest: an operator of its own after this one")
    low, high = (_end(limit, (scale, zero_point)) for limit in limits[activation])
    return int(max(low, -128)), int(min(max(high, -128), 127))


def _end(limit: float, target: Quantisation) -> float:
    """A limit of an activation as an output value, rounded as C's roundf; not yet limited to int8."""
    if math.isinf(limit):
        return limit
    steps = float(np.float32(limit) / np.float32(target[0]))
    if abs(steps) > LARGEST_STEP:
        raise ModelError(
            f"output scale {target[0]:g}: the activation's limit of {limit:g} has more than 2^30 steps; check the scales"
        )
    return target[1] + int(arithmetic.round_half_away(steps))


def requantise(source: Quantisation, target: Quantisation) -> np.ndarray:
    """QUANTIZE of int8 to int8."""
    factor = source[0] / target[0]  # in double precision
    return _scaled(INPUTS - source[1], *_multiplier(factor), target[1])


def concatenated(source: Quantisation, target: Quantisation) -> np.ndarray:
    """An input of CONCATENATION brought to the output's quantisation in float32, as the kernel does for uint8.

    The kernel has one for uint8 only, and float32 rounds otherwise at other numbers, so it is computed on the uint8 values.
    """
    factor = np.float32(source[0]) * (np.float32(1) / np.float32(target[0]))
    _check_factor(float(factor))
    bias = np.float32(-(source[1] + 128)) * factor
    real = (INPUTS + 128).astype(np.float32) * factor + bias
    return np.clip(arithmetic.round_half_away(real) + target[1], -128, 127).astype(np.int8)


def rectify(source: Quantisation, target: Quantisation, low: float, high: float) -> np.ndarray:
    """RELU and its relatives: a clamp of the real value to `low` .. `high`."""
    factor = float(np.float32(source[0]) / np.float32(target[0]))
    q = _scaled(INPUTS - source[1], *_multiplier(factor), target[1]).astype(np.int64)
    ends = [_end(limit, target) for limit in (low, high)]
    return np.clip(np.minimum(np.maximum(q, ends[0]), ends[1]), -128, 127).astype(np.int8)


def leaky_relu(source: Quantisation, target: Quantisation, alpha: float) -> np.ndarray:
    """LEAKY_RELU: one factor for each sign of the input; that of a negative slope is negative."""
    ratio = np.float32(source[0]) / np.float32(target[0])
    slope = np.float32(source[0]) * np.float32(alpha) / np.float32(target[0])
    if not np.isfinite(slope):
        raise ModelError(f"slope {alpha} is not a usable number")
    x = INPUTS - source[1]
    positive = _scaled(x, *_multiplier(float(ratio)), target[1])
    multiplier, shift = _multiplier(abs(float(slope)))
    negative = _scaled(x, -multiplier if slope < 0 else multiplier, shift, target[1])
    return np.where(x >= 0, positive, negative)


def of_float(function: Callable[[np.ndarray], np.ndarray], source: Quantisation, target: Quantisation) -> np.ndarray:
    """LOGISTIC and TANH: float32 arithmetic; `function` is evaluated in double precision and rounded once."""
    inverse = np.float32(1) / np.float32(target[0])
    if not inverse < LARGEST_STEP:
        raise ModelError(f"output scale {target[0]:g}; it must be above 2^-30, check the scales")
    real = np.float32(source[0]) * (INPUTS - source[1]).astype(np.float32)
    return np.clip(arithmetic.round_half_away(function(real) * inverse) + target[1], -128, 127).astype(np.int8)


def logistic(x: np.ndarray, ulps: int = 0) -> np.ndarray:
    """1 / (1 + exp(-x)), float32; `ulps` is added to the exponential, in units of its last place."""
    with np.errstate(over="ignore"):
        exponential = np.exp(-x.astype(np.float64)).astype(np.float32)
        return np.float32(1) / (np.float32(1) + _moved(exponential, ulps))


def tanh(x: np.ndarray, ulps: int = 0) -> np.ndarray:
    """Hyperbolic tangent, float32; `ulps` is added to it, in units of its last place."""
    return _moved(np.tanh(x.astype(np.float64)).astype(np.float32), ulps)


LIBRARY_ULPS = 2
"""By how much expf and tanhf of C libraries in use differ from the nearest float32 at most."""


def uncertain(function: Callable[..., np.ndarray], source: Quantisation, target: Quantisation) -> list[int]:
    """Inputs q for which interpreters may be a step apart, because their C libraries round `function` otherwise."""
    made = [of_float(partial(function, ulps=ulps), source, target) for ulps in range(-LIBRARY_ULPS, LIBRARY_ULPS + 1)]
    return [int(q) for q in INPUTS[np.ptp(np.stack(made).astype(np.int64), axis=0) > 0]]


def _moved(x: np.ndarray, ulps: int) -> np.ndarray:
    moved = x
    for _ in range(abs(ulps)):
        moved = np.nextafter(moved, np.float32(math.copysign(math.inf, ulps)))
    return np.where(x == 0, x, moved)


def hard_swish(source: Quantisation, target: Quantisation) -> np.ndarray:
    """HARD_SWISH: x * relu6(x + 3) / 6 in 16-bit fixed point.

    Raises ModelError where the kernel's shifts leave their 16 bits to the right or their 32 to the left, and mean something else.
    """
    fine = np.float32(1 / 128) * np.float32(source[0])
    out_multiplier, out_exponent = _short_multiplier(float(fine / np.float32(target[0])))
    gate_multiplier, gate_exponent = _short_multiplier(float(fine / (np.float32(3) / np.float32(32768))))
    if out_exponent > 0:
        raise ModelError(f"output scale {target[0]:g} is too small for input scale {source[0]:g}; needed: 1/128 of it")
    if out_exponent < -LARGEST_SHORT_SHIFT:
        raise ModelError(
            f"output scale {target[0]:g} is above 2^8 times the input scale {source[0]:g}; check the scales"
        )
    if not -LARGEST_SHORT_SHIFT <= gate_exponent <= LARGEST_GATE_SHIFT:
        raise ModelError(f"input scale {source[0]:g}; it must lie between 2e-7 and 2e7, check the scales")
    x = _short((INPUTS - source[1]) << 7)
    scaled = _high_multiply(x, out_multiplier)
    gate = x
    if gate_exponent > 0:
        gate = _saturate(gate << min(gate_exponent - 1, 16))
    gate = _high_multiply(gate, gate_multiplier)
    if gate_exponent > 0:
        gate = _saturate(gate << 1)
    if gate_exponent < 0:
        gate = _divide_by_power(gate, -gate_exponent)
    gate = (gate + (1 << 15)) >> 1
    product = gate * scaled
    product = np.where(product < 0, -(-product >> 15), product >> 15)  # towards zero
    return np.clip(_divide_by_power(product, -out_exponent) + target[1], -128, 127).astype(np.int8)


def add_constant(
    x: Quantisation, constant: tuple[float, int, int], out: Quantisation, limits: tuple[int, int]
) -> np.ndarray:
    """ADD of a constant (scale, zero point, q) (equation 13)."""
    (m1, n1), (m2, n2), (mo, no) = arithmetic.add_multipliers(x[0], constant[0], out[0])
    term = arithmetic.add_term(np.array(constant[2]), constant[1], m2, n2)
    total = arithmetic.add_term(INPUTS, x[1], m1, n1) + term
    return arithmetic.requantise(total, mo, no, out[1], *limits).astype(np.int8)


def multiply_constant(
    difference: int, multiplier: int, shift: int, zero_points: tuple[int, int], limits: tuple[int, int]
) -> np.ndarray:
    """MUL by a constant whose q - z is `difference` (equation 18); zero points of input and output."""
    product = (INPUTS - zero_points[0]) * difference
    return arithmetic.requantise(product, multiplier, shift, zero_points[1], *limits).astype(np.int8)


def mul_multiplier(left: float, right: float, out: float) -> tuple[int, int]:
    """(M, n) of MUL: the factor is computed in float32."""
    return _multiplier(float(np.float32(left) * np.float32(right) / np.float32(out)))


def _multiplier(factor: float) -> tuple[int, int]:
    _check_factor(factor)
    return arithmetic.quantize_multiplier(factor)


def _check_factor(factor: float) -> None:
    if not factor < LARGEST_FACTOR:
        raise ModelError(f"requantisation factor {factor:g}; it must be below 2^14, check the scales")


def _scaled(x: np.ndarray, multiplier: int, shift: int, zero_point: int) -> np.ndarray:
    return arithmetic.requantise(x, multiplier, shift, zero_point).astype(np.int8)


def _short_multiplier(factor: float) -> tuple[int, int]:
    """A 16-bit multiplier and an exponent (positive: to the left)."""
    multiplier, shift = arithmetic.quantize_multiplier(factor)
    return min((multiplier + (1 << 15)) >> 16, SHORT_MAX), -shift


def _short(x: np.ndarray) -> np.ndarray:
    return x.astype(np.int16).astype(np.int64)


def _saturate(x: np.ndarray) -> np.ndarray:
    return np.clip(x, SHORT_MIN, SHORT_MAX)


def _high_multiply(a: np.ndarray, b: int) -> np.ndarray:
    """SaturatingRoundingDoublingHighMul of 16 bits; ties up, as with 32 bits."""
    return np.minimum((a * b + (1 << 14)) >> 15, SHORT_MAX)


def _divide_by_power(x: np.ndarray, exponent: int) -> np.ndarray:
    """RoundingDivideByPOT: ties away from zero."""
    if exponent == 0:
        return x
    return (x + (1 << (exponent - 1)) - (x < 0)) >> exponent
