"""The golden model: every tensor of every layer of an int8 graph, exact, in NumPy.

Formulas are those of docs/arithmetic.md (numbers cited below), taken from `hwgen.compiler.int8.arithmetic`.  Matrix products
run in floating-point BLAS where that page proves them exact.
"""

import numpy as np

from hwgen.compiler.graph.evaluate import products
from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8 import arithmetic, softmax
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.host import QSoftmax
from hwgen.compiler.int8.nodes import (
    QAdd,
    QAvgPool,
    QChannelTable,
    QConcat,
    QConv,
    QMaxPool,
    QMean,
    QMul,
    QNode,
    QPad,
    QReshape,
    QResize,
    QShuffle,
    QShuffleMerge,
    QSlice,
    QStridedSlice,
    QTable,
    QTensor,
)
from hwgen.errors import ModelError

FLOAT32_EXACT = 1 << 24


def run(graph: QGraph, image: np.ndarray) -> dict[str, np.ndarray]:
    """Every tensor of one frame by name, each int8 [height, width, channels], the input included.

    `image` is int8 of the input tensor's shape; anything else raises ModelError.
    """
    expected = graph.tensors[graph.input].shape
    if image.dtype != np.int8 or image.shape != expected:
        raise ModelError(f"input {graph.input} must be int8 {expected}, not {image.dtype} {image.shape}")
    values = {graph.input: image}
    for node in graph.nodes:
        values[node.output] = run_node(graph, node, [values[name] for name in node.inputs])
    return values


def run_node(graph: QGraph, node: QNode, inputs: list[np.ndarray]) -> np.ndarray:
    """The int8 output of one node for its int8 inputs."""
    match node:
        case QConv():
            return conv(node, inputs[0])
        case QMaxPool():
            return np.clip(max_pool(node.window, inputs[0]), node.act_min, node.act_max)
        case QAvgPool():
            return average_pool(node.window, inputs[0])
        case QSlice():
            return inputs[0][:, :, node.offset : node.offset + node.channels]
        case QConcat():
            return concatenate(node, inputs)
        case QShuffle():
            return shuffle(inputs[0], node.groups)
        case QShuffleMerge():
            return shuffle(np.concatenate(inputs, axis=2), 2)
        case QAdd():
            return add(graph, node, inputs[0], inputs[1])
        case QTable():
            return node.table[inputs[0].astype(np.int64) + 128]
        case QMul():
            return multiply(graph, node, inputs[0], inputs[1])
        case QMean():
            return mean(node, inputs[0])
        case QPad():
            return np.pad(inputs[0], list(zip(node.before, node.after, strict=True)), constant_values=node.value)
        case QReshape():
            return inputs[0].reshape(node.shape)
        case QStridedSlice():
            return strided_slice(node, inputs[0])
        case QResize():
            return inputs[0][np.array(node.rows)][:, np.array(node.columns)]
        case QChannelTable():
            return node.tables[np.arange(len(node.tables)), inputs[0].astype(np.int64) + 128]


def encode(graph: QGraph, value: np.ndarray) -> np.ndarray:
    """The model's own input, of the type and shape its file gives, to the graph's int8 input tensor.

    Raises ModelError for another type or number of elements.
    """
    tensor, host = graph.tensors[graph.input], graph.host
    if value.dtype != host.input_type or value.size != tensor.size:
        shape = host.input_shape or tensor.shape
        raise ModelError(f"input must be {host.input_type} {shape}, not {value.dtype} {value.shape}")
    if host.input_channels_first:
        value = value.reshape(tensor.channels, tensor.height, tensor.width).transpose(1, 2, 0)
    value = value.reshape(tensor.shape)
    if host.input_type == "float32":
        if not np.isfinite(value).all():
            raise ModelError("input has elements that are not finite numbers")
        with np.errstate(over="ignore"):
            real = value / np.float32(tensor.scale)
        q = arithmetic.round_half_away(np.clip(real, -1e6, 1e6)) + tensor.zero_point
        return np.clip(q, arithmetic.INT8_MIN, arithmetic.INT8_MAX).astype(np.int8)
    return (value.astype(np.int16) - 128).astype(np.int8) if host.input_type == "uint8" else value


def run_host(graph: QGraph, value: np.ndarray) -> dict[str, np.ndarray]:
    """The int8 tensors that the host computes from the graph's output, by name; the last one is the result."""
    values: dict[str, np.ndarray] = {graph.output: value}
    tensors = {graph.output: graph.tensors[graph.output], **{tensor.name: tensor for tensor in graph.host.tensors}}
    for node in graph.host.nodes:
        x = values[node.input]
        values[node.output] = (
            softmax.softmax(x, node.multiplier, node.shift, node.least)
            if isinstance(node, QSoftmax)
            else run_node(graph, node, [x])
        ).reshape(tensors[node.output].shape)
    return values


def decode(graph: QGraph, result: np.ndarray) -> np.ndarray:
    """The result tensor, int8, to the type and shape of the model's own output."""
    host, tensor = graph.host, graph.result
    shape = host.output_shape or tensor.shape
    if host.output_channels_first:
        result = result.reshape(tensor.shape).transpose(2, 0, 1)
    if host.output_type == "uint8":
        return (result.astype(np.int16) + 128).astype(np.uint8).reshape(shape)
    if host.output_type == "float32":
        return arithmetic.dequantise(result, tensor.scale, tensor.zero_point).astype(np.float32).reshape(shape)
    return result.reshape(shape)


def predict(graph: QGraph, value: np.ndarray) -> np.ndarray:
    """The model from its own input to its own output: `encode`, `run`, `run_host`, `decode`."""
    result = run(graph, encode(graph, value))[graph.output]
    return decode(graph, run_host(graph, result)[graph.result.name])


def conv(node: QConv, x: np.ndarray) -> np.ndarray:
    """Equations 4, 7 and 8: int8 [height, width, in_channels] -> int8 [rows, columns, out_channels]."""
    acc = accumulate(node, x) + node.folded_bias
    q = arithmetic.requantise(acc, node.multiplier, node.shift, node.output_zero_point, node.act_min, node.act_max)
    return q.astype(np.int8)


def accumulate(node: QConv, x: np.ndarray) -> np.ndarray:
    """`sum(w * x)` with padding read as the input's zero point, no bias: int64 [rows, columns, out_channels]
    (equation 4).
    """
    taps = node.window.taps(x, node.input_zero_point)
    out_channels, _, _, depth = node.weights.shape
    if depth == 1:  # depthwise: a vector product per tap
        repeat = out_channels // node.groups
        total = np.zeros((*taps[0].shape[:2], out_channels), dtype=np.int32)
        for tap, weights in zip(taps, node.weights.reshape(out_channels, -1).T.astype(np.int32), strict=True):
            wide = tap if repeat == 1 else np.repeat(tap, repeat, axis=2)
            total += wide.astype(np.int32) * weights
        return total.astype(np.int64)
    exact: type = np.float32 if _largest_sum(node.weights) <= FLOAT32_EXACT else np.float64
    per_group = out_channels // node.groups
    outputs = []
    for group in range(node.groups):
        chosen = [tap[:, :, group * depth : (group + 1) * depth] for tap in taps]
        rows = slice(group * per_group, (group + 1) * per_group)
        matrix: np.ndarray = node.weights[rows].reshape(per_group, -1).astype(exact)
        outputs.append(products(chosen, matrix))
    return np.concatenate(outputs, axis=2).astype(np.int64)


def max_pool(window: Window, x: np.ndarray) -> np.ndarray:
    """Equation 11."""
    return window.reduced(x, arithmetic.INT8_MIN, np.maximum)


def concatenate(node: QConcat, inputs: list[np.ndarray]) -> np.ndarray:
    """The inputs' channels, with zeros in the gaps."""
    parts, past = [], 0
    for offset, x in zip(node.offsets or [0] * len(inputs), inputs, strict=True):
        parts += [np.zeros((*x.shape[:2], max(0, offset - past)), np.int8), x]
        past = max(offset, past) + x.shape[2]
    return np.concatenate(parts, axis=2)


def average_pool(window: Window, x: np.ndarray) -> np.ndarray:
    """Equation 12, over the valid elements."""
    total = window.reduced(x.astype(np.int32), 0, np.add)
    return arithmetic.divide_half_away(total, window.valid(*x.shape[:2])).astype(np.int8)


def shuffle(x: np.ndarray, groups: int) -> np.ndarray:
    """Equation 16."""
    height, width, channels = x.shape
    return x.reshape(height, width, groups, channels // groups).swapaxes(2, 3).reshape(height, width, channels)


def add(graph: QGraph, node: QAdd, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Equation 13."""
    a, b, out = (graph.tensors[name] for name in (node.left, node.right, node.output))
    (m1, n1), (m2, n2), (mo, no) = arithmetic.add_multipliers(a.scale, b.scale, out.scale)
    total = arithmetic.add_term(left, a.zero_point, m1, n1) + arithmetic.add_term(right, b.zero_point, m2, n2)
    return arithmetic.requantise(total, mo, no, out.zero_point, node.act_min, node.act_max).astype(np.int8)


def multiply(graph: QGraph, node: QMul, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Equation 18."""
    a, b, out = _tensors(graph, node.left, node.right, node.output)
    product = (left.astype(np.int64) - a.zero_point) * (right.astype(np.int64) - b.zero_point)
    q = arithmetic.requantise(product, node.multiplier, node.shift, out.zero_point, node.act_min, node.act_max)
    return q.astype(np.int8)


def mean(node: QMean, x: np.ndarray) -> np.ndarray:
    """Equation 19."""
    total = x.astype(np.int64).sum(axis=(0, 1), keepdims=True) + node.folded_bias
    return arithmetic.requantise(total, node.multiplier, node.shift, node.output_zero_point).astype(np.int8)


def strided_slice(node: QStridedSlice, x: np.ndarray) -> np.ndarray:
    """Elements `begin + i * step` of each axis."""
    for axis, (begin, step, count) in enumerate(zip(node.begin, node.step, node.shape, strict=True)):
        x = np.take(x, begin + step * np.arange(count), axis=axis)
    return x


def _tensors(graph: QGraph, *names: str) -> list[QTensor]:
    return [graph.tensors[name] for name in names]


def _largest_sum(weights: np.ndarray) -> int:
    flat = np.abs(weights.astype(np.int16)).reshape(weights.shape[0], -1)
    return int(flat.sum(axis=1, dtype=np.int64).max()) * -arithmetic.INT8_MIN
