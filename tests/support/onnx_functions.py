"""Functions as exporters write them, operator by operator."""

from __future__ import annotations

from tests.support.make_onnx import Maker


def hard_swish_as_chain(m: Maker, x: str) -> str:
    """x * clip(x + 3, 0, 6) / 6, as opset 11 to 13 export it."""
    y = m.conv(x, 8, 8)
    clipped = m.add("Clip", m.add("Add", y, m.floats(3.0)), m.floats(0.0), m.floats(6.0))
    return m.add("Div", m.add("Mul", y, clipped), m.floats(6.0))
