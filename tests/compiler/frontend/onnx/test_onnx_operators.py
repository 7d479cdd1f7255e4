"""Float ONNX models, one form of an operator or of a chain each: their values against onnx's reference, their float graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hwgen.compiler.frontend.onnx import convert
from hwgen.compiler.transforms import simplify
from tests.support.make_onnx import Maker, made, reference
from tests.support.onnx_form import SHAPE, as_float, check
from tests.support.onnx_networks import (
    classifier,
    flattened,
    gemm,
    matmul,
    norm,
    reshaped,
    shuffle_with_shapes,
    squeeze_excite,
)

# Layers.


def normalised_input(m: Maker, x: str) -> str:
    """(x / 255 - mean) / std before the first convolution."""
    mean, std = m.random(1, 8, 1, 1), m.floats(m.rng.uniform(0.5, 1, (1, 8, 1, 1)))
    return m.add("Div", m.add("Sub", m.add("Div", x, m.floats(255.0)), mean), std)


@pytest.mark.parametrize(
    ("build", "ops"),
    [
        (lambda m, x: norm(m, m.conv(x, 8, 8, 3)), ["conv2d"]),
        (lambda m, x: m.add("Relu", norm(m, x)), ["batch_norm", "relu"]),
        (lambda m, x: m.conv(x, 8, 12, 3, groups=4, strides=[2, 1], dilations=[1, 2]), ["conv2d"]),
        (lambda m, x: m.conv(x, 8, 16, 3, groups=8, pads=[0, 1, 2, 0]), ["conv2d"]),
        (lambda m, x: m.add("Conv", x, m.random(4, 8, 2, 3), auto_pad="SAME_UPPER", strides=[2, 2]), ["conv2d"]),
        (lambda m, x: m.add("Conv", x, m.random(4, 8, 2, 4), auto_pad="SAME_LOWER"), ["conv2d"]),
        (lambda m, x: m.add("Conv", x, m.random(4, 8, 3, 3), auto_pad="VALID"), ["conv2d"]),
        (lambda m, x: m.add("Mul", m.conv(x, 8, 8), m.random(1, 8, 1, 1)), ["conv2d"]),
        (lambda m, x: m.add("Add", m.conv(x, 8, 8), m.random(8, 1, 1)), ["conv2d"]),
        (lambda m, x: m.add("Sub", m.random(8, 1, 1), m.conv(x, 8, 8)), ["conv2d"]),
        (normalised_input, None),
    ],
)
def test_layers(build: Callable[[Maker, str], str], ops: list[str] | None) -> None:
    check(build, ops)


def test_convolution_of_one_dimension() -> None:
    check(lambda m, x: m.add("Conv", x, m.random(4, 3, 3), pads=[1, 1], strides=[2]), ["conv2d"], (1, 3, 9))


def reduced(m: Maker, x: str) -> str:
    return m.add("ReduceMean", x, axes=[2, 3], keepdims=0)


@pytest.mark.parametrize("flatten", [flattened, reduced, reshaped])
@pytest.mark.parametrize("last", [gemm, matmul])
def test_classifiers(flatten: Callable[[Maker, str], str], last: Callable[[Maker, str], str]) -> None:
    check(classifier(flatten, last), ["global_avg_pool", "fully_connected"])


def test_a_flattened_map_becomes_a_convolution() -> None:
    check(lambda m, x: gemm(m, m.add("Flatten", x), 8 * 36), ["conv2d"])


def test_a_map_flattened_channels_last() -> None:
    def build(m: Maker, x: str) -> str:
        return matmul(m, m.add("Reshape", m.add("Transpose", x, perm=[0, 2, 3, 1]), m.integers(1, -1)), 8 * 36)

    check(build, None)


def test_linear_layer_for_each_pixel() -> None:
    """As ConvNeXt and some exporters write a 1x1 convolution: no moves remain."""

    def build(m: Maker, x: str) -> str:
        y = m.add("MatMul", m.add("Transpose", x, perm=[0, 2, 3, 1]), m.random(8, 5))
        return m.add("Relu", m.add("Transpose", y, perm=[0, 3, 1, 2]))

    check(build, ["conv2d"])


def test_channels_last_input() -> None:
    """As models converted from TensorFlow begin."""

    def build(m: Maker, x: str) -> str:
        return m.conv(m.add("Transpose", x, perm=[0, 3, 1, 2]), 3, 4, 3)

    check(build, ["conv2d"], (1, 6, 5, 3))
    assert as_float(convert(made(build, (1, 6, 5, 3)), "m")).graph.input.shape == (6, 5, 3)


# Pools.


@pytest.mark.parametrize("op", ["AveragePool", "MaxPool"])
@pytest.mark.parametrize("ceil", [0, 1])
@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("kernel", [2, 3])
def test_pools(op: str, ceil: int, count: int, kernel: int) -> None:
    extra: dict[str, Any] = {"count_include_pad": count} if op == "AveragePool" else {}

    def build(m: Maker, x: str) -> str:
        return m.add(
            op, x, kernel_shape=[kernel, 3], strides=[2, 2], pads=[kernel // 2, 1, 0, 1], ceil_mode=ceil, **extra
        )

    check(build, None, (1, 8, 7, 8))
    check(build, None, (1, 8, 6, 5))


@pytest.mark.parametrize("op", ["AveragePool", "MaxPool"])
@pytest.mark.parametrize("opset", [11, 17, 22])
@pytest.mark.parametrize(("kernel", "stride", "pads"), [(3, 3, 1), (2, 2, 1), (2, 3, 0), (1, 3, 0), (3, 2, 1)])
def test_a_window_of_ceil_mode_that_would_start_in_the_padding_is_left_out(
    op: str, opset: int, kernel: int, stride: int, pads: int
) -> None:
    """onnx's inference counts it before operator set 22; torch, onnxruntime and the evaluator do not."""
    sides: dict[str, Any] = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pads] * 4, "ceil_mode": 1}
    for size in range(4, 9):
        model = made(lambda m, x: str(m.add(op, x, **sides)), (1, 2, size, size + 1), opset)
        x = np.random.default_rng(size).normal(size=(1, 2, size, size + 1)).astype(np.float32)
        with np.errstate(invalid="ignore"):  # the mean of nothing is no number, which the comparison tells
            found, expected = as_float(convert(model, "m")).predict(x), reference(model, x)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("build", "ops"),
    [
        (lambda m, x: m.add("GlobalAveragePool", x), ["global_avg_pool"]),
        (lambda m, x: m.add("GlobalMaxPool", x), ["max_pool"]),
        (lambda m, x: m.add("ReduceMean", x, axes=[-1, -2]), ["global_avg_pool"]),
        (lambda m, x: m.add("ReduceMax", x, axes=[2, 3]), ["max_pool"]),
        (lambda m, x: m.add("ReduceMean", x, axes=[2]), ["avg_pool"]),
        (lambda m, x: m.add("ReduceSum", x, m.integers(2, 3)), ["global_avg_pool", "affine"]),
        (lambda m, x: m.add("AveragePool", x, kernel_shape=[6, 6]), ["avg_pool"]),
        (lambda m, x: m.add("AveragePool", x, kernel_shape=[3, 3], auto_pad="SAME_UPPER"), ["avg_pool"]),
    ],
)
def test_means_and_maxima(build: Callable[[Maker, str], str], ops: list[str]) -> None:
    check(build, ops)


def test_mean_of_tokens() -> None:
    """1 x (height * width) x channels, mean over axis 1."""

    def build(m: Maker, x: str) -> str:
        tokens = m.add("Transpose", m.add("Reshape", x, m.integers(1, 8, 36)), perm=[0, 2, 1])
        return m.add("ReduceMean", tokens, axes=[1], keepdims=0)

    check(build, ["global_avg_pool"])


def test_softmax() -> None:
    check(lambda m, x: m.add("Softmax", flattened(m, x), axis=1), ["global_avg_pool", "softmax"])
    check(lambda m, x: m.add("Softmax", x, axis=1), ["softmax"])
    check(lambda m, x: m.add("Softmax", flattened(m, x)), ["global_avg_pool", "softmax"], opset=11)


# Moves.


def shuffle_without_batch(m: Maker, x: str) -> str:
    """As Caffe2's exporter writes it: one axis of height * width."""
    y = m.add("Transpose", m.add("Reshape", x, m.integers(4, 2, 36)), perm=[1, 0, 2])
    return m.add("Reshape", y, m.integers(1, 8, 6, 6))


def halves_then_merge(m: Maker, x: str) -> str:
    """The unit of ShuffleNet v2."""
    left, right = m.add("Split", x, axis=1, outputs=2)
    joined = m.add("Concat", left, m.add("Relu", m.conv(right, 4, 4)), axis=1)
    return shuffle_with_shapes(m, joined)


def halves_by_slices(m: Maker, x: str) -> str:
    parts = [m.add("Slice", x, m.integers(start), m.integers(start + 4), m.integers(1)) for start in (0, 4)]
    stacked = m.add("Concat", *(m.add("Unsqueeze", part, m.integers(2)) for part in parts), axis=2)
    return m.conv(m.add("Reshape", stacked, m.integers(1, 8, 6, 6)), 8, 8)


def every_second_channel(m: Maker, x: str) -> str:
    """As another implementation of ShuffleNet v2 splits and shuffles in one."""
    y = m.add("Transpose", m.add("Reshape", x, m.integers(4, 2, 36)), perm=[1, 0, 2])
    y = m.add("Reshape", y, m.integers(2, 1, 4, 6, 6))
    left, right = (m.add("Gather", y, m.constant(i, np.int64), axis=0) for i in range(2))
    return m.add("Concat", left, m.conv(right, 4, 4), axis=1)


@pytest.mark.parametrize(
    ("build", "ops"),
    [
        (shuffle_with_shapes, ["shuffle"]),
        (shuffle_without_batch, ["shuffle"]),
        (halves_then_merge, ["slice", "slice", "conv2d", "shuffle_merge"]),
        (halves_by_slices, ["shuffle", "conv2d"]),
        (every_second_channel, ["shuffle", "slice", "slice", "conv2d", "concat"]),
        (lambda m, x: m.add("Slice", x, m.integers(2), m.integers(5), m.integers(1)), ["slice"]),
        (lambda m, x: m.add("Slice", x, m.integers(1, 1), m.integers(99, 99), m.integers(2, 3)), ["pad"]),
        (lambda m, x: m.add("Slice", x, m.integers(7), m.integers(-99), m.integers(1), m.integers(-2)), None),
        (lambda m, x: m.add("Gather", x, m.integers(6, 7, 0, 1), axis=1), ["slice", "slice", "concat"]),
        (lambda m, x: m.conv(m.add("Pad", x, m.integers(0, 0, 1, 0, 0, 0, 2, 1)), 8, 4, 3, pads=[0] * 4), ["conv2d"]),
        (lambda m, x: m.add("Pad", x, m.integers(0, 0, 1, 0, 0, 0, 2, 1), m.floats(-2.0)), ["pad"]),
        (lambda m, x: m.add("Dropout", m.add("Identity", m.conv(x, 8, 8))), ["conv2d"]),
        (lambda m, x: m.add("Concat", m.add("Relu", x), m.conv(x, 8, 3), x, axis=1), ["relu", "conv2d", "concat"]),
        (lambda m, x: m.add("Transpose", m.conv(x, 8, 8), perm=[0, 3, 1, 2]), ["conv2d"]),
    ],
)
def test_moves(build: Callable[[Maker, str], str], ops: list[str] | None) -> None:
    check(build)
    if ops is not None:
        found = [node.op for node in simplify(as_float(convert(made(build, SHAPE), "m.onnx")).graph).nodes[1:]]
        assert sorted(found) == sorted(ops)


def test_negative_pads_cut_off() -> None:
    """Which the reference evaluator does not compute."""
    x = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    model = made(lambda m, x: m.add("Pad", x, m.integers(0, 0, -1, 0, 0, 0, 0, -2)), SHAPE)
    assert np.array_equal(as_float(convert(model, "m.onnx")).predict(x), x[:, :, 1:, :-2])


# Sums and products.


def residual(m: Maker, x: str) -> str:
    return m.add("Relu", m.add("Add", x, m.conv(m.conv(x, 8, 16), 16, 8)))


def squeeze_excite_of_vectors(m: Maker, x: str) -> str:
    """Linear layers on the flattened mean, then expanded again."""
    gate = m.add("Sigmoid", matmul(m, m.add("Relu", matmul5(m, flattened(m, x))), 5))
    gate = m.add("Unsqueeze", gate, m.integers(2, 3))
    return m.add("Mul", m.conv(x, 8, 5), gate)


def matmul5(m: Maker, x: str) -> str:
    return m.add("MatMul", x, m.random(8, 5))


SQUEEZE = ["conv2d", "global_avg_pool", "conv2d", "conv2d", "hard_sigmoid", "mul"]


@pytest.mark.parametrize(
    ("build", "ops"),
    [
        (residual, ["conv2d", "conv2d", "add"]),
        (squeeze_excite, SQUEEZE),
        (squeeze_excite_of_vectors, None),
        (lambda m, x: m.add("Sub", m.conv(x, 8, 8), x), ["conv2d", "affine", "add"]),
        (lambda m, x: m.add("Sum", m.conv(x, 8, 8), x, m.conv(x, 8, 8)), ["conv2d", "add", "conv2d", "add"]),
        (lambda m, x: m.add("Mul", m.conv(x, 8, 8), x), ["conv2d", "mul"]),
        (lambda m, x: m.add("Add", x, x), ["affine"]),
        (lambda m, x: m.add("Mul", x, m.add("Tanh", x)), ["tanh", "mul"]),
    ],
)
def test_sums_and_products(build: Callable[[Maker, str], str], ops: list[str] | None) -> None:
    check(build)
    if ops is not None:
        found = [node.op for node in simplify(as_float(convert(made(build, SHAPE), "m.onnx")).graph).nodes[1:]]
        assert sorted(found) == sorted(ops)


@pytest.mark.parametrize("opset", [11, 12, 13, 14, 16, 18, 20, 21, 24])
def test_operator_sets(opset: int) -> None:
    """The same network in old and new operator sets, whose axes, splits and clips moved from attributes to inputs."""

    def build(m: Maker, x: str) -> str:
        if opset < 13:
            left, right = m.add("Split", x, axis=1, outputs=2, split=[3, 5])
            left = m.add("Squeeze", m.add("Unsqueeze", left, axes=[0]), axes=[0])
        else:
            left, right = m.add("Split", x, m.integers(3, 5), axis=1, outputs=2)
            left = m.add("Squeeze", m.add("Unsqueeze", left, m.integers(0)), m.integers(0))
        y = m.add("Clip", m.conv(m.add("Concat", right, left, axis=1), 8, 8), m.floats(0.0), m.floats(6.0))
        if opset < 18:
            return m.add("ReduceMean", y, axes=[2, 3])
        return m.add("ReduceMean", y, m.integers(2, 3))

    check(build, ["slice", "slice", "concat", "conv2d", "global_avg_pool"], opset=opset)


def test_slices_stand_behind_what_they_read() -> None:
    """The planner wants both halves known where a merge's convolutions begin; the file asks for the identity half last."""
    nodes = simplify(as_float(convert(made(halves_then_merge, SHAPE), "m.onnx")).graph).nodes
    assert [node.op for node in nodes] == ["input", "slice", "slice", "conv2d", "shuffle_merge"]
