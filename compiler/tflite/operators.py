"""The operators: one function each, which turns an operator of the file into nodes of the int8 graph."""

import math
from collections.abc import Callable

import numpy as np

from compiler import arithmetic, softmax
from compiler.qgraph import (
    QAdd,
    QAvgPool,
    QChannelTable,
    QConcat,
    QMaxPool,
    QMean,
    QMul,
    QPad,
    QResize,
    QSlice,
    QSoftmax,
    QStridedSlice,
    QTable,
    QTensor,
    Shape,
)
from compiler.tflite import tables
from compiler.tflite.builder import LARGEST_SIDE, LARGEST_TRANSPOSE, Builder, Unsound, Unsupported, Value
from compiler.tflite.convolutions import convolution, depthwise, fully_connected, scale_channels
from compiler.tflite.geometry import activation_of, option, pool_window
from compiler.tflite.schema import FileOperator, FileTensor

Handler = Callable[[Builder, FileOperator, str], None]


def _output(b: Builder, op: FileOperator, position: int = 0) -> FileTensor:
    return b.file.tensors[op.outputs[position]]


def _table(
    b: Builder, op: FileOperator, name: str, make: Callable[[tuple[float, int], tuple[float, int]], np.ndarray]
) -> None:
    x = b.activation(b.operand(op, 0), name)
    out = b.define(_output(b, op), x.shape)
    b.emit(QTable(name, x.name, out.name, make((x.scale, x.zero_point), (out.scale, out.zero_point))))


def relu(low: float, high: float) -> Handler:
    """RELU and its relatives."""

    def handler(b: Builder, op: FileOperator, name: str) -> None:
        _table(b, op, name, lambda source, target: tables.rectify(source, target, low, high))

    return handler


def of_float(function: Callable[[np.ndarray], np.ndarray]) -> Handler:
    """LOGISTIC and TANH."""

    def handler(b: Builder, op: FileOperator, name: str) -> None:
        _table(b, op, name, lambda source, target: tables.of_float(function, source, target))

    return handler


def hard_swish(b: Builder, op: FileOperator, name: str) -> None:
    """HARD_SWISH."""
    _table(b, op, name, tables.hard_swish)


def leaky_relu(b: Builder, op: FileOperator, name: str) -> None:
    """LEAKY_RELU."""
    alpha = float(option(op, "Alpha"))
    if not math.isfinite(alpha):
        raise Unsound(f"its slope is {alpha}")
    _table(b, op, name, lambda source, target: tables.leaky_relu(source, target, alpha))


def quantize(b: Builder, op: FileOperator, name: str) -> None:
    """QUANTIZE: of the model's float input, or from one quantisation to another."""
    source, target = b.operand(op, 0), _output(b, op)
    if source is not None and source.type == "FLOAT32":
        if source.index not in b.file.inputs or any(b.values.values()):
            raise Unsupported(
                "it quantises a float tensor inside the network; nearest: quantise the model's input only"
            )
        b.check_shape(source)
        if target.shape != source.shape:
            raise Unsound(f"it makes {list(target.shape)} of {list(source.shape)}")
        b.entry = b.define(target).name
        return
    x = b.activation(source, name)
    out = b.quantisation(target)
    if (x.scale, x.zero_point) == out:
        b.alias(target, Value(x.name, x.shape))
        return
    _table(b, op, name, tables.requantise)


def dequantize(b: Builder, op: FileOperator, name: str) -> None:
    """DEQUANTIZE: of the model's result only; the host does it."""
    target = _output(b, op)
    if target.type != "FLOAT32" or target.index not in b.file.outputs:
        raise Unsupported("it leads to float operators; nearest: an int8 model, DEQUANTIZE only of its output")
    x = b.activation(b.operand(op, 0), name)
    b.alias(target, Value(x.name, x.shape))


def softmax_of(b: Builder, op: FileOperator, name: str) -> None:
    """SOFTMAX over the last axis."""
    x = b.activation(b.operand(op, 0), name)
    out = b.define(_output(b, op), x.shape)
    if (out.scale, out.zero_point) != (1 / 256, -128):
        raise Unsound(f"its output has scale {out.scale:g}, zero point {out.zero_point}; needed: 1/256 and -128")
    multiplier, shift, least = softmax.parameters(float(option(op, "Beta")), x.scale)
    b.emit(QSoftmax(name, x.name, out.name, multiplier, shift, least))


def pool(b: Builder, op: FileOperator, name: str) -> None:
    """AVERAGE_POOL_2D and MAX_POOL_2D, with a fused activation as a table behind."""
    x = b.activation(b.operand(op, 0), name)
    window = pool_window(op, x.shape)
    target = _output(b, op)
    scale, zero_point = b.quantisation(target)
    if abs(scale - x.scale) > 1e-6 or zero_point != x.zero_point:
        raise Unsound("its input and output differ in scale or zero point; needed: the same ones")
    low, high = tables.activation_range(activation_of(op), scale, zero_point)
    x = b.relabelled(x, (scale, zero_point), name)
    shape = (*window.output_size(x.height, x.width), x.channels)
    out = b.define(target, shape)
    clamped = (low, high) != (-128, 127)
    raw = b.extra(out, "unclamped") if clamped else out
    kind = QMaxPool if op.op == "MAX_POOL_2D" else QAvgPool
    b.emit(kind(name, x.name, raw.name, window))
    if clamped:
        b.emit(QTable(f"{name}/clamp", raw.name, out.name, tables.clamp(low, high)))


def mean(b: Builder, op: FileOperator, name: str) -> None:
    """MEAN over height and width."""
    source = b.operand(op, 0)
    x = b.activation(source, name)
    assert source is not None
    rank = len(source.shape)
    axes = sorted({axis + rank if axis < 0 else axis for axis in b.integers(b.operand(op, 1), "list of axes")})
    if rank != 4 or axes != [1, 2]:
        raise Unsupported(f"a mean over axes {axes} of {rank}; nearest: over height and width, axes [1, 2] of 4")
    out = b.define(_output(b, op), (1, 1, x.channels))
    multiplier, shift = arithmetic.mean_multiplier(x.scale, out.scale, x.height * x.width)
    b.emit(QMean(name, x.name, out.name, multiplier, shift))


def add(b: Builder, op: FileOperator, name: str) -> None:
    """ADD of two tensors, or of a tensor and a constant."""
    x, y, constant = _operands(b, op, name)
    out = b.define(_output(b, op), x.shape)
    limits = tables.activation_range(activation_of(op), out.scale, out.zero_point)
    other = y if y is not None else constant
    assert other is not None
    twice = 2 * max(x.scale, other.scale)
    if twice >= 2**20 * out.scale:
        raise Unsound(f"output scale {out.scale:g} is too small for inputs of {x.scale:g} and {other.scale:g}")
    if y is not None:
        b.emit(QAdd(name, x.name, y.name, out.name, *limits))
        return
    assert constant is not None
    rows = [
        tables.add_constant(
            (x.scale, x.zero_point), (constant.scale, constant.zero_point, int(q)), (out.scale, out.zero_point), limits
        )
        for q in constant.q
    ]
    _emit_tables(b, name, x, out, rows)


def mul(b: Builder, op: FileOperator, name: str) -> None:
    """MUL of two tensors, of a tensor and one value per channel, or of a tensor and a constant."""
    x, y, constant = _operands(b, op, name)
    out = b.define(_output(b, op), x.shape)
    limits = tables.activation_range(activation_of(op), out.scale, out.zero_point)
    other = y if y is not None else constant
    assert other is not None
    multiplier, shift = tables.mul_multiplier(x.scale, other.scale, out.scale)
    if y is not None:
        b.emit(QMul(name, x.name, y.name, out.name, multiplier, shift, *limits))
        return
    assert constant is not None
    factors = constant.q.astype(np.int64) - constant.zero_point
    if len(factors) > 1 and np.abs(factors).max() <= 127 and shift >= 0:
        b.emit(scale_channels(name, x, out, factors.astype(np.int8), multiplier, shift, limits))
        return
    zero_points = (x.zero_point, out.zero_point)
    _emit_tables(
        b, name, x, out, [tables.multiply_constant(int(f), multiplier, shift, zero_points, limits) for f in factors]
    )


class Constant:
    """A constant operand: one int8 value, or one per channel."""

    def __init__(self, q: np.ndarray, scale: float, zero_point: int) -> None:
        self.q, self.scale, self.zero_point = q, scale, zero_point


def _operands(b: Builder, op: FileOperator, name: str) -> tuple[QTensor, QTensor | None, Constant | None]:
    """The greater operand, and the other one as a tensor or a constant."""
    first, second = b.operand(op, 0), b.operand(op, 1)
    if first is None or second is None:
        raise Unsound("an operand is missing")
    if first.constant:
        first, second = second, first
    x = b.activation(first, name)
    if second.constant:
        values = b.constant(second, ("INT8",), "constant operand")
        if values.size != 1 and (values.size != x.channels or second.shape[-1] != x.channels):
            raise Unsupported(
                f"a constant operand of shape {list(second.shape)}; nearest: one value, or one for each of {x.channels} channels"
            )
        return x, None, Constant(values.ravel(), *b.quantisation(second))
    y = b.activation(second, name)
    if op.op == "MUL" and x.shape == (1, 1, y.channels) and y.shape != x.shape:
        x, y = y, x
    if y.shape != x.shape and (op.op != "MUL" or y.shape != (1, 1, x.channels)):
        nearest = "equal shapes" + (", or one value per channel (1 x 1 x channels)" if op.op == "MUL" else "")
        raise Unsupported(f"operands of shapes {x.shape} and {y.shape}; nearest: {nearest}")
    return x, y, None


def _emit_tables(b: Builder, name: str, x: QTensor, out: QTensor, rows: list[np.ndarray]) -> None:
    if all(np.array_equal(row, rows[0]) for row in rows[1:]):
        b.emit(QTable(name, x.name, out.name, rows[0]))
    else:
        b.emit(QChannelTable(name, x.name, out.name, np.stack(rows)))


def pad(b: Builder, op: FileOperator, name: str) -> None:
    """PAD and PADV2."""
    source, target = b.operand(op, 0), _output(b, op)
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
    target = _output(b, op)
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
        _slice(b, f"{name}/{position}", source, _output(b, op, position), begin, [1] * rank, extent)
        start += size


def strided_slice(b: Builder, op: FileOperator, name: str) -> None:
    """STRIDED_SLICE with constant bounds."""
    source = b.operand(op, 0)
    if source is None:
        raise Unsound("its input is missing")
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
    _slice(b, name, source, _output(b, op), begin, step, extent)


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
    value, target = b.value(b.operand(op, 0)), _output(b, op)
    b.quantisation(target)
    b.alias(target, value)


def transpose(b: Builder, op: FileOperator, name: str) -> None:
    """TRANSPOSE: remembered as an order; what reads it must find the channels shuffled."""
    value, target = b.value(b.operand(op, 0)), _output(b, op)
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
    target = _output(b, op)
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


HANDLERS: dict[str, Handler] = {
    "ADD": add,
    "AVERAGE_POOL_2D": pool,
    "CONCATENATION": concatenation,
    "CONV_2D": convolution,
    "DEPTHWISE_CONV_2D": depthwise,
    "DEQUANTIZE": dequantize,
    "EXPAND_DIMS": reshape,
    "FULLY_CONNECTED": fully_connected,
    "HARD_SWISH": hard_swish,
    "LEAKY_RELU": leaky_relu,
    "LOGISTIC": of_float(tables.logistic),
    "MAX_POOL_2D": pool,
    "MEAN": mean,
    "MUL": mul,
    "PAD": pad,
    "PADV2": pad,
    "QUANTIZE": quantize,
    "RELU": relu(0, math.inf),
    "RELU6": relu(0, 6),
    "RELU_N1_TO_1": relu(-1, 1),
    "RESHAPE": reshape,
    "RESIZE_NEAREST_NEIGHBOR": resize,
    "SOFTMAX": softmax_of,
    "SPLIT": split,
    "SPLIT_V": split,
    "SQUEEZE": reshape,
    "STRIDED_SLICE": strided_slice,
    "TANH": of_float(tables.tanh),
    "TRANSPOSE": transpose,
}

NEAREST = {
    "ABS": "RELU",
    "BATCH_MATMUL": "CONV_2D or FULLY_CONNECTED with constant weights",
    "DEPTH_TO_SPACE": "RESIZE_NEAREST_NEIGHBOR and CONV_2D",
    "ELU": "RELU, LEAKY_RELU or HARD_SWISH",
    "GATHER": "STRIDED_SLICE or SPLIT",
    "GELU": "HARD_SWISH",
    "MAXIMUM": "RELU",
    "MINIMUM": "RELU6",
    "MIRROR_PAD": "PAD",
    "PACK": "CONCATENATION of channels",
    "PRELU": "LEAKY_RELU",
    "REDUCE_MAX": "MAX_POOL_2D over the whole input",
    "RESIZE_BILINEAR": "RESIZE_NEAREST_NEIGHBOR",
    "SLICE": "STRIDED_SLICE",
    "SUB": "ADD",
    "SUM": "MEAN",
    "TRANSPOSE_CONV": "RESIZE_NEAREST_NEIGHBOR and CONV_2D",
    "UNPACK": "SPLIT",
}
