"""A graph under construction, and the two ways to move channels and pixels: `select` and `copy`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isqrt

import numpy as np

from hwgen.compiler.graph.names import Names
from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QConv, QMaxPool, QNode, QTensor, Shape
from hwgen.errors import UnsupportedOpError

MOST_WEIGHTS = 1 << 24
"""Of a convolution that only moves channels, or stands for groups: half a board's memory."""


class Rewriter:
    """New nodes in order, and all tensors."""

    def __init__(self, graph: QGraph) -> None:
        self.graph = graph
        self.nodes: list[QNode] = []
        self.tensors = dict(graph.tensors)
        self._names = Names()
        self._extra = Names(graph.tensors, mark="")

    def extra(self, like: QTensor, suffix: str, shape: Shape | None = None) -> QTensor:
        """A tensor that the graph did not have."""
        name = self._extra.new(f"{like.name}/{suffix}")
        self.tensors[name] = replace(like, name=name, shape=shape or like.shape)
        return self.tensors[name]

    def emit(self, *nodes: QNode) -> None:
        """Append nodes, each under a name of its own."""
        for node in nodes:
            name = self._names.new(node.name)
            self.nodes.append(node if name == node.name else replace(node, name=name))

    def select(self, name: str, x: QTensor, out: QTensor, order: Sequence[int], fill: int | None = None) -> None:
        """Output channel i is the input's channel `order[i]`, or `fill` where that is negative: a 1x1 convolution."""
        self.emit(selection(name, x, out, order, fill))

    def copy(self, name: str, x: QTensor, out: QTensor, window: Window | None = None) -> None:
        """Output pixels are input pixels as `window` (a 1x1 kernel) chooses them."""
        self.emit(QMaxPool(name, x.name, out.name, window or Window()))

    def result(self) -> QGraph:
        """The graph of the new nodes."""
        used = {self.graph.input, *(node.output for node in self.nodes)}
        tensors = {name: tensor for name, tensor in self.tensors.items() if name in used}
        return replace(self.graph, nodes=self.nodes, tensors=tensors)


def selection(name: str, x: QTensor, out: QTensor, order: Sequence[int], fill: int | None = None) -> QConv:
    """The convolution of `Rewriter.select`; UnsupportedOpError if its weights would be too many."""
    if len(order) * x.channels > MOST_WEIGHTS:
        most = f"{isqrt(MOST_WEIGHTS):,}"
        if len(order) != x.channels:
            moved_from = f"{len(order):,} channels, which lie in {x.channels:,} places"
            raise UnsupportedOpError(
                f"{name}: it moves {moved_from}; nearest: {most} places, parts of 8 channels and more"
            )
        raise UnsupportedOpError(f"{name}: it moves {x.channels:,} channels; nearest: at most {most}")
    weights = np.zeros((len(order), 1, 1, x.channels), np.int8)
    moved = [(i, channel) for i, channel in enumerate(order) if channel >= 0]
    for i, channel in moved:
        weights[i, 0, 0, channel] = 1
    # q - z_in + bias = q - z_out
    bias = np.full(len(order), (out.zero_point if fill is None else fill) - out.zero_point, np.int32)
    bias[[i for i, _ in moved]] = x.zero_point - out.zero_point
    return _conv(name, x, out, weights, bias, groups=1)


def order_of(conv: QConv) -> np.ndarray | None:
    """For each output channel the input channel whose bytes it holds, int64; None for a convolution that does more."""
    if not conv.pointwise or (conv.act_min, conv.act_max) != (arithmetic.INT8_MIN, arithmetic.INT8_MAX):
        return None
    matrix = conv.weights[:, 0, 0, :]
    order = matrix.argmax(axis=1)
    same = np.zeros_like(matrix)
    same[np.arange(len(order)), order] = 1
    moves = (
        np.array_equal(matrix, same)
        and (conv.multiplier == arithmetic.UNIT[0]).all()
        and (conv.shift == arithmetic.UNIT[1]).all()
    )
    return order if moves and not (conv.folded_bias + conv.output_zero_point).any() else None


def identity(
    name: str,
    x: QTensor,
    out: QTensor,
    limits: tuple[int, int] = (arithmetic.INT8_MIN, arithmetic.INT8_MAX),
    window: Window | None = None,
) -> QConv:
    """The same bytes, clamped, surrounded with the input's zero point: a depthwise 1x1 convolution, behind which a table may stand."""
    weights = np.ones((x.channels, 1, 1, 1), np.int8)
    bias = np.full(x.channels, x.zero_point - out.zero_point, np.int32)
    conv = _conv(name, x, out, weights, bias, x.channels)
    return replace(conv, act_min=limits[0], act_max=limits[1], window=window or Window())


def _conv(name: str, x: QTensor, out: QTensor, weights: np.ndarray, bias: np.ndarray, groups: int) -> QConv:
    return QConv(
        name=name,
        input=x.name,
        output=out.name,
        weights=weights,
        bias=bias,
        multiplier=np.full(len(weights), arithmetic.UNIT[0], np.int64),
        shift=np.full(len(weights), arithmetic.UNIT[1], np.int64),
        window=Window(),
        groups=groups,
        input_zero_point=x.zero_point,
        output_zero_point=out.zero_point,
        act_min=arithmetic.INT8_MIN,
        act_max=arithmetic.INT8_MAX,
    )
