"""Nodes that only move values: their outputs are views, put into the graph when something needs them in place."""

import math

import numpy as np

from hwgen.compiler.frontend.onnx import views
from hwgen.compiler.frontend.onnx.builder import Builder, Value, frame_size, single
from hwgen.compiler.frontend.onnx.model import Node, type_name
from hwgen.compiler.frontend.onnx.problems import Unsound, Unsupported


def _view(b: Builder, node: Node, x: Value, order: np.ndarray, position: int = 0) -> None:
    """An output whose elements are those of `x.tensor` in `order`, of the output's shape."""
    flat: np.ndarray | None = np.ascontiguousarray(order, dtype=np.int32).ravel()
    if flat is not None and flat.size == math.prod(b.size(x.tensor)) and np.array_equal(flat, np.arange(flat.size)):
        flat = None
    b.write(node, Value(x.tensor, tuple(order.shape), flat, x.steps), position)


def reshape(b: Builder, node: Node) -> None:
    """Reshape, Flatten, Squeeze, Unsqueeze, Identity and what is one when a network runs."""
    x = b.value(node)
    b.unused(node, 1)
    shape = b.shape(node)
    if math.prod(shape) != math.prod(x.shape):
        raise Unsupported(f"it makes {list(shape)} of {list(x.shape)}", "as many elements as before")
    b.write(node, Value(x.tensor, shape, x.order, x.steps))


def dropout(b: Builder, node: Node) -> None:
    """Dropout, which does nothing when a network runs."""
    mode = b.constant(node, 2, "training_mode")
    if mode is not None and single(mode, "training_mode"):
        raise Unsupported("a dropout that is active", "a model exported for inference (model.eval())")
    reshape(b, node)


def cast(b: Builder, node: Node) -> None:
    """Cast between types of real numbers."""
    kind = b.folded.types.get(node.outputs[0])
    if kind not in (1, 10, 11):
        raise Unsupported(f"a cast to {type_name(kind)}", "float")
    reshape(b, node)


def transpose(b: Builder, node: Node) -> None:
    """Transpose."""
    x = b.value(node)
    axes = node.attributes.get("perm", list(range(len(x.shape)))[::-1])
    if sorted(axes) != list(range(len(x.shape))):
        raise Unsound(f"its perm {axes} does not order {len(x.shape)} axes")
    if axes:
        b.single_frame(0 if axes[0] else 1)
    _view(b, node, x, b.order(x).transpose(axes))


def slice_(b: Builder, node: Node) -> None:
    """Slice."""
    x = b.value(node)
    starts, ends = b.integers(node, 1, "starts"), b.integers(node, 2, "ends")
    if starts is None or ends is None:
        raise Unsound("its starts or ends are missing")
    axes = b.integers(node, 3, "axes") or list(range(len(starts)))
    steps = b.integers(node, 4, "steps") or [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise Unsound("its starts, ends, axes and steps do not fit together")
    cut = [slice(None)] * len(x.shape)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        cut[b.axis(axis, len(x.shape))] = slice(start, end, step)
    order = b.order(x)[tuple(cut)]
    if not order.size:
        raise Unsound("nothing is left")
    _view(b, node, x, order)


def gather(b: Builder, node: Node) -> None:
    """Gather with constant indices."""
    x = b.value(node)
    indices = b.constant(node, 1, "list of indices")
    axis = b.axis(int(node.attributes.get("axis", 0)), len(x.shape))
    if indices is None or indices.dtype.kind not in "iu" or not indices.size or indices.size > views.LARGEST_ORDER:
        raise Unsound("its indices are no integers")
    if indices.min() < -x.shape[axis] or indices.max() >= x.shape[axis]:
        raise Unsound(f"its indices go beyond the {x.shape[axis]} elements of axis {axis}")
    if math.prod(x.shape) // x.shape[axis] * indices.size > views.LARGEST_ORDER:
        raise Unsupported("it repeats elements many times", views.NEAREST)
    _view(b, node, x, np.take(b.order(x), indices, axis))


def split(b: Builder, node: Node) -> None:
    """Split."""
    x = b.value(node)
    axis = b.axis(int(node.attributes.get("axis", 0)), len(x.shape))
    order, first = b.order(x), 0
    for position, tensor in enumerate(node.outputs):
        if not tensor:
            raise Unsound(f"its output {position + 1} is left out")
        width = b.shape(node, position)[axis]
        if first + width > x.shape[axis]:
            raise Unsound(f"its parts are more than the {x.shape[axis]} elements of axis {axis}")
        _view(b, node, x, np.take(order, range(first, first + width), axis), position)
        first += width


def concat(b: Builder, node: Node) -> None:
    """Concat along the channels, or along an axis that a later Reshape makes part of them."""
    parts = [b.value(node, position) for position in range(len(node.inputs))]
    rank = len(parts[0].shape)
    axis = b.axis(int(node.attributes.get("axis", 1)), rank)
    if all(part.tensor == parts[0].tensor and part.steps == parts[0].steps for part in parts):
        _view(b, node, parts[0], np.concatenate([b.order(part) for part in parts], axis))
        return
    if axis == 1 and rank in (2, 3, 4) and all(part.shape[0] == 1 for part in parts):
        try:
            tensors = [b.frame(part) for part in parts]
        except Unsupported:
            pass
        else:
            b.define(node, tensors[0] if len(tensors) == 1 else b.emit("concat", *tensors))
            return
    tensors = [b.settled(part) for part in parts]
    sizes = [b.size(tensor) for tensor in tensors]
    if len({size[:2] for size in sizes}) > 1:
        raise Unsupported(
            f"a concatenation along axis {axis} of {[list(part.shape) for part in parts]}", "the channels"
        )
    orders, first = [], 0
    for part, size in zip(parts, sizes, strict=True):
        orders.append(b.order(part) + first)
        first += math.prod(size)
    tensor = tensors[0] if len(tensors) == 1 else b.emit("concat", *tensors)
    _view(b, node, Value(tensor, ()), np.concatenate(orders, axis))


def pad(b: Builder, node: Node) -> None:
    """Pad of height and width with one value."""
    x = b.value(node)
    mode = node.attributes.get("mode", "constant")
    pads = b.integers(node, 1, "pads") or node.attributes.get("paddings")
    if mode != "constant":
        raise Unsupported(f"mode {mode!r}", "mode 'constant'")
    rank = len(x.shape)
    axes = b.integers(node, 3, "axes")
    places = list(range(rank)) if axes is None else [b.axis(axis, rank) for axis in axes]
    if pads is None or len(pads) != 2 * len(places) or any(abs(size) >= 1 << 16 for size in pads):
        raise Unsound(f"its pads are {pads}; needed: {2 * len(places)} numbers")
    low, high = [0] * rank, [0] * rank
    for number, axis in enumerate(places):
        low[axis], high[axis] = pads[number], pads[number + len(places)]
    value = b.scalar(node, 2, "value", 0.0)
    if not any(low) and not any(high):
        b.write(node, Value(x.tensor, b.shape(node), x.order, x.steps))
        return
    if not math.isfinite(value):
        raise Unsupported(f"padding with {value}", "a finite value, or the padding of MaxPool itself")
    if rank not in (3, 4) or any(low[:2]) or any(high[:2]):
        raise Unsupported(f"pads of {low} before and {high} behind", "pads of height and width only")
    frame_size(x.shape)
    (top, left), (bottom, right) = [0, *low[2:]][-2:], [0, *high[2:]][-2:]
    b.define(node, b.emit("pad", b.frame(x), pad=(top, bottom, left, right), value=value))


def repeat(b: Builder, node: Node) -> None:
    """Expand and Tile that repeat nothing."""
    x = b.value(node)
    if math.prod(b.shape(node)) != math.prod(x.shape):
        raise Unsupported(
            f"it makes {list(b.shape(node))} of {list(x.shape)}", "Mul and Add, which repeat a value for each channel"
        )
    reshape(b, node)
