"""The int8 form of each node of a prepared float graph (equations of docs/arithmetic.md)."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hwgen.compiler.graph.evaluate import elementwise
from hwgen.compiler.graph.graph import Graph, Node
from hwgen.compiler.graph.names import unused
from hwgen.compiler.graph.ops import Shape as AnyShape
from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8 import arithmetic, softmax
from hwgen.compiler.int8.host import QSoftmax
from hwgen.compiler.int8.nodes import (
    QAdd,
    QAvgPool,
    QConcat,
    QConv,
    QMaxPool,
    QMean,
    QMul,
    QNode,
    QPad,
    QReshape,
    QShuffle,
    QShuffleMerge,
    QSlice,
    QTable,
    QTensor,
    Shape,
)
from hwgen.compiler.int8.tables import mul_multiplier
from hwgen.compiler.quantise.calibrate import Layers
from hwgen.compiler.quantise.scales import Affine
from hwgen.errors import UnsupportedOpError, one_line

SMALLEST_FACTOR = 2.0**-14  # equation 5: keeps equation 9's A within 23 bits
LARGEST_BIAS = 2.0**29  # equation 2: leaves room for the accumulator in 32 bits


def check_supported(graph: Graph) -> None:
    """Raise one UnsupportedOpError that lists every node without an int8 form."""
    problems = [
        f"{node.name}: {node.op}"
        for node in graph.nodes
        if node.op in ("batch_norm", "transpose") or len(node.shape) > 3
    ]
    last = graph[graph.output]
    problems += [
        f"{node.name}: softmax before the end" for node in graph.nodes if node.op == "softmax" and node is not last
    ]
    if problems:
        raise UnsupportedOpError(
            f"{graph.name}: no int8 form for {one_line(problems)}; nearest: batch norms of maps, softmax as the last "
            "operation, reshapes and transposes that form a channel shuffle"
        )


def map_shape(shape: AnyShape) -> Shape:
    """A tensor of one or two axes as a map of (height, width, channels)."""
    height, width, channels = (1,) * (3 - len(shape)) + tuple(shape)
    return (height, width, channels)


class Former:
    """Makes int8 nodes.

    Parameters:
        graph, layers: prepared (`hwgen.compiler.quantise.prepare`).
        scales: of every tensor.

    Attributes:
        tensors: of the int8 graph, those included that the float graph does not have.
    """

    def __init__(self, graph: Graph, layers: Layers, scales: Mapping[str, Affine]) -> None:
        self.graph, self.layers, self.scales = graph, layers, scales
        self.tensors = {
            node.name: QTensor(node.name, map_shape(node.shape), scales[node.name].scale, scales[node.name].zero_point)
            for node in graph.nodes
        }

    def nodes(self, node: Node) -> list[QNode]:
        """What computes the node's output; UnsupportedOpError where nothing does."""
        if node.op == "pad":
            return self._pad(node)
        return [self._single(node)]

    def softmax(self, node: Node) -> tuple[QSoftmax, QTensor]:
        """The last operation, which the host computes, and its output."""
        x = self.tensors[node.inputs[0]]
        out = QTensor(node.name, x.shape, 1 / 256, -128)
        return QSoftmax(node.name, x.name, out.name, *softmax.parameters(1.0, x.scale)), out

    def _single(self, node: Node) -> QNode:
        name, inputs, function = node.name, node.inputs, elementwise(node)
        first, out = self.scales[inputs[0]], self.scales[name]
        if function is not None:
            table = arithmetic.table_of(function, first.scale, first.zero_point, out.scale, out.zero_point)
            return QTable(name, inputs[0], name, table)
        match node.op:
            case "conv2d" | "fully_connected":
                return layer(node, *self.layers[name], first, out)
            case "max_pool":
                return QMaxPool(name, inputs[0], name, node.window)
            case "avg_pool":
                return QAvgPool(name, inputs[0], name, node.window)
            case "global_avg_pool":
                return self._mean(node)
            case "slice":
                return QSlice(name, inputs[0], name, node.integer("offset"), node.integer("channels"))
            case "concat":
                return QConcat(name, inputs, name)
            case "shuffle":
                return QShuffle(name, inputs[0], name, node.integer("groups"))
            case "shuffle_merge":
                return QShuffleMerge(name, inputs[0], inputs[1], name)
            case "add":
                return QAdd(name, inputs[0], inputs[1], name, *activation_range(node, out))
            case "mul":
                factor = mul_multiplier(first.scale, self.scales[inputs[1]].scale, out.scale)
                return QMul(name, inputs[0], inputs[1], name, *factor, *activation_range(node, out))
            case "reshape":
                return QReshape(name, inputs[0], name, map_shape(node.shape))
        raise UnsupportedOpError(f"{name}: {node.op} has no int8 form")

    def _mean(self, node: Node) -> QMean:
        x, out = self.tensors[node.inputs[0]], self.tensors[node.name]
        count = x.height * x.width
        multiplier, shift = arithmetic.mean_multiplier(x.scale, out.scale, count)
        return QMean(node.name, x.name, out.name, multiplier, shift, count, x.zero_point, out.zero_point)

    def _pad(self, node: Node) -> list[QNode]:
        """Cut off what is negative, then surround."""
        x, out = self.tensors[node.inputs[0]], self.tensors[node.name]
        top, bottom, left, right = node.sizes("pad")
        made: list[QNode] = []
        if min(top, bottom, left, right) < 0:
            cut = Window(padding=(min(top, 0), min(bottom, 0), min(left, 0), min(right, 0)))
            if max(top, bottom, left, right) <= 0:
                return [QMaxPool(node.name, x.name, out.name, cut)]
            shape = (*cut.output_size(x.height, x.width), x.channels)
            part = replace(x, name=unused(f"{node.name}/cut", self.tensors), shape=shape)
            self.tensors[part.name] = part
            made.append(QMaxPool(part.name, x.name, part.name, cut))
            x = part
        value = int(arithmetic.quantise_real(np.array(node.real("value")), out.scale, out.zero_point))
        before, after = (max(top, 0), max(left, 0), 0), (max(bottom, 0), max(right, 0), 0)
        return [*made, QPad(node.name, x.name, out.name, before, after, value)]


def layer(node: Node, weights: np.ndarray, bias: np.ndarray, first: Affine, out: Affine) -> QConv:
    """The int8 form of a convolution or fully connected layer with these weights and biases."""
    quantised, weight_scale = rounded_weights(weights, bias, first.scale, out.scale)
    multiplier, shift = arithmetic.quantize_multipliers(first.scale * weight_scale / out.scale)
    act_min, act_max = activation_range(node, out)
    return QConv(
        name=node.name,
        input=node.inputs[0],
        output=node.name,
        weights=quantised,
        bias=arithmetic.round_half_away(bias / (first.scale * weight_scale)).astype(np.int32),
        multiplier=multiplier,
        shift=shift,
        window=node.window,
        groups=node.integer("groups") if node.op == "conv2d" else 1,
        input_zero_point=first.zero_point,
        output_zero_point=out.zero_point,
        act_min=act_min,
        act_max=act_max,
    )


def rounded_weights(
    weights: np.ndarray, bias: np.ndarray, in_scale: float, out_scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """int8 weights and their scales per output channel, float64."""
    scales = _weight_scales(weights, bias, in_scale, out_scale)
    steps = arithmetic.round_half_away(weights / scales[:, None, None, None])
    return np.clip(steps, -arithmetic.INT8_MAX, arithmetic.INT8_MAX).astype(np.int8), scales


def _weight_scales(weights: np.ndarray, bias: np.ndarray, in_scale: float, out_scale: float) -> np.ndarray:
    """Scales per output channel, float32: the largest weight at 127, but no smaller than factor and bias allow.

    A channel held up by those limits has weights so small that coarser ones change its output by a fraction of a step.
    """
    largest = np.abs(weights).reshape(weights.shape[0], -1).max(axis=1) / arithmetic.INT8_MAX
    for_factor = SMALLEST_FACTOR * out_scale / in_scale
    for_bias = np.abs(bias) / (in_scale * LARGEST_BIAS)
    return (
        np.maximum.reduce([largest, np.full_like(largest, for_factor), for_bias]).astype(np.float32).astype(np.float64)
    )


def activation_range(node: Node, out: Affine) -> tuple[int, int]:
    """Equation 10."""
    zero, activation = out.zero_point, node.attributes["activation"]
    low = arithmetic.INT8_MIN if activation == "none" else max(arithmetic.INT8_MIN, zero)
    high = arithmetic.INT8_MAX
    if activation == "relu6":
        high = min(high, zero + int(arithmetic.round_half_away(6 / out.scale)))
    return low, high
