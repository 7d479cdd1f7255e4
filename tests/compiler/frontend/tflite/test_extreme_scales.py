"""Scales far apart: each operator gives what the reference kernel gives, or is refused by name, at every ratio there is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hwgen.compiler.frontend import tflite
from hwgen.errors import HwgenError
from hwgen.sim import golden
from tests.support.make_tflite import Maker
from tests.support.tflite_reference import run

EVERY = np.arange(-128, 128, dtype=np.int8).reshape(1, 1, 256, 1)
RATIOS = range(-48, 40)
"""Powers of two of input scale / output scale."""


def unary(op: str, source: tuple[float, int], target: tuple[float, int], **options: Any) -> bytes:
    m = Maker()
    x, y = m.tensor(EVERY.shape, *source), m.tensor(EVERY.shape, *target)
    m.operator(op, [x], [y], **options)
    return m.finish([x], [y])


def outcome(data: bytes, x: np.ndarray) -> str:
    """Whether the model's results are the reference's, or the error."""
    try:
        result = golden.predict(tflite.parse(data, "m.tflite"), x)
    except HwgenError as error:
        return str(error)
    try:
        return "equal" if np.array_equal(result, run(data, x)) else "different"
    except OverflowError as error:
        return f"a value, where the kernel overflows: {error}"


def pairs(ratio: int, rng: np.random.Generator) -> list[tuple[tuple[float, int], tuple[float, int]]]:
    """Two quantisations of about 2^ratio to each other: an exact power, and any; zero points at the ends too."""
    made = []
    for exact in (True, False):
        out = 2.0 ** int(rng.integers(-12, 6)) * (1 if exact else rng.uniform(1, 2))
        zeros = [int(rng.choice(np.array([-128, 0, 127, int(rng.integers(-128, 128))]))) for _ in range(2)]
        made.append(((float(out * 2.0**ratio), zeros[0]), (float(out), zeros[1])))
    return made


@pytest.mark.parametrize(
    ("op", "options"),
    [
        ("RELU", {}),
        ("RELU6", {}),
        ("RELU_N1_TO_1", {}),
        ("QUANTIZE", {}),
        ("HARD_SWISH", {}),
        *(("LEAKY_RELU", {"Alpha": slope}) for slope in (0.1, -0.3, -1.0, 2.0**-20, -1e-6, 100.5)),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.get("Alpha", "")),
)
def test_tables(op: str, options: dict[str, float]) -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for ratio in RATIOS:
        for source, target in pairs(ratio, rng):
            found = outcome(unary(op, source, target, **options), EVERY)
            assert found == "equal" or f"{op.lower()}_0 (to 't1'): " in found, (source, target, found)
            seen.add(found == "equal")
    assert seen == {True, False}


@pytest.mark.parametrize("op", ["RELU6", "RELU_N1_TO_1"])
def test_a_limit_that_has_too_many_steps(op: str) -> None:
    """The kernel turns it into an int32, which overflows."""
    found = outcome(unary(op, (1e-10, 0), (1e-10, 0)), EVERY)
    assert f"{op.lower()}_0 (to 't1'): output scale 1e-10: the activation's limit of" in found and "2^30 steps" in found


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (1.5e-7, 1.5e-7, "input scale 1.5e-07; it must lie between 2e-7 and 2e7"),
        (3e7, 3e7, "input scale 3e+07; it must lie between"),
        (0.1, 1000.0, "output scale 1000 is above 2^8 times the input scale 0.1"),
        (1.0, 0.001, "output scale 0.001 is too small for input scale 1; needed: 1/128 of it"),
    ],
)
def test_hard_swish_beyond_its_16_bits(source: float, target: float, message: str) -> None:
    assert f"hard_swish_0 (to 't1'): {message}" in outcome(unary("HARD_SWISH", (source, 0), (target, 0)), EVERY)


def test_logistic_has_one_output_scale() -> None:
    found = outcome(unary("LOGISTIC", (0.1, 0), (0.004, -128)), EVERY)
    assert "logistic_0 (to 't1'): its output has scale 0.004, zero point -128; needed: 1/256 and -128" in found


def test_tanh_of_too_many_steps() -> None:
    """The kernel turns them into an int32, which overflows."""
    found = outcome(unary("TANH", (0.1, 0), (1e-10, 0)), EVERY)
    assert "tanh_0 (to 't1'): output scale 1e-10; it must be above 2^-30" in found


def test_a_function_of_the_c_library_near_a_tie_is_noted() -> None:
    """tanh(x) is x for tiny x, here just between two steps; what a C library rounds otherwise gives the other one."""
    data = unary("TANH", (2.0**-18, 0), (2.0**-17, 0))
    notes = tflite.parse(data, "m.tflite").notes
    assert len(notes) == 1
    (note,) = notes
    assert note.startswith("tanh_0: at q = -127, -125, ") and note.endswith(
        "interpreters give either, by their C library"
    )
    assert not tflite.parse(unary("TANH", (0.03, 5), (1 / 128, 0)), "m.tflite").notes


@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (7, 7), (16, 16), (64, 64)])
def test_mean(shape: tuple[int, int]) -> None:
    """Up to the ratio at which the kernel's sum, shifted left, leaves 32 bits; refused from there on."""
    rng = np.random.default_rng(shape[0])
    accepted = []
    for ratio in range(-48, 70):
        for source, target in pairs(ratio, rng):
            m = Maker()
            x, y = m.tensor((1, *shape, 2), *source), m.tensor((1, 1, 1, 2), *target)
            m.operator("MEAN", [x, m.constant([1, 2])], [y], KeepDims=True)
            frame = rng.choice([-128, 127], (1, *shape, 2)).astype(np.int8)
            frame[..., 1] = source[1] + np.clip(1, 0, 127 - source[1])
            found = outcome(m.finish([x], [y]), frame)
            assert found == "equal" or "mean_0: input scale / output scale is " in found, (source, target, found)
            accepted += [ratio] if found == "equal" else []
    assert 14 <= max(accepted) <= 24 + math.log2(math.prod(shape))


def test_a_mean_of_too_many_elements() -> None:
    """It is their number that is too great, not their scale."""
    m = Maker()
    x, y = m.tensor((1, 4096, 4096, 1), 0.1, -128), m.tensor((1, 1, 1, 1), 0.1, -128)
    m.operator("MEAN", [x, m.constant([1, 2])], [y], KeepDims=True)
    with pytest.raises(
        HwgenError, match="mean_0: the sum of 4,096 x 4,096 elements can leave 32 bits; nearest: means of parts"
    ):
        tflite.parse(m.finish([x], [y]), "m.tflite")


@pytest.mark.parametrize("op", ["ADD", "MUL"])
@pytest.mark.parametrize("constant", [False, True], ids=["tensor", "constant"])
def test_two_operands(op: str, constant: bool) -> None:
    rng = np.random.default_rng(constant)
    seen = set()
    for ratio in RATIOS:
        for source, target in pairs(ratio, rng):
            m = Maker()
            x = m.tensor(EVERY.shape, *source)
            scale = float(rng.choice([source[0], source[0] * 2.0**-33, 1.0]))
            other = m.tensor((1,), scale, -128, data=np.array([127], np.int8))
            if not constant:
                other = m.tensor(EVERY.shape, scale, 3)
                m.operator("RELU", [x], [other])
            if op == "MUL":
                target = (target[0] * scale, target[1])
            y = m.tensor(EVERY.shape, *target)
            m.operator(op, [x, other], [y], FusedActivationFunction=int(rng.integers(4)))
            found = outcome(m.finish([x], [y]), EVERY)
            assert found == "equal" or f"{op.lower()}_" in found or "relu_0" in found, (source, scale, target, found)
            seen.add(found == "equal")
    assert seen == {True, False}


@pytest.mark.parametrize("bias", [0, 2**31 - 2**14], ids=["", "great bias"])
def test_convolution(bias: int) -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for ratio in RATIOS:
        for source, target in pairs(ratio, rng):
            m = Maker()
            x, y = m.tensor((1, 4, 4, 4), *source), m.tensor((1, 4, 4, 2), *target)
            w = m.tensor((2, 1, 1, 4), [1.0, 0.7], data=rng.integers(-127, 128, (2, 1, 1, 4)).astype(np.int8))
            c = m.tensor((2,), [source[0], source[0]], data=np.array([bias, -bias], np.int32))
            options = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
            m.operator("CONV_2D", [x, w, c], [y], **options)
            found = outcome(m.finish([x], [y]), rng.integers(-128, 128, (1, 4, 4, 4)).astype(np.int8))
            assert found == "equal" or "conv_2d_0: " in found, (source, target, found)
            seen.add(found == "equal")
    assert seen == {True, False}


def test_softmax_over_more_values_than_its_sum_holds() -> None:
    m = Maker()
    x, y = m.tensor((1, 4096), 0.1, 0), m.tensor((1, 4096), 1 / 256, -128)
    m.operator("SOFTMAX", [x], [y], Beta=1.0)
    found = outcome(m.finish([x], [y]), np.zeros((1, 4096), np.int8))
    assert "softmax_0 (to 't1'): over 4,096 values; at most 4,095" in found
