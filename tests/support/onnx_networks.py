"""Small ONNX networks of several operators."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.support.make_onnx import Maker


def norm(m: Maker, x: str, channels: int = 8) -> str:
    variance = m.floats(m.rng.uniform(0.5, 2, channels))
    parts = [m.random(channels), m.random(channels), m.random(channels), variance]
    return m.add("BatchNormalization", x, *parts, epsilon=1e-3)


def classifier(flatten: Callable[[Maker, str], str], last: Callable[[Maker, str], str]) -> Callable[[Maker, str], str]:
    return lambda m, x: last(m, flatten(m, x))


def gemm(m: Maker, x: str, inputs: int = 8) -> str:
    return m.add("Gemm", x, m.random(5, inputs), m.random(5), transB=1, alpha=0.5, beta=2.0)


def matmul(m: Maker, x: str, inputs: int = 8) -> str:
    return m.add("Add", m.add("MatMul", x, m.random(inputs, 5)), m.random(5))


def flattened(m: Maker, x: str) -> str:
    return m.add("Flatten", m.add("GlobalAveragePool", x))


def reshaped(m: Maker, x: str) -> str:
    """View by the shape's first entry, as x.view(x.size(0), -1) is exported."""
    y = m.add("GlobalAveragePool", x)
    batch = m.add("Gather", m.add("Shape", y), m.constant(0, np.int64), axis=0)
    shape = m.add("Concat", m.add("Unsqueeze", batch, m.integers(0)), m.integers(-1), axis=0)
    return m.add("Reshape", y, shape)


def shuffle_with_shapes(m: Maker, x: str) -> str:
    """channel_shuffle as torch.onnx.export of opset 11 writes it, with the sizes computed."""
    shape = m.add("Shape", x)
    n, c, h, w = (m.add("Gather", shape, m.constant(i, np.int64), axis=0) for i in range(4))
    each = m.add("Div", c, m.constant(2, np.int64))

    def listed(*sizes: str) -> str:
        return m.add("Concat", *(m.add("Unsqueeze", size, m.integers(0)) for size in sizes), axis=0)

    two = m.constant(2, np.int64)
    y = m.add("Reshape", x, listed(n, two, each, h, w))
    y = m.add("Transpose", y, perm=[0, 2, 1, 3, 4])
    return m.add("Reshape", y, listed(n, c, h, w))


def squeeze_excite(m: Maker, x: str) -> str:
    y = m.conv(x, 8, 8, 3, groups=8)
    gate = m.add("Relu", m.conv(m.add("GlobalAveragePool", y), 8, 4))
    return m.add("Mul", m.add("HardSigmoid", m.conv(gate, 4, 8), alpha=1 / 6, beta=0.5), y)
