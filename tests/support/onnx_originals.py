"""Small sound ONNX models, float and quantised, with operators of every kind: what damaged files are made of."""

from __future__ import annotations

import functools

from tests.support.make_onnx import Build, Maker, made
from tests.support.onnx_form import SHAPE
from tests.support.onnx_functions import hard_swish_as_chain
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
from tests.support.onnx_quantised import Quantised, network, qlinear


def pooled(m: Maker, x: str) -> str:
    left, right = m.add("Split", m.add("Pad", x, m.integers(0, 0, 1, 0, 0, 0, 0, 1)), axis=1, outputs=2)
    left = m.add("MaxPool", left, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
    right = m.add("AveragePool", right, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
    return m.add("Softmax", m.add("ReduceMean", m.add("Concat", right, left, axis=1), axes=[2, 3]), axis=1)


MODELS: dict[str, Build] = {
    "shuffle": lambda m, x: norm(m, shuffle_with_shapes(m, x)),
    "squeeze": lambda m, x: m.add("Add", squeeze_excite(m, x), hard_swish_as_chain(m, x)),
    "pooled": pooled,
    "classifier": classifier(reshaped, gemm),
    "tokens": lambda m, x: m.add("Transpose", matmul(m, m.add("Transpose", x, perm=[0, 2, 3, 1])), perm=[0, 3, 1, 2]),
    "slices": lambda m, x: m.add("Tanh", m.add("Slice", x, m.integers(1), m.integers(5), m.integers(1), m.integers(2))),
    "flattened": lambda m, x: m.add("Clip", gemm(m, flattened(m, x)), m.floats(0.0), m.floats(6.0)),
}
QUANTISED = ("marked", "integers")


@functools.cache
def original(name: str) -> bytes:
    if name not in QUANTISED:
        return made(MODELS[name], SHAPE).SerializeToString()
    m = Quantised()
    if name == "marked":
        return m.model(network(m), (1, 3, 16, 16)).SerializeToString()
    y = qlinear(m, m.add("QuantizeLinear", "x", *m.scale(0.02, -5)))
    y = m.add("DequantizeLinear", y, *m.scale(0.05, -10))
    return m.model(y, (1, 3, 16, 16), domains=["com.microsoft"]).SerializeToString()
