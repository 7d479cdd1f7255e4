"""Quantised ONNX networks."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.support.make_onnx import Maker

OPSET = 21  # the oldest whose QuantizeLinear and DequantizeLinear the reference evaluator has


SHAPE = (1, 3, 16, 16)


IN = (0.02, -5)


class Quantised(Maker):
    """Writes models that mark their quantisation."""

    def __init__(self, seed: int = 0, kind: type = np.int8) -> None:
        super().__init__(OPSET, seed)
        self.kind = kind

    def zero(self, value: int) -> int:
        """A zero point of the model's type."""
        return value + (128 if self.kind is np.uint8 else 0)

    def scale(self, scale: float, zero: int) -> tuple[str, str]:
        return self.floats(scale), self.constant(self.zero(zero), self.kind)

    def marked(self, x: str, scale: float, zero: int) -> str:
        """Quantised and read back."""
        pair = self.scale(scale, zero)
        return self.add("DequantizeLinear", self.add("QuantizeLinear", x, *pair), *pair)

    def weights(self, *shape: int, axis: int = 0, low: int = -127) -> tuple[str, np.ndarray]:
        """Random int8 weights with a scale for each output channel, read back; their scales."""
        scales = self.rng.uniform(0.005, 0.01, shape[axis]).astype(np.float32)
        stored = self.constant(self.rng.integers(low, 128, shape), np.int8)
        zeros = self.constant(np.zeros(shape[axis]), np.int8)
        return self.add("DequantizeLinear", stored, self.floats(scales), zeros, axis=axis), scales

    def bias(self, scales: np.ndarray) -> str:
        stored = self.constant(self.rng.integers(-3000, 3000, len(scales)), np.int32)
        return self.add("DequantizeLinear", stored, self.floats(scales), axis=0)

    def layer(
        self, x: str, scale: float, inputs: int, outputs: int, kernel: int = 1, groups: int = 1, **attributes: Any
    ) -> str:
        """A convolution of marked operands."""
        weights, scales = self.weights(outputs, inputs // groups, kernel, kernel)
        attributes.setdefault("pads", [kernel // 2] * 4)
        return self.add("Conv", x, weights, self.bias(scales * np.float32(scale)), group=groups, **attributes)


def network(m: Quantised) -> str:
    """A small network with a residual sum, a product, a table, a concatenation, a mean, a classifier."""
    x = m.marked("x", *IN)
    x = m.marked(m.add("Relu", m.layer(x, IN[0], 3, 8, 3, strides=[2, 2])), 0.05, -128)
    y = m.marked(m.add("Clip", m.layer(x, 0.05, 8, 8, 3, groups=8), m.floats(0.0), m.floats(6.0)), 6 / 255, -128)
    z = m.marked(m.add("HardSwish", m.marked(m.add("Add", x, y), 0.06, -120)), 0.055, -120)
    gate = m.marked(m.add("GlobalAveragePool", z), 0.04, -128)
    gate = m.marked(
        m.add("HardSigmoid", m.marked(m.layer(gate, 0.04, 8, 8), 0.05, 0), alpha=1 / 6, beta=0.5), 1 / 255, -128
    )
    z = m.marked(m.add("Mul", z, gate), 0.05, -110)
    left, right = m.add(
        "Split", m.add("MaxPool", z, kernel_shape=[2, 2], strides=[2, 2]), axis=1, outputs=2, num_outputs=2
    )
    z = m.marked(m.add("Concat", right, m.marked(left, 0.05, -110), axis=1), 0.05, -110)
    z = m.marked(m.add("ReduceMean", z, m.integers(2, 3), keepdims=0), 0.03, -100)
    weights, scales = m.weights(5, 8)
    return m.marked(m.add("Gemm", z, weights, m.bias(scales * np.float32(0.03)), transB=1), 0.02, 7)


def qlinear(m: Quantised, x: str) -> str:
    """A network of QLinearConv and the operators of com.microsoft around it."""
    one, two, three = m.scale(0.05, -10), m.scale(0.06, -20), m.scale(0.04, -30)
    weights = m.constant(m.rng.integers(-127, 128, (8, 3, 3, 3)), np.int8)
    scales = m.floats(m.rng.uniform(0.005, 0.01, 8))
    zeros = m.constant(np.zeros(8), np.int8)
    bias = m.constant(m.rng.integers(-3000, 3000, 8), np.int32)
    y = m.add("QLinearConv", x, *m.scale(*IN), weights, scales, zeros, *one, bias, pads=[1] * 4, strides=[2, 2])
    s = m.add("QLinearSigmoid", y, *one, *two, domain="com.microsoft")
    y = m.add("QLinearAdd", y, *one, s, *two, *two, domain="com.microsoft")
    y = m.add("QLinearMul", y, *two, s, *two, *three, domain="com.microsoft")
    y = m.add("QLinearConcat", *two, y, *three, s, *two, domain="com.microsoft", axis=1)
    y = m.add("QLinearLeakyRelu", y, *two, *one, domain="com.microsoft", alpha=0.1)
    y = m.add("QLinearGlobalAveragePool", y, *one, *two, domain="com.microsoft")
    y = m.add("Flatten", y)
    matrix = m.constant(m.rng.integers(-127, 128, (5, 16)), np.int8)
    offset = m.constant(m.rng.integers(-300, 300, 5), np.int32)
    step = (m.floats(0.01), m.constant(0, np.int8))
    y = m.add("QGemm", y, *two, matrix, *step, offset, *three, domain="com.microsoft", transB=1)
    last = m.constant(m.rng.integers(-127, 128, (5, 4)), np.int8)
    return m.add("QLinearMatMul", y, *three, last, *step, *one)
