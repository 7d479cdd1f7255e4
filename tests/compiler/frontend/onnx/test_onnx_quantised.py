"""Quantised ONNX models: the file's integers and scales in the int8 graph, values against onnx's reference, refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, numpy_helper

from hwgen.compiler.frontend.onnx import convert
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.int8.graph import QGraph
from hwgen.errors import ModelError, UnsupportedOpError
from hwgen.sim import golden
from tests.support.int8_networks import load_network
from tests.support.make_onnx import reference, save
from tests.support.onnx_quantised import IN, SHAPE, Quantised, network, qlinear


def imported(model: ModelProto) -> QGraph:
    found = convert(model, "m.onnx")
    assert isinstance(found, QGraph)
    return found


def steps_apart(graph: QGraph, model: ModelProto, x: np.ndarray) -> np.ndarray:
    """Differences from onnx's reference in steps of the output."""
    difference = golden.predict(graph, x).astype(np.float64) - reference(model, x)
    return np.rint(np.abs(difference) / graph.result.scale)


@pytest.mark.parametrize("kind", [np.int8, np.uint8])
@pytest.mark.parametrize("seed", range(3))
def test_a_network_agrees_with_the_reference(kind: type, seed: int) -> None:
    """Sums and products round in fixed point, so an output may be a step off where one inside was."""
    m = Quantised(seed, kind)
    model = m.model(network(m), SHAPE)
    graph = imported(model)
    ops = [node.op for node in graph.nodes]
    assert ops.count("conv") == 4 and ops.count("table") == 2 and ops.count("mean") == 2
    x = np.random.default_rng(seed).uniform(-2, 2, SHAPE).astype(np.float32)
    assert graph.host.input_shape == SHAPE and graph.host.output_shape == (1, 5)
    assert steps_apart(graph, model, x).max() <= 2


@pytest.mark.parametrize(
    "build",
    [
        lambda m, x: m.layer(x, IN[0], 3, 8, 3, strides=[2, 1]),
        lambda m, x: m.add("Relu", m.layer(x, IN[0], 3, 6, 3, groups=3)),
        lambda m, x: m.add("Add", x, m.marked(m.add("Sigmoid", x), 1 / 256, -128)),
        lambda m, x: m.add("Mul", x, m.marked(m.add("Tanh", x), 1 / 128, 0)),
        lambda m, x: m.add("LeakyRelu", x, alpha=0.1),
        lambda m, x: m.add("Concat", x, m.marked(m.add("Relu", x), 0.01, -128), axis=1),
        lambda m, x: m.add("GlobalAveragePool", x),
        lambda m, x: m.add("Mul", x, m.add("HardSigmoid", x, alpha=1 / 6, beta=0.5)),
    ],
)
def test_one_operation_is_at_most_a_step_off(build: Callable[[Quantised, str], str]) -> None:
    """And mostly equal."""
    m = Quantised(1)
    model = m.model(m.marked(build(m, m.marked("x", *IN)), 0.03, -20), SHAPE)
    x = np.random.default_rng(0).uniform(-3, 3, SHAPE).astype(np.float32)
    apart = steps_apart(imported(model), model, x)
    assert apart.max() <= 1 and (apart == 0).mean() > 0.95


def test_the_files_integers_are_kept() -> None:
    m = Quantised(2)
    weights, scales = m.weights(8, 3, 3, 3, low=-128)
    bias = m.bias(scales * np.float32(IN[0]))
    y = m.add("Conv", m.marked("x", *IN), weights, bias, pads=[1] * 4)
    graph = imported(m.model(m.marked(y, 0.05, 3), SHAPE))
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in m.constants}
    (conv,) = graph.convs()
    assert any(
        np.array_equal(conv.weights.transpose(0, 3, 1, 2), array) for array in stored.values() if array.ndim == 4
    )
    assert any(np.array_equal(conv.bias, array) for array in stored.values() if array.dtype == np.int32)
    tensor = graph.tensors[graph.output]
    assert (tensor.scale, tensor.zero_point) == (float(np.float32(0.05)), 3)


def test_integer_input_and_output() -> None:
    """uint8 in, uint8 out, as quantisers write where they leave no float at the ends."""
    m = Quantised(0, np.uint8)
    x = m.add("DequantizeLinear", "x", *m.scale(*IN))
    y = m.add("QuantizeLinear", m.layer(x, IN[0], 3, 4), *m.scale(0.05, 0))
    model = m.model(y, SHAPE, dtype=TensorProto.UINT8, out=TensorProto.UINT8)
    graph = imported(model)
    assert (graph.host.input_type, graph.host.output_type) == ("uint8", "uint8")
    x8 = np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8)
    found = golden.predict(graph, x8)
    assert found.dtype == np.uint8 and np.abs(found.astype(int) - reference(model, x8)).max() <= 1


# The operators that compute on integers.


def test_integer_operators() -> None:
    """The same int8 graph as the marked model that they stand for."""
    m = Quantised(4)
    x = m.add("QuantizeLinear", "x", *m.scale(*IN))
    y = m.add("DequantizeLinear", qlinear(m, x), *m.scale(0.05, -10))
    graph = imported(m.model(y, SHAPE, domains=["com.microsoft"]))
    ops = [node.op for node in graph.nodes]
    assert ops == ["conv", "table", "add", "mul", "table", "concat", "table", "mean", "conv", "conv"]
    assert [conv.weights.shape for conv in graph.convs()] == [(8, 3, 3, 3), (5, 1, 1, 16), (4, 1, 1, 5)]
    assert golden.predict(graph, np.zeros(SHAPE, np.float32)).shape == (1, 4)


def test_integer_convolution_equals_the_reference() -> None:
    m = Quantised(5)
    weights = m.constant(m.rng.integers(-127, 128, (8, 3, 3, 3)), np.int8)
    scale = (m.floats(0.007), m.constant(0, np.int8))
    x = m.add("QuantizeLinear", "x", *m.scale(*IN))
    y = m.add("QLinearConv", x, *m.scale(*IN), weights, *scale, *m.scale(0.05, 4), pads=[1] * 4)
    model = m.model(m.add("DequantizeLinear", y, *m.scale(0.05, 4)), SHAPE)
    x32 = np.random.default_rng(0).uniform(-2, 2, SHAPE).astype(np.float32)
    apart = steps_apart(imported(model), model, x32)
    assert apart.max() <= 1 and (apart == 0).mean() > 0.99


# Refusals.


def asymmetric(m: Quantised, x: str) -> str:
    stored = m.constant(m.rng.integers(-127, 128, (4, 3, 1, 1)), np.int8)
    return m.add("Conv", x, m.add("DequantizeLinear", stored, m.floats(0.01), m.constant(3, np.int8)))


def float_bias(m: Quantised, x: str) -> str:
    return m.add("Conv", x, m.weights(4, 3, 1, 1)[0], m.random(4))


def other_bias(m: Quantised, x: str) -> str:
    weights, scales = m.weights(4, 3, 1, 1)
    return m.add("Conv", x, weights, m.bias(scales * np.float32(2 * IN[0])))


def scales_along_the_inputs(m: Quantised, x: str) -> str:
    return m.add("Conv", x, m.weights(4, 3, 1, 1, axis=1)[0])


def scale_for_each_channel(m: Quantised, x: str) -> str:
    y, pair = m.layer(x, IN[0], 3, 3), (m.floats([0.1, 0.2, 0.3]), m.constant([0, 0, 0], np.int8))
    return m.add("DequantizeLinear", m.add("QuantizeLinear", y, *pair, axis=1), *pair, axis=1)


def read_with_another_scale(m: Quantised, x: str) -> str:
    integers = m.add("QuantizeLinear", m.layer(x, IN[0], 3, 4), *m.scale(0.05, 0))
    return m.add("Relu", m.add("DequantizeLinear", integers, *m.scale(0.06, 0)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (asymmetric, "its weights have a zero point; nearest: symmetric weights"),
        (float_bias, "its bias is not quantised; nearest: an int32 bias with the scale of input x weights"),
        (other_bias, "its bias has another scale than input x weights"),
        (scales_along_the_inputs, "3 scales along axis 1 of its weights; nearest: one, or one for each output channel"),
        (scale_for_each_channel, "a scale for each channel of an activation; nearest: one scale"),
        (read_with_another_scale, "it reads integers with another scale or zero point"),
        (lambda m, x: m.conv(x, 3, 4), "its weights are not quantised; nearest: int8 weights"),
        (
            lambda m, x: m.layer(m.add("Relu", m.layer(x, IN[0], 3, 4)), 0.1, 4, 4),
            "its result is not quantised; nearest",
        ),
        (lambda m, x: m.add("Elu", x), "Elu_2 (Elu): not supported; nearest: LeakyRelu or HardSwish"),
    ],
)
def test_refused(build: Callable[[Quantised, str], str], message: str) -> None:
    m = Quantised()
    model = m.model(m.marked(build(m, m.marked("x", *IN)), 0.05, 0), SHAPE)
    with pytest.raises(UnsupportedOpError) as caught:
        convert(model, "m.onnx")
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_all_that_is_refused_at_once() -> None:
    m = Quantised()
    y = m.marked(float_bias(m, m.marked("x", *IN)), 0.05, 0)
    y = m.marked(asymmetric(m, m.marked(m.layer(y, 0.05, 4, 3), 0.02, 0)), 0.05, 0)
    with pytest.raises(UnsupportedOpError) as caught:
        convert(m.model(y, SHAPE), "m.onnx")
    assert len(caught.value.details) == 2


def test_options(tmp_path: Path) -> None:
    m = Quantised()
    save(m.model(network(m), SHAPE), tmp_path / "m.onnx")
    assert load_network(str(tmp_path / "m.onnx")).provenance == "file m.onnx"
    with pytest.raises(ModelError, match="a quantised .onnx file has its weights.*leave out calibrate"):
        load_network(str(tmp_path / "m.onnx"), NetworkOptions(calibrate=tmp_path))
