"""What is said of quantised ONNX models that do not map: in the user's words, with the node's name and the remedy."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from hwgen.compiler.frontend.onnx import convert
from hwgen.compiler.frontend.onnx.model import type_name
from hwgen.errors import HwgenError
from tests.support.make_onnx import Maker
from tests.support.onnx_quantised import IN, SHAPE, Quantised


def refused(model: ModelProto) -> str:
    with pytest.raises(HwgenError) as caught:
        convert(model, "m.onnx")
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix("m.onnx: the model cannot be imported, 1 problem: ")


def test_int16_activations() -> None:
    """One line for all of them."""
    m = Quantised(0)
    pair = m.floats(0.001), m.constant(0, np.int16)
    x = m.add("DequantizeLinear", m.add("QuantizeLinear", "x", *pair), *pair)
    y = m.add("DequantizeLinear", m.add("QuantizeLinear", m.layer(x, 0.001, 3, 4), *pair), *pair)
    found = refused(m.model(y, SHAPE))
    assert found.endswith(": activations of int16; nearest: int8 or uint8 (or the float model, which hwgen quantises)")
    assert found.startswith("QuantizeLinear_0 (QuantizeLinear), DequantizeLinear_1 (DequantizeLinear), ")


def test_a_dead_channel_with_a_bias_at_the_limit() -> None:
    m = Quantised(1)
    weights = m.add(
        "DequantizeLinear",
        m.constant(m.rng.integers(-9, 9, (4, 3, 1, 1)), np.int8),
        m.floats([0.01, 0.01, 1e-12, 0.01]),
        axis=0,
    )
    scales = np.float32(IN[0]) * np.array([0.01, 0.01, 1e-12, 0.01], np.float32)
    bias = m.add("DequantizeLinear", m.constant([5, 6, 2**31 - 1, 7], np.int32), m.floats(scales), axis=0)
    y = m.marked(m.add("Conv", m.marked("x", *IN), weights, bias), 0.05, 0)
    found = refused(m.model(y, SHAPE))
    assert found.startswith(
        "Conv_4 (Conv): the sum of output channel 2, with its bias of 2,147,483,647, can leave 32 bits; nearest: "
    )
    assert "unsound" not in found


def test_weights_in_blocks_and_of_other_types() -> None:
    m = Quantised(2)
    stored = m.constant(m.rng.integers(-9, 9, (4, 32, 1, 1)), np.int8)
    scales = m.floats(np.full((4, 2, 1, 1), 0.01))
    weights = m.add("DequantizeLinear", stored, scales, axis=1, block_size=16)
    y = m.marked(m.add("Conv", m.marked("x", *IN), weights), 0.05, 0)
    assert (
        "DequantizeLinear_0 (DequantizeLinear): a scale for every 16 elements along axis 1; nearest: one scale"
        in refused(m.model(y, (1, 32, 4, 4)))
    )
    m = Quantised(3)
    m.constants.append(helper.make_tensor("f8", TensorProto.FLOAT8E4M3FN, [4, 3, 1, 1], [0.5] * 12))
    y = m.marked(m.add("Conv", m.marked("x", *IN), m.add("DequantizeLinear", "f8", m.floats(0.01))), 0.05, 0)
    assert "it reads constants of float8_e4m3fn; nearest: int8 or uint8" in refused(m.model(y, SHAPE))


def test_the_files_operator_is_named() -> None:
    """Not what it became: a Clip is not quantised, whatever reads it."""
    m = Quantised(4)
    x = m.marked("x", *IN)
    y = m.add("Clip", m.layer(x, IN[0], 3, 4), m.floats(-1.0), m.floats(1.0))
    y = m.add("Add", m.marked(y, 0.05, 0), m.marked(m.add("Neg", y), 0.05, 0))
    assert (
        "Conv_" in (found := refused(m.model(m.marked(y, 0.05, 0), SHAPE)))
        and "(Conv): its result is not quantised" in found
    )


def test_types_have_names() -> None:
    assert [type_name(kind) for kind in (5, 7, 17, None, 999)] == [
        "int16", "int64", "float8e4m3fn", "undefined", "an unknown type",
    ]  # fmt: skip
    maker = Maker()
    y = maker.add("Relu", maker.add("Cast", maker.add("Cast", "x", to=7), to=1))
    assert "Cast_0 (Cast): a cast to int64; nearest: float" in refused(maker.model(y, (1, 3)))


def test_what_follows_from_a_problem_is_not_told() -> None:
    """Weights that should have been a constant: of the two nodes the one that hwgen cannot compute is named."""
    m = Quantised(5)
    m.constants.append(helper.make_tensor("f8", TensorProto.FLOAT8E4M3FN, [4, 3, 1, 1], [0.5] * 12))
    y = m.marked(m.add("Conv", m.marked("x", *IN), m.add("DequantizeLinear", "f8", m.floats(0.01))), 0.05, 0)
    assert refused(m.model(y, SHAPE)).startswith("DequantizeLinear_2 (DequantizeLinear): it reads constants of float8")
    maker = Maker()
    product = maker.add("MatMul", maker.random(4, 3), maker.random(3, 3))
    weights = maker.add("Reshape", product, maker.integers(4, 3, 1, 1))
    text = refused(maker.model(maker.add("Conv", "x", weights), SHAPE))
    assert text.startswith("MatMul_0 (MatMul): it computes on constants only") and "Conv" not in text


def test_a_difference_of_quantised_tensors() -> None:
    """Its result is quantised; it is the difference that has no int8 form."""
    m = Quantised(6)
    x = m.marked("x", *IN)
    y = m.marked(m.add("Sub", x, m.marked(m.add("Relu", x), 0.02, -128)), 0.05, 0)
    found = refused(m.model(y, SHAPE))
    assert found == (
        "Sub_5 (Sub): no int8 form keeps the file's quantisation; nearest: the float model, which hwgen quantises"
    )


def test_what_an_operator_set_does_not_define() -> None:
    """Shapes have nothing to do with it."""
    maker = Maker(21)
    found = refused(maker.model(maker.add("ReduceMean", "x", axes=[2, 3]), SHAPE))
    assert found.startswith(
        "ReduceMean_0 (ReduceMean): it is not as operator set 21 defines it (Unrecognized attribute"
    )
    maker = Maker(13)
    found = refused(maker.model(maker.add("HardSwish", "x"), SHAPE))
    assert found.startswith("HardSwish_0 (HardSwish): it is not as operator set 13 defines it (No schema registered")
    maker = Maker(21)
    pair = maker.floats(0.1), maker.constant(0, np.int32)
    found = refused(maker.model(maker.add("DequantizeLinear", maker.add("QuantizeLinear", "x", *pair), *pair), SHAPE))
    assert "(QuantizeLinear): it is not as operator set 21 defines it (" in found and "shapes" not in found
