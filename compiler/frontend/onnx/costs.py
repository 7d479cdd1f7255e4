"""What a node costs onnx's reference evaluator, which is plain Python in places."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from hwgen.compiler.frontend.onnx.model import Node

Shapes = Mapping[str, tuple[int, ...]]

LARGEST = 1 << 25
"""Elements that it may hold at once."""

POOLS = ("AveragePool", "MaxPool", "LpPool")
MOST_WINDOWS = 1 << 15
"""Windows of a pool that are compared; it takes some 15 us for each."""

_WINDOW, _TAP, _MAC, _ELEMENT, _GROUP, _NODE = 15e-6, 2e-9, 1e-9, 3e-8, 1e-4, 1e-3
"""Seconds, generous."""


def _size(shapes: Shapes, name: str) -> int:
    return math.prod(shapes.get(name, ()))


def _channels(node: Node, shapes: Shapes) -> int:
    """Channels of a pool that are compared: all are computed alike."""
    out = shapes.get(node.outputs[0], (1, 1))
    windows = math.prod(out[2:])
    return max(1, min(out[1], MOST_WINDOWS // max(windows, 1)))


def pool_part(node: Node, inputs: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], int | None]:
    """The inputs of a pool, cut to the channels that are compared, and their number; any other node's as they are, and None."""
    if node.op not in POOLS:
        return inputs, None
    name = node.inputs[0]
    array = inputs[name]
    sides = node.attributes.get("kernel_shape", [])
    strides = node.attributes.get("strides", [1] * len(sides))
    windows = math.prod(max(1, size // max(1, step)) for size, step in zip(array.shape[2:], strides, strict=False))
    part = max(1, min(array.shape[1], MOST_WINDOWS // max(1, windows)))
    return {**inputs, name: array[:, :part]}, part


def _columns(node: Node, shapes: Shapes) -> int:
    """Elements of a convolution's input that are gathered under its kernel."""
    weights, out = shapes.get(node.inputs[1], (1, 1)), shapes.get(node.outputs[0], (1, 1))
    return math.prod(weights[1:]) * math.prod(out[2:]) * int(node.attributes.get("group", 1))


def too_large(node: Node, shapes: Shapes) -> bool:
    """Whether it would need more memory than is given to it."""
    held = _columns(node, shapes) if node.op == "Conv" else 0
    return max(held, *(_size(shapes, name) for name in (*node.inputs, *node.outputs))) > LARGEST


def seconds(node: Node, shapes: Shapes, *, whole: bool = False) -> float:
    """Roughly how long it takes; of a pool for the channels that are compared, unless for the `whole`."""
    elements = sum(_size(shapes, name) for name in (*node.inputs, *node.outputs))
    total = _NODE + _ELEMENT * elements
    if node.op in POOLS:
        out = shapes.get(node.outputs[0], (1, 1))
        windows = math.prod(out[2:]) * (out[1] if whole else _channels(node, shapes))
        total += windows * (_WINDOW + _TAP * math.prod(node.attributes.get("kernel_shape", [1])))
    elif node.op == "Conv":
        weights, out = shapes.get(node.inputs[1], (1,)), shapes.get(node.outputs[0], (1, 1))
        total += _MAC * math.prod(weights) * math.prod(out[2:])
        total += _ELEMENT * _columns(node, shapes) / 10 + _GROUP * int(node.attributes.get("group", 1))
    elif node.op in ("Gemm", "MatMul") and len(node.inputs) > 1:
        total += _MAC * _size(shapes, node.inputs[0]) * (shapes.get(node.inputs[1]) or (1,))[-1]
    return total
