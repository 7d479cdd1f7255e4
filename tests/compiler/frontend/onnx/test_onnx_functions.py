"""Functions of one value in float ONNX models, written as operators or as chains of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.make_onnx import Maker
from tests.support.onnx_form import check
from tests.support.onnx_functions import hard_swish_as_chain


def hard_swish_other_order(m: Maker, x: str) -> str:
    y = m.conv(x, 8, 8)
    gate = m.add("Div", m.add("Relu", m.add("Min", m.add("Add", y, m.floats([3.0])), m.floats(6.0))), m.floats(6.0))
    return m.add("Mul", gate, y)


def hard_swish_from_hard_sigmoid(m: Maker, x: str) -> str:
    y = m.conv(x, 8, 8)
    return m.add("Mul", y, m.add("HardSigmoid", y, alpha=1 / 6, beta=0.5))


def swish(m: Maker, x: str) -> str:
    y = m.conv(x, 8, 8)
    return m.add("Mul", y, m.add("Sigmoid", y))


def sigmoid_written_out(m: Maker, x: str) -> str:
    return m.add("Reciprocal", m.add("Add", m.add("Exp", m.add("Neg", x)), m.floats(1.0)))


def relu6_by_clip(m: Maker, x: str) -> str:
    return m.add("Clip", m.conv(x, 8, 8), m.floats(0.0), m.floats(6.0))


def relu_by_max(m: Maker, x: str) -> str:
    return m.add("Max", m.floats(0.0), m.conv(x, 8, 8))


def relu6_by_attributes(m: Maker, x: str) -> str:
    return m.add("Clip", m.conv(x, 8, 8), min=0.0, max=6.0)


def hard_sigmoid_of_keras(m: Maker, x: str) -> str:
    return m.add("HardSigmoid", x)


def leaky_by_prelu(m: Maker, x: str) -> str:
    return m.add("PRelu", x, m.floats([[[0.25]]]))


def leaky_by_max(m: Maker, x: str) -> str:
    return m.add("Max", x, m.add("Mul", x, m.floats(0.125)))


def two_functions(m: Maker, x: str) -> str:
    """2 relu(x) - 1 is max(2 x - 1, -1)."""
    return m.add("Sub", m.add("Mul", m.add("Relu", x), m.floats(2.0)), m.floats(1.0))


def line_and_relu(m: Maker, x: str) -> str:
    """relu(2 relu(x) - 1) is relu(2 x - 1)."""
    return m.add("Relu", two_functions(m, x))


@pytest.mark.parametrize(
    ("build", "ops", "opset"),
    [
        (hard_swish_as_chain, ["conv2d", "hard_swish"], 11),
        (hard_swish_other_order, ["conv2d", "hard_swish"], 17),
        (hard_swish_from_hard_sigmoid, ["conv2d", "hard_swish"], 17),
        (lambda m, x: m.add("HardSwish", x), ["hard_swish"], 14),
        (lambda m, x: m.add("Swish", x), ["swish"], 24),
        (swish, ["conv2d", "swish"], 17),
        (sigmoid_written_out, ["sigmoid"], 17),
        (relu6_by_clip, ["conv2d"], 11),
        (relu6_by_attributes, ["conv2d"], 10),
        (relu_by_max, ["conv2d"], 17),
        (hard_sigmoid_of_keras, ["affine", "clip"], 17),
        (lambda m, x: m.add("HardSigmoid", x, alpha=0.16666667, beta=0.5), ["hard_sigmoid"], 17),
        (lambda m, x: m.add("LeakyRelu", x, alpha=0.2), ["leaky_relu"], 17),
        (leaky_by_prelu, ["leaky_relu"], 17),
        (leaky_by_max, ["leaky_relu"], 17),
        (lambda m, x: m.add("Tanh", x), ["tanh"], 17),
        (lambda m, x: m.add("Clip", x, m.floats(-1.0), m.floats(2.5)), ["clip"], 17),
        (lambda m, x: m.add("Clip", x, m.floats(-1.0)), ["clip"], 17),
        (two_functions, ["affine", "clip"], 17),
        (line_and_relu, ["affine", "relu"], 17),
        (lambda m, x: m.add("Div", m.add("Sub", x, m.floats(0.5)), m.floats(0.25)), ["affine"], 17),
    ],
)
def test_functions(build: Callable[[Maker, str], str], ops: list[str], opset: int) -> None:
    check(build, ops, opset=opset)
