"""The operators that only move or repeat values: PAD, CONCATENATION, SPLIT, STRIDED_SLICE, RESHAPE, TRANSPOSE, RESIZE."""

import math

import numpy as np

from hwgen.compiler.frontend.tflite.builder import LARGEST_SIDE, LARGEST_TRANSPOSE, Builder, Unsound, Unsupported, Value
from hwgen.compiler.frontend.tflite.geometry import activation_of, option
from hwgen.compiler.frontend.tflite.schema import FileOperator, FileTensor
from hwgen.compiler.int8 import arithmetic, tables
from hwgen.compiler.int8.nodes import QConcat, QPad, QResize, QSlice, QStridedSlice, QTable, QTensor, Shape


def pad(b: Builder, op: FileOperator, name: str) -> None:
    """PAD and PADV2."""
    source, target = b.operand(op, 0), b.output(op)
    x = b.relabelled(b.activation(source, name), b.quantisation(target), name)
    assert source is not None
    amounts = b.constant(b.operand(op, 1), ("INT32", "INT64"), "list of amounts").astype(np.int64)
    if amounts.shape != (len(source.shape), 2) or amounts.min() < 0 or amounts.max() > LARGEST_SIDE:
        raise Unsound(f"its amounts {amounts.tolist()} do not suit {len(source.shape)} dimensions")
    frame = np.zeros((3, 2), dtype=np.int64)
    used = amounts[-3:]
    frame[3 - len(used) :] = used
    if amounts[:-3].any():
        raise Unsupported("it pads the batch; nearest: height, width and channels")
    value = x.zero_point
    if op.op == "PADV2":
        constant = b.constant(b.operand(op, 2), ("INT8",), "value")
        if constant.size != 1:
            raise Unsound(f"its value has {constant.size} elements")
        value = int(constant.ravel()[0])
    before, after = (_shape(frame[:, side].tolist()) for side in (0, 1))
    shape = _shape([size + low + high for size, low, high in zip(x.shape, before, after, strict=True)])
    out = b.define(target, shape)
    b.emit(QPad(name, x.name, out.name, before, after, value))


def concatenation(b: Builder, op: FileOperator, name: str) -> None:
    """CONCATENATION of channels; inputs of another quantisation are requantised by a table first."""
    target = b.output(op)
    rank, axis = len(target.shape), int(option(op, "Axis"))
    axis = axis + rank if axis < 0 else axis
    if axis != rank - 1:
        raise Unsupported(f"it joins along axis {axis} of {rank}; nearest: the channels, axis {rank - 1}")
    if activation_of(op) != "NONE":
        raise Unsupported(f"fused activation {activation_of(op)}; nearest: an operator of its own")
    if not op.inputs:
        raise Unsound("it has no inputs")
    quantisation = b.quantisation(target)
    parts = []
    for position in range(len(op.inputs)):
        x = b.activation(b.operand(op, position), name)
        if (x.scale, x.zero_point) != quantisation:
            scaled = b.extra(QTensor(x.name, x.shape, *quantisation), "requantised")
            table = tables.concatenated((x.scale, x.zero_point), quantisation)
            b.emit(QTable(f"{name}/requantise{position}", x.name, scaled.name, table))
            b.notes.append(f"{name}: input '{x.name}' has another scale than the output and is requantised")
            x = scaled
        parts.append(x)
    if len({part.shape[:2] for part in parts}) > 1:
        raise Unsound(f"inputs of shapes {[part.shape for part in parts]} cannot be joined")
    out = b.define(target, (parts[0].height, parts[0].width, sum(part.channels for part in parts)))
    b.emit(QConcat(name, tuple(part.name for part in parts), out.name))


def split(b: Builder, op: FileOperator, name: str) -> None:
    """SPLIT and SPLIT_V: a slice for each output."""
    even = op.op == "SPLIT"
    source = b.operand(op, 1 if even else 0)
    if source is None:
        raise Unsound("its input is missing")
    b.value(source)  # its shape is a frame's then
    axes = b.integers(b.operand(op, 0 if even else 2), "axis")
    rank, count = len(source.shape), len(op.outputs)
    axis = axes[0] + rank if axes and axes[0] < 0 else axes[0] if axes else -1
    if not 0 <= axis < rank or len(axes) != 1:
        raise Unsound(f"axis {axes} of {rank}")
    if not count:
        raise Unsound("it has no outputs")
    if even:
        if source.shape[axis] % count:
            raise Unsound(f"{source.shape[axis]} elements do not divide into {count} parts")
        sizes = [source.shape[axis] // count] * count
    else:
        sizes = b.integers(b.operand(op, 1), "list of sizes")
        if len(sizes) == count and sizes.count(-1) == 1:
            sizes[sizes.index(-1)] = source.shape[axis] - sum(size for size in sizes if size >= 0)
        if len(sizes) != count or min(sizes) < 1 or sum(sizes) != source.shape[axis]:
            raise Unsound(f"sizes {sizes} do not split {source.shape[axis]} elements into {count} parts")
    start = 0
    for position, size in enumerate(sizes):
        begin = [0] * rank
        begin[axis] = start
        extent = list(source.shape)
        extent[axis] = size
        _slice(b, f"{name}/{position}", source, b.output(op, position), begin, [1] * rank, extent)
        start += size


def strided_slice(b: Builder, op: FileOperator, name: str) -> None:
    """STRIDED_SLICE with constant bounds."""
    source = b.operand(op, 0)
    if source is None:
        raise Unsound("its input is missing")
    b.value(source)  # its shape is a frame's then
    if option(op, "EllipsisMask") or option(op, "NewAxisMask"):
        raise Unsupported("it uses an ellipsis or a new axis; nearest: begin, end and stride of each axis")
    begins, ends, steps = (
        b.integers(b.operand(op, position), what) for position, what in ((1, "begin"), (2, "end"), (3, "strides"))
    )
    rank = len(source.shape)
    if not len(begins) == len(ends) == len(steps) <= rank or 0 in steps:
        raise Unsound(f"begin {begins}, end {ends}, strides {steps} do not suit {rank} dimensions")
    begin, step, extent = [0] * rank, [1] * rank, list(source.shape)
    for axis, size in enumerate(source.shape[: len(begins)]):
        low: int | None = begins[axis]
        high: int | None = ends[axis] + (begins[axis] if option(op, "Offset") else 0)
        stride, bit = steps[axis], 1 << axis
        if option(op, "ShrinkAxisMask") & bit:
            index = begins[axis] + size if begins[axis] < 0 else begins[axis]
            if not 0 <= index < size:
                raise Unsound(f"element {begins[axis]} of an axis of {size}")
            low, high, stride = index, index + 1, 1
        else:
            low = None if option(op, "BeginMask") & bit else low
            high = None if option(op, "EndMask") & bit else high
        chosen = range(*slice(low, high, stride).indices(size))
        if not len(chosen):
            raise Unsound(f"nothing is left of axis {axis}")
        begin[axis], step[axis], extent[axis] = chosen[0], stride if len(chosen) > 1 else 1, len(chosen)
    _slice(b, name, source, b.output(op), begin, step, extent)


def _slice(
    b: Builder, name: str, source: FileTensor, target: FileTensor, begin: list[int], step: list[int], extent: list[int]
) -> None:
    x = b.relabelled(b.activation(source, name), b.quantisation(target), name)
    if any(size != 1 for size in extent[:-3]):
        raise Unsupported(f"a batch of {extent[0]}; nearest: 1")
    missing = 3 - len(extent[-3:])
    shape = _shape([1] * missing + extent[-3:])
    if shape == x.shape and min(step, default=1) > 0:
        b.alias(target, Value(x.name, shape))
        return
    first, stride = _shape([0] * missing + begin[-3:]), _shape([1] * missing + step[-3:])
    out = b.define(target, shape)
    if shape[:2] == x.shape[:2] and stride == (1, 1, 1):
        b.emit(QSlice(name, x.name, out.name, first[2], shape[2]))
    else:
        b.emit(QStridedSlice(name, x.name, out.name, first, stride, shape))


def reshape(b: Builder, op: FileOperator, name: str) -> None:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: the same bytes under another shape."""
    value, target = b.value(b.operand(op, 0)), b.output(op)
    b.quantisation(target)
    b.alias(target, value)


def transpose(b: Builder, op: FileOperator, name: str) -> None:
    """TRANSPOSE: remembered as an order; what reads it must find the channels shuffled."""
    value, target = b.value(b.operand(op, 0)), b.output(op)
    axes = b.integers(b.operand(op, 1), "permutation")
    rank = len(value.shape)
    axes = [axis + rank if axis < 0 else axis for axis in axes]
    if sorted(axes) != list(range(rank)):
        raise Unsound(f"{axes} is no permutation of {rank} axes")
    b.quantisation(target)
    b.check_shape(target)
    size = math.prod(value.shape)
    if target.shape != tuple(value.shape[axis] for axis in axes):
        raise Unsound(f"{list(value.shape)} transposed by {axes} is not {list(target.shape)}")
    if size > LARGEST_TRANSPOSE:
        raise Unsupported(f"a transposition of {size:,} elements; at most {LARGEST_TRANSPOSE:,} are recognised")
    order = np.arange(size, dtype=np.int32) if value.order is None else value.order
    moved = order.reshape(value.shape).transpose(axes).ravel()
    straight = np.array_equal(moved, np.arange(size))
    b.alias(target, Value(value.name, target.shape, None if straight else moved))


def resize(b: Builder, op: FileOperator, name: str) -> None:
    """RESIZE_NEAREST_NEIGHBOR."""
    target = b.output(op)
    x = b.relabelled(b.activation(b.operand(op, 0), name), b.quantisation(target), name)
    sizes = b.integers(b.operand(op, 1), "size")
    if len(sizes) != 2 or not 1 <= min(sizes) <= max(sizes) <= LARGEST_SIDE:
        raise Unsound(f"its size {sizes} is not a height and a width")
    out = b.define(target, (sizes[0], sizes[1], x.channels))
    rows, columns = (
        _nearest(old, new, bool(option(op, "AlignCorners")), bool(option(op, "HalfPixelCenters")))
        for old, new in zip(x.shape[:2], sizes, strict=True)
    )
    b.emit(QResize(name, x.name, out.name, rows, columns))


def _nearest(old: int, new: int, align_corners: bool, half_pixels: bool) -> tuple[int, ...]:
    """Source index of each element of an axis, computed in float32 as the kernel does."""
    scale = (
        np.float32(old - 1) / np.float32(new - 1) if align_corners and new > 1 else np.float32(old) / np.float32(new)
    )
    place = (np.arange(new, dtype=np.float32) + np.float32(0.5 if half_pixels else 0)) * scale
    index = arithmetic.round_half_away(place) if align_corners else np.floor(place).astype(np.int64)
    return tuple(int(i) for i in np.clip(index, 0, old - 1))


def _shape(sizes: list[int]) -> Shape:
    first, second, third = sizes
    return first, second, third
