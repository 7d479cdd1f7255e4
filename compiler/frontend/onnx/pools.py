"""Pools, means and maxima over the map, softmax."""

import numpy as np

from hwgen.compiler.frontend.onnx.builder import Builder, Value, frame_size
from hwgen.compiler.frontend.onnx.layers import Pads, Pair, pads_of, pair
from hwgen.compiler.frontend.onnx.model import Node
from hwgen.compiler.frontend.onnx.problems import Unsound, Unsupported


def pool(b: Builder, node: Node) -> None:
    """MaxPool and AveragePool of one or two dimensions, ceil_mode and count_include_pad included."""
    x = b.value(node)
    dimensions = len(x.shape) - 2
    if dimensions not in (1, 2):
        raise Unsupported(f"a pool of {dimensions} dimensions", "1 or 2 dimensions")
    kernel = pair(node, "kernel_shape", dimensions, None)
    stride, dilation = pair(node, "strides", dimensions), pair(node, "dilations", dimensions)
    if dilation != (1, 1) and kernel != (1, 1):
        raise Unsupported(f"a pool of dilation {dilation[0]} x {dilation[1]}", "dilation 1")
    b.unused(node, 1)
    height, width, _ = frame_size(x.shape)
    rows, columns, _ = frame_size(b.shape(node))
    pads = pads_of(node, x.shape[2:], kernel, stride, (1, 1))
    if min(pads) < 0:
        raise Unsupported(f"negative pads {pads}", "pads of 0 and more")
    reached = _reached(pads, (height, width), (rows, columns), kernel, stride)
    tensor = b.frame(x)
    if node.op == "MaxPool":
        tensor = b.emit("max_pool", tensor, kernel=kernel, stride=stride, pad=reached)
    elif not node.attributes.get("count_include_pad", 0) or not any(pads):
        tensor = b.emit("avg_pool", tensor, kernel=kernel, stride=stride, pad=reached)
    elif all(end <= pad for end, pad in zip(reached, pads, strict=True)):
        tensor = b.emit("avg_pool", tensor, kernel=kernel, stride=stride, pad=reached, count_pad=1)
    else:  # zeros that count, and beyond them what ceil_mode reaches over, which does not
        beyond = tuple(max(0, end - pad) for end, pad in zip(reached, pads, strict=True))
        tensor = b.emit("avg_pool", b.emit("pad", tensor, pad=pads), kernel=kernel, stride=stride, pad=beyond)
    b.define(node, tensor)


def _reached(pads: Pads, size: Pair, out: Pair, kernel: Pair, stride: Pair) -> Pads:
    """The padding with which a window gives just the output size: ceil_mode reaches beyond the given one."""
    top, bottom, left, right = pads
    ends = []
    for low, high, inside, wanted, k, s in zip((top, left), (bottom, right), size, out, kernel, stride, strict=True):
        exact = (inside + low + high - k) // s + 1 == wanted
        ends.append(high if exact else (wanted - 1) * s + k - inside - low)
    if min(ends) < 0 or any(end > high + s for end, high, s in zip(ends, (bottom, right), stride, strict=True)):
        raise Unsound(f"its output of {out[0]} x {out[1]} does not suit its window")
    return top, ends[0], left, ends[1]


def global_pool(b: Builder, node: Node) -> None:
    """GlobalAveragePool and GlobalMaxPool."""
    tensor = b.frame(b.value(node))
    b.define(node, _over_map(b, tensor, "Max" in node.op))


def _over_map(b: Builder, tensor: str, greatest: bool) -> str:
    if greatest:
        return b.emit("max_pool", tensor, kernel=b.size(tensor)[:2])
    return b.emit("global_avg_pool", tensor)


def reduce(b: Builder, node: Node) -> None:
    """ReduceMean, ReduceSum and ReduceMax over the pixels, or over rows or columns of the map."""
    x = b.value(node)
    rank = len(x.shape)
    axes = b.integers(node, 1, "axes")
    if not axes:
        axes = [] if axes == [] and node.attributes.get("noop_with_empty_axes", 0) else list(range(rank))
    if any(not -rank <= axis < rank for axis in axes):
        raise Unsound(f"its axes {axes} are not those of {rank} dimensions")
    axes = sorted({axis % rank for axis in axes})
    b.single_frame(*axes)
    shape = b.shape(node)
    real = [axis for axis in axes if x.shape[axis] > 1]
    if not real:
        b.write(node, Value(x.tensor, shape, x.order, x.steps))
        return
    count = int(np.prod([x.shape[axis] for axis in real]))
    greatest = node.op == "ReduceMax"
    try:
        if rank == 4 and real in ([2], [3]) and x.shape[0] == 1:
            kernel = (x.shape[2], 1) if real == [2] else (1, x.shape[3])
            tensor = b.emit("max_pool" if greatest else "avg_pool", b.frame(x), kernel=kernel)
        else:
            tensor, _ = b.channels_of(x, [axis for axis in range(rank) if axis not in real])
            tensor = _over_map(b, tensor, greatest)
    except Unsupported:
        raise Unsupported(
            f"it works along the axes {axes} of {list(x.shape)}", "height and width, axes [2, 3] of 4"
        ) from None
    if node.op == "ReduceSum":
        tensor = b.emit("affine", tensor, scale=float(count))
    b.write(node, Value(tensor, shape))


def softmax(b: Builder, node: Node) -> None:
    """Softmax over the channels."""
    x = b.value(node)
    rank = len(x.shape)
    modern = b.folded.opset >= 13
    axis = int(node.attributes.get("axis", -1 if modern else 1))
    if not -rank <= axis < max(rank, 1):
        raise Unsound(f"its axis is {axis}, of {rank} dimensions")
    axes = [axis % rank] if modern else list(range(axis % rank, rank))
    b.single_frame(*axes)
    try:
        tensor, back = b.channels_of(x, axes)
    except Unsupported:
        raise Unsupported(f"a softmax over the axes {axes} of {list(x.shape)}", "over the channels") from None
    b.write(node, Value(b.emit("softmax", tensor), x.shape, back))
