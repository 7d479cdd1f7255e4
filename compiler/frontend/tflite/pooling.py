"""AVERAGE_POOL_2D, MAX_POOL_2D and MEAN."""

from hwgen.compiler.frontend.tflite.builder import Builder, Unsound, Unsupported
from hwgen.compiler.frontend.tflite.geometry import activation_of, pool_window
from hwgen.compiler.frontend.tflite.schema import FileOperator
from hwgen.compiler.int8 import arithmetic, tables
from hwgen.compiler.int8.nodes import QAvgPool, QMaxPool, QMean, QTable


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
    out = b.define(b.output(op), (1, 1, x.channels))
    multiplier, shift = arithmetic.mean_multiplier(x.scale, out.scale, x.height * x.width)
    b.emit(QMean(name, x.name, out.name, multiplier, shift, x.height * x.width, x.zero_point, out.zero_point))
