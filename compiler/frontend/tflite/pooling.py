"""AVERAGE_POOL_2D, MAX_POOL_2D and MEAN."""

import numpy as np

from hwgen.compiler.frontend.tflite.builder import Builder, Unsound, Unsupported
from hwgen.compiler.frontend.tflite.geometry import activation_of, pool_window
from hwgen.compiler.frontend.tflite.schema import FileOperator
from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8 import arithmetic, tables
from hwgen.compiler.int8.nodes import QAvgPool, QConv, QMaxPool, QMean, QTable, QTensor


def pool(b: Builder, op: FileOperator, name: str) -> None:
    """AVERAGE_POOL_2D and MAX_POOL_2D, with a fused activation as a table behind."""
    x = b.activation(b.operand(op, 0), name)
    window = pool_window(op, x.shape)
    target = b.output(op)
    scale, zero_point = b.quantisation(target)
    if abs(scale - x.scale) > 1e-6 or zero_point != x.zero_point:
        raise Unsound("its input and output differ in scale or zero point; needed: the same ones")
    low, high = tables.activation_range(activation_of(op), scale, zero_point)
    x = b.relabelled(x, (scale, zero_point), name)
    shape = (*window.output_size(x.height, x.width), x.channels)
    out = b.define(target, shape)
    clamped = (low, high) != (-128, 127)
    raw = b.extra(out, "unclamped") if clamped else out
    if op.op == "MAX_POOL_2D":
        b.emit(QMaxPool(name, x.name, raw.name, window))
    else:
        b.emit(_average(name, x, raw, window, halves_up=target.type == "UINT8"))
    if clamped:
        b.emit(QTable(f"{name}/clamp", raw.name, out.name, tables.clamp(low, high)))


def _average(name: str, x: QTensor, out: QTensor, window: Window, *, halves_up: bool) -> QAvgPool | QMean | QConv:
    """An average pool; uint8 kernels round halves up, because they see no negative sum (equation 12)."""
    counts = {rows * columns for rows in _valid(window, x, 0) for columns in _valid(window, x, 1)}
    if not halves_up or all(count % 2 for count in counts):
        return QAvgPool(name, x.name, out.name, window)
    if len(counts) > 1:
        raise Unsupported(
            "a uint8 average with padding, which rounds halves up where the machine rounds them away from zero; nearest: "
            "padding VALID, or int8"
        )
    (count,) = counts
    if window.kernel == x.shape[:2] and count & (count - 1) == 0:  # 1 / count is exact, and so are the halves
        return QMean(name, x.name, out.name, (1 << 31) // count, 0, count, x.zero_point, out.zero_point)
    channels = x.channels
    return QConv(
        name=name,
        input=x.name,
        output=out.name,
        weights=np.full((channels, *window.kernel, 1), 2, np.int8),
        bias=np.ones(channels, np.int32),
        multiplier=np.full(channels, arithmetic.half_up_multiplier(count), np.int64),
        shift=np.zeros(channels, np.int64),
        window=window,
        groups=channels,
        input_zero_point=x.zero_point,
        output_zero_point=out.zero_point,
        act_min=arithmetic.INT8_MIN,
        act_max=arithmetic.INT8_MAX,
    )


def _valid(window: Window, x: QTensor, axis: int) -> set[int]:
    """How many elements of the input lie in the windows along an axis."""
    size, kernel, stride, before = x.shape[axis], window.kernel[axis], window.stride[axis], window.padding[2 * axis]
    starts = range(-before, window.output_size(x.height, x.width)[axis] * stride - before, stride)
    return {min(start + kernel, size) - max(start, 0) for start in starts}


def mean(b: Builder, op: FileOperator, name: str) -> None:
    """MEAN over height and width."""
    source = b.operand(op, 0)
    x = b.activation(source, name)
    assert source is not None
    rank = len(source.shape)
    axes = sorted({axis + rank if axis < 0 else axis for axis in b.integers(b.operand(op, 1), "list of axes")})
    if rank != 4 or axes != [1, 2]:
        raise Unsupported(f"a mean over axes {axes} of {rank}; nearest: over height and width, axes [1, 2] of 4")
    out = b.define(b.output(op), (1, 1, x.channels))
    multiplier, shift = arithmetic.mean_multiplier(x.scale, out.scale, x.height * x.width)
    b.emit(QMean(name, x.name, out.name, multiplier, shift, x.height * x.width, x.zero_point, out.zero_point))
