"""Convolutions, fully connected layers and batch norms."""

import math
from collections.abc import Sequence

import numpy as np

from hwgen.compiler.frontend.limits import LARGEST_WEIGHTS
from hwgen.compiler.frontend.onnx.builder import Builder, Value, finite, frame_size
from hwgen.compiler.frontend.onnx.model import Node
from hwgen.compiler.frontend.onnx.problems import Unsound, Unsupported

Pads = tuple[int, int, int, int]  # top, bottom, left, right
Pair = tuple[int, int]


def pair(node: Node, name: str, dimensions: int, default: int | None = 1) -> Pair:
    """An attribute of one number for each of one or two dimensions, as (vertical, horizontal)."""
    found = node.attributes.get(name)
    if found is None and default is not None:
        found = [default] * dimensions
    if not isinstance(found, list) or len(found) != dimensions or not all(1 <= size < 1 << 16 for size in found):
        raise Unsound(f"its {name} is {found}; needed: {dimensions} numbers of at least 1")
    return (1, int(found[0])) if dimensions == 1 else (int(found[0]), int(found[1]))


def pads_of(node: Node, sizes: Sequence[int], kernel: Pair, stride: Pair, dilation: Pair) -> Pads:
    """Padding of a window on a map of the spatial `sizes`: one, or height and width."""
    automatic = node.attributes.get("auto_pad", "NOTSET")
    given = node.attributes.get("pads", [0] * (2 * len(sizes)))
    if automatic in ("NOTSET", "VALID"):
        pads = given if automatic == "NOTSET" else [0] * (2 * len(sizes))
        if len(pads) != 2 * len(sizes) or any(abs(pad) >= 1 << 16 for pad in pads):
            raise Unsound(f"its pads are {pads}; needed: {2 * len(sizes)} numbers")
        low, high = pads[: len(sizes)], pads[len(sizes) :]
    elif automatic in ("SAME_UPPER", "SAME_LOWER"):
        low, high = [], []
        for size, k, s, d in zip(sizes, *(values[-len(sizes) :] for values in (kernel, stride, dilation)), strict=True):
            total = max((math.ceil(size / s) - 1) * s + (k - 1) * d + 1 - size, 0)
            less, more = total // 2, total - total // 2
            low.append(less if automatic == "SAME_UPPER" else more)
            high.append(more if automatic == "SAME_UPPER" else less)
    else:
        raise Unsound(f"its auto_pad is {automatic!r}")
    (top, left), (bottom, right) = [0, *low][-2:], [0, *high][-2:]
    return top, bottom, left, right


def conv(b: Builder, node: Node) -> None:
    """Conv of one or two dimensions."""
    x = b.value(node)
    weights = b.numbers(node, 1, "weights")
    if weights.ndim not in (3, 4):
        raise Unsupported(f"a convolution of {weights.ndim - 2} dimensions", "1 or 2 dimensions")
    if len(x.shape) != weights.ndim:
        raise Unsound(f"its input of {len(x.shape)} dimensions does not suit its weights of {weights.ndim}")
    dimensions, sizes = weights.ndim - 2, x.shape[2:]
    if node.attributes.get("kernel_shape", list(weights.shape[2:])) != list(weights.shape[2:]):
        raise Unsound(f"its kernel_shape is {node.attributes['kernel_shape']}, its weights' {list(weights.shape[2:])}")
    kernel = (1, weights.shape[2]) if dimensions == 1 else (weights.shape[2], weights.shape[3])
    stride, dilation = pair(node, "strides", dimensions), pair(node, "dilations", dimensions)
    groups = int(node.attributes.get("group", 1))
    if groups < 1 or x.shape[1] != weights.shape[1] * groups:
        raise Unsound(f"{weights.shape[1]} input channels in {groups} groups do not suit an input of {x.shape[1]}")
    bias = b.numbers(node, 2, "bias") if b.constant(node, 2, "bias") is not None else None
    if bias is not None and bias.shape != (weights.shape[0],):
        raise Unsound(f"its bias has the shape {list(bias.shape)}; needed: [{weights.shape[0]}]")
    name = b.fresh("conv")
    b.define(
        node,
        b.emit(
            "conv2d",
            b.frame(x),
            channels=weights.shape[0],
            kernel=kernel,
            stride=stride,
            dilation=dilation,
            pad=pads_of(node, sizes, kernel, stride, dilation),
            groups=groups,
            weight=b.keep(f"{name}.weight", weights.reshape(*weights.shape[:2], *kernel), node.inputs[1]),
            bias="" if bias is None else b.keep(f"{name}.bias", bias, node.inputs[2]),
        ),
    )


def gemm(b: Builder, node: Node) -> None:
    """Gemm with constant B and C."""
    x = b.value(node)
    matrix = b.numbers(node, 1, "matrix B") * np.float32(node.attributes.get("alpha", 1.0))
    offset = b.constant(node, 2, "C")
    if len(x.shape) != 2 or matrix.ndim != 2:
        raise Unsound("its operands are no matrices")
    if node.attributes.get("transA", 0):
        x = Value(x.tensor, x.shape[::-1], b.order(x).T.ravel(), x.steps)
    if node.attributes.get("transB", 0):
        matrix = matrix.T
    bias = None
    if offset is not None:
        columns = matrix.shape[1]
        if offset.size not in (1, columns) or (offset.size > 1 and offset.shape[-1] != columns):
            raise Unsupported(f"C of shape {list(offset.shape)}", "one value for each column")
        bias = np.broadcast_to(finite(offset, "C").ravel(), columns) * np.float32(node.attributes.get("beta", 1.0))
    dense(b, node, x, matrix, bias)


def matmul(b: Builder, node: Node) -> None:
    """MatMul with a constant second operand."""
    x = b.value(node)
    matrix = b.numbers(node, 1, "second operand")
    if matrix.ndim != 2:
        raise Unsupported(f"a second operand of {matrix.ndim} dimensions", "a matrix")
    dense(b, node, x, matrix, None)


def dense(b: Builder, node: Node, x: Value, matrix: np.ndarray, bias: np.ndarray | None) -> None:
    """The last axis of `x` times `matrix` [inputs, outputs].

    Of one row: a fully connected layer, or a convolution as large as the map that was flattened. Of several: a 1x1 convolution.
    """
    inputs, outputs = matrix.shape
    if not x.shape or x.shape[-1] != inputs:
        raise Unsound(f"{inputs} rows of its matrix do not suit an input of shape {list(x.shape)}")
    rows = math.prod(x.shape[:-1])
    weight, back = matrix.T[:, :, None, None], None
    if rows == 1:
        tensor = b.settled(x)
        height, width, channels = b.size(tensor)
        if outputs * height * width * channels > LARGEST_WEIGHTS:
            raise Unsupported(f"a matrix over a map of {height} x {width} x {channels}", "a pool before it")
        spread = np.zeros((outputs, height * width * channels), dtype=np.float32)
        np.add.at(spread.T, b.order(x).ravel(), matrix)
        weight = spread.reshape(outputs, channels, height, width)
    else:
        tensor, _ = b.channels_of(x, [len(x.shape) - 1])
        height, width, _ = b.size(tensor)
        back = np.arange(rows * outputs, dtype=np.int32).reshape(outputs, rows).T.ravel()
    name = b.fresh("dense")
    names = {
        "channels": outputs,
        "weight": f"{name}.weight",
        "bias": "" if bias is None else b.keep(f"{name}.bias", bias, node.inputs[2]),
    }
    axis = 0 if node.attributes.get("transB", 0) else 1
    if rows == height == width == 1:
        b.keep(f"{name}.weight", weight[:, :, 0, 0], node.inputs[1], axis)
        tensor = b.emit("fully_connected", tensor, **names)
    else:
        b.keep(f"{name}.weight", weight, node.inputs[1], axis)
        tensor = b.emit("conv2d", tensor, kernel=weight.shape[2:], **names)
    b.write(node, Value(tensor, (*x.shape[:-1], outputs), back))


def batch_normalization(b: Builder, node: Node) -> None:
    """BatchNormalization with constant statistics."""
    x = b.value(node)
    names = ("weight", "bias", "running_mean", "running_var")
    parts = {part: b.numbers(node, position, part) for position, part in enumerate(names, start=1)}
    b.unused(node, 1, 2, 3, 4)
    if node.attributes.get("training_mode", 0) or not node.attributes.get("spatial", 1):
        raise Unsupported("batch statistics of the frame itself, or for each pixel", "training_mode=0, spatial=1")
    channels = frame_size(x.shape)[2]
    if any(part.shape != (channels,) for part in parts.values()):
        raise Unsound(f"its parameters are not {channels} values each, one a channel")
    if parts["running_var"].min() < 0:
        raise Unsound("a variance is negative")
    eps = float(node.attributes.get("epsilon", 1e-5))
    if not 0 <= eps < math.inf or eps + float(parts["running_var"].min()) <= 0:
        raise Unsound(f"its epsilon is {eps:g}, and a variance 0")
    b.define(node, normalised(b, b.frame(x), parts, eps))


def normalised(b: Builder, tensor: str, parts: dict[str, np.ndarray], eps: float) -> str:
    """A batch norm of a tensor of the graph."""
    name = b.fresh("norm")
    for part, array in parts.items():
        b.keep(f"{name}.{part}", array)
    return b.emit("batch_norm", tensor, norm=name, eps=eps)


def by_channel(b: Builder, tensor: str, factor: np.ndarray, offset: np.ndarray) -> str:
    """`factor[c] * x + offset[c]`, as a batch norm of mean 0 and variance 1."""
    parts = {
        "weight": factor,
        "bias": offset,
        "running_mean": np.zeros_like(factor),
        "running_var": np.ones_like(factor),
    }
    return normalised(b, tensor, parts, 0.0)
