"""Float graph, weights and calibration images to the int8 graph (equations 1 to 15 of docs/arithmetic.md)."""

from collections.abc import Sequence

import numpy as np

from compiler import arithmetic
from compiler.errors import UnsupportedOpError, one_line
from compiler.evaluate import elementwise
from compiler.graph import Graph, Node
from compiler.passes import simplify
from compiler.qgraph import (
    QAdd,
    QAvgPool,
    QConcat,
    QConv,
    QGraph,
    QMaxPool,
    QNode,
    QShuffle,
    QShuffleMerge,
    QSlice,
    QTable,
    QTensor,
)
from compiler.quantise.calibrate import Layers, Range, tensor_ranges
from compiler.quantise.scales import Affine, choose_scales
from compiler.weights import Weights, folded
from compiler.window import Window

UNSUPPORTED = ("batch_norm", "reshape", "transpose", "pad")
SMALLEST_FACTOR = 2.0**-14  # equation 5: keeps equation 9's A within 23 bits
LARGEST_BIAS = 2.0**29  # equation 2: leaves room for the accumulator in 32 bits


def quantise(
    graph: Graph, weights: Weights, images: Sequence[np.ndarray], *, input_range: Range | None = None
) -> QGraph:
    """The verified int8 graph of a float graph.

    `images` are real network inputs, float [height, width, channels] of the graph's input shape; `input_range` fixes
    the range of the input tensor (else it is that of the images).  UnsupportedOpError lists every node that has no
    int8 form.
    """
    graph = simplify(graph)
    _check_supported(graph)
    layers: Layers = {node.name: folded(node, weights.arrays) for node in graph.layers()}
    ranges = tensor_ranges(graph, layers, images)
    if input_range is not None:
        ranges[graph.input.name] = input_range
    scales = choose_scales(graph, layers, ranges)
    tensors = {
        node.name: QTensor(node.name, _map_shape(node), scales[node.name].scale, scales[node.name].zero_point)
        for node in graph.nodes
    }
    nodes = [_quantised(graph, node, layers, scales) for node in graph.nodes[1:]]
    result = QGraph(graph.name, tensors, nodes, graph.input.name, graph.output, weights.provenance)
    result.verify()
    return result


def _check_supported(graph: Graph) -> None:
    problems = [f"{node.name}: {node.op}" for node in graph.nodes if node.op in UNSUPPORTED or len(node.shape) != 3]
    if problems:
        raise UnsupportedOpError(
            f"{graph.name}: no int8 form for {one_line(problems)}; batch norms must follow a convolution, "
            "pads precede one, reshapes and transposes form a channel shuffle"
        )


def _map_shape(node: Node) -> tuple[int, int, int]:
    height, width, channels = node.shape
    return (height, width, channels)


def _quantised(graph: Graph, node: Node, layers: Layers, scales: dict[str, Affine]) -> QNode:
    function = elementwise(node)
    first, out = scales[node.inputs[0]], scales[node.name]
    if function is not None:
        table = arithmetic.table_of(function, first.scale, first.zero_point, out.scale, out.zero_point)
        return QTable(node.name, node.inputs[0], node.name, table)
    match node.op:
        case "conv2d" | "fully_connected":
            return _layer(node, *layers[node.name], first, out)
        case "max_pool":
            return QMaxPool(node.name, node.inputs[0], node.name, node.window)
        case "avg_pool" if not (node.integer("count_pad") and any(node.window.padding)):
            return QAvgPool(node.name, node.inputs[0], node.name, node.window)
        case "global_avg_pool":
            height, width, _ = graph[node.inputs[0]].shape
            return QAvgPool(node.name, node.inputs[0], node.name, Window(kernel=(height, width)))
        case "slice":
            return QSlice(node.name, node.inputs[0], node.name, node.integer("offset"), node.integer("channels"))
        case "concat":
            return QConcat(node.name, node.inputs, node.name)
        case "shuffle":
            return QShuffle(node.name, node.inputs[0], node.name, node.integer("groups"))
        case "shuffle_merge":
            return QShuffleMerge(node.name, node.inputs[0], node.inputs[1], node.name)
        case "add":
            return QAdd(node.name, node.inputs[0], node.inputs[1], node.name, *_activation_range(node, out))
    raise UnsupportedOpError(f"{node.name}: {node.op} has no int8 form")


def _layer(node: Node, weights: np.ndarray, bias: np.ndarray, first: Affine, out: Affine) -> QConv:
    weight_scale = _weight_scales(weights, bias, first.scale, out.scale)
    multiplier, shift = arithmetic.quantize_multipliers(first.scale * weight_scale / out.scale)
    quantised = arithmetic.round_half_away(weights / weight_scale[:, None, None, None])
    act_min, act_max = _activation_range(node, out)
    return QConv(
        name=node.name,
        input=node.inputs[0],
        output=node.name,
        weights=np.clip(quantised, -arithmetic.INT8_MAX, arithmetic.INT8_MAX).astype(np.int8),
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


def _activation_range(node: Node, out: Affine) -> tuple[int, int]:
    """Equation 10."""
    zero, activation = out.zero_point, node.attributes["activation"]
    low = arithmetic.INT8_MIN if activation == "none" else max(arithmetic.INT8_MIN, zero)
    high = arithmetic.INT8_MAX
    if activation == "relu6":
        high = min(high, zero + int(arithmetic.round_half_away(6 / out.scale)))
    return low, high
