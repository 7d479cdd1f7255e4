"""One form of an operator in a float ONNX model: its values against onnx's reference, its float graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hwgen.compiler.frontend.onnx import FloatModel, convert
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.transforms import simplify
from tests.support.make_onnx import Maker, made, reference

SHAPE = (1, 8, 6, 6)


def as_float(model: FloatModel | QGraph) -> FloatModel:
    """A model that must not have become an int8 graph."""
    assert isinstance(model, FloatModel)
    return model


def check(
    build: Callable[[Maker, str], str], ops: list[str] | None = None, shape: tuple[int, ...] = SHAPE, opset: int = 17
) -> None:
    """The importer's float network computes what onnx's reference does, and consists of `ops` behind its input."""
    model = made(build, shape, opset)
    network = as_float(convert(model, "m.onnx"))
    x = np.random.default_rng(1).normal(0, 3, shape).astype(np.float32)
    expected = reference(model, x)
    found = network.predict(x)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    if ops is not None:
        assert [node.op for node in simplify(network.graph).nodes[1:]] == ops
