"""A small float ONNX network."""

from __future__ import annotations

from tests.support.make_onnx import Maker
from tests.support.onnx_networks import flattened, gemm, shuffle_with_shapes


def small(m: Maker, x: str) -> str:
    """A small classifier of colour images."""
    y = m.add("Relu", m.conv(x, 3, 8, 3, strides=[2, 2]))
    y = m.add("HardSwish", m.conv(shuffle_with_shapes(m, y), 8, 8, 3, groups=8))
    return gemm(m, flattened(m, y))
