"""Float evaluation of graph nodes, for calibration and for the statistics of random weights.

Tensors are float64 [..., height, width, channels]: any number of frames at once.  Not float32, because matrix
products differ in their last bits from one machine to another: in float64 that leaves the quantised network the same
everywhere.
"""

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from hwgen.compiler.graph.graph import Node
from hwgen.compiler.graph.window import Window
from hwgen.errors import UnsupportedOpError

LARGEST_EXPONENT = 700.0  # of e in float64
LARGEST_PIECE = 1 << 20  # elements of a convolution's input gathered at once: some megabytes, which a cache holds
LARGEST_BLOCK = 1 << 15  # elements of a depthwise convolution's output made at once, likewise

Function = Callable[[np.ndarray], np.ndarray]


def elementwise(node: Node) -> Function | None:
    """The real function of an element-wise node of one input; None for any other node."""
    match node.op:
        case "relu":
            return lambda x: np.maximum(x, 0)
        case "relu6":
            return lambda x: np.clip(x, 0, 6)
        case "leaky_relu":
            slope = node.real("slope")
            return lambda x: np.where(x < 0, slope * x, x)
        case "hard_sigmoid":
            return lambda x: np.clip(x + 3, 0, 6) / 6
        case "hard_swish":
            return lambda x: x * np.clip(x + 3, 0, 6) / 6
        case "sigmoid":
            return lambda x: 1 / _exponential(x)
        case "swish":
            return lambda x: x / _exponential(x)
        case "tanh":
            return np.tanh
        case "clip":
            low, high = node.real("low"), node.real("high")
            return lambda x: np.clip(x, low, high)
        case "affine":
            scale, offset = node.real("scale"), node.real("offset")
            return lambda x: scale * x + offset
    return None


def _exponential(x: np.ndarray) -> np.ndarray:
    """1 + exp(-x), without overflow."""
    found = np.asarray(np.negative(x))
    np.minimum(found, LARGEST_EXPONENT, out=found)
    np.exp(found, out=found)
    found += 1
    return found


def activate(node: Node, x: np.ndarray) -> np.ndarray:
    """The activation fused into `node`, applied to `x`."""
    match node.attributes["activation"]:
        case "none":
            return x
        case "relu":
            return np.maximum(x, 0)
        case "relu6":
            return np.clip(x, 0, 6)
        case other:
            raise UnsupportedOpError(f"{node.name}: activation {other}; allowed are none, relu, relu6")


def convolve(node: Node, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Convolution or fully connected layer without bias and activation.

    x [..., height, width, channels]; weights [out_channels, rows, columns, channels / groups].
    """
    groups = node.integer("groups") if node.op == "conv2d" else 1
    taps = node.window.taps(x, 0.0)
    out_channels, _, _, depth = weights.shape
    if depth == 1 and out_channels == groups:
        return _depthwise(taps, weights.reshape(out_channels, -1).T)
    per_group = out_channels // groups
    parts = []
    for group in range(groups):
        chosen = [tap[..., group * depth : (group + 1) * depth] for tap in taps]
        matrix = weights[group * per_group : (group + 1) * per_group].reshape(per_group, -1)
        parts.append(products(chosen, matrix))
    return np.concatenate(parts, axis=-1)


def layer(node: Node, x: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Convolution or fully connected layer with bias and activation; arguments as of `convolve`."""
    sums = convolve(node, x, weights)
    sums += bias
    return activate(node, sums)


def _depthwise(taps: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """The sum of taps [..., rows, columns, channels] times weights [taps, channels], in blocks of rows that a cache holds."""
    frames, (height, width, channels) = taps[0].shape[:-3], taps[0].shape[-3:]
    total = np.zeros((*frames, height, width, channels))
    step = max(1, LARGEST_BLOCK // max(1, width * channels))
    term = np.empty((min(step, height), width, channels))
    # For every pixel of a row, so that a row is multiplied as one run of numbers.
    factors = [np.ascontiguousarray(np.broadcast_to(factor, (width, channels))) for factor in weights]
    for frame in np.ndindex(frames):
        for first in range(0, height, step):
            block = total[frame][first : first + step]
            for tap, factor in zip(taps, factors, strict=True):
                block += np.multiply(tap[frame][first : first + step], factor, out=term[: len(block)])
    return total


def products(taps: Sequence[np.ndarray], matrix: np.ndarray) -> np.ndarray:
    """The elements under a kernel, [..., rows, columns, depth] for each of its positions, times `matrix` [outputs, positions * depth].

    Of the matrix's type, [..., rows, columns, outputs].  In pieces of so many rows that they take a bounded memory.
    """
    height, width = taps[0].shape[-3:-1]
    if len(taps) == 1 and taps[0].dtype == matrix.dtype and taps[0].flags.c_contiguous:  # nothing to gather
        found = taps[0].reshape(-1, taps[0].shape[-1]) @ matrix.T
        return found.reshape(*taps[0].shape[:-1], len(matrix))
    row = taps[0][..., 0, :, 0].size * matrix.shape[1]
    step = max(1, LARGEST_PIECE // max(row, 1))
    pieces = []
    for first in range(0, height, step):
        gathered = np.concatenate([tap[..., first : first + step, :, :] for tap in taps], axis=-1, dtype=matrix.dtype)
        found = gathered.reshape(-1, gathered.shape[-1]) @ matrix.T
        pieces.append(found.reshape(*gathered.shape[:-1], len(matrix)))
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=-3)


def evaluate(node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    """The output of a node without weights; UnsupportedOpError for any other."""
    function = elementwise(node)
    if function is not None:
        return function(inputs[0])
    match node.op:
        case "max_pool":
            return node.window.reduced(inputs[0], -np.inf, np.maximum)
        case "avg_pool":
            total = node.window.reduced(inputs[0], 0.0, np.add)
            if node.integer("count_pad"):
                return total / prod(node.window.kernel)
            return total / node.window.valid(*inputs[0].shape[-3:-1])
        case "global_avg_pool":
            return inputs[0].mean(axis=(-3, -2), keepdims=True)
        case "add":
            return activate(node, inputs[0] + inputs[1])
        case "mul":
            return activate(node, inputs[0] * inputs[1])
        case "concat":
            return np.concatenate(inputs, axis=-1)
        case "slice":
            offset = node.integer("offset")
            return inputs[0][..., offset : offset + node.integer("channels")]
        case "shuffle":
            return _shuffle(inputs[0], node.integer("groups"))
        case "shuffle_merge":
            return _shuffle(np.concatenate(inputs, axis=-1), 2)
        case "pad":
            top, bottom, left, right = node.sizes("pad")
            return Window(padding=(top, bottom, left, right)).taps(inputs[0], node.real("value"))[0]
        case "softmax":
            powers = np.exp(inputs[0] - inputs[0].max(axis=-1, keepdims=True))
            return powers / powers.sum(axis=-1, keepdims=True)
    raise UnsupportedOpError(f"{node.name}: {node.op} cannot be evaluated; simplify the graph first")


def _shuffle(x: np.ndarray, groups: int) -> np.ndarray:
    return x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups).swapaxes(-1, -2).reshape(x.shape)
