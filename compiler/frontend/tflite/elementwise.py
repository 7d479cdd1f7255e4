"""ADD, MUL, the tables of one value, and the changes of number format."""

import math
from collections.abc import Callable

import numpy as np

from hwgen.compiler.frontend.tflite.builder import Builder, Handler, Unsound, Unsupported, Value
from hwgen.compiler.frontend.tflite.convolutions import scale_channels
from hwgen.compiler.frontend.tflite.geometry import activation_of, option
from hwgen.compiler.frontend.tflite.schema import FileOperator
from hwgen.compiler.int8 import softmax, tables
from hwgen.compiler.int8.host import QSoftmax
from hwgen.compiler.int8.nodes import QAdd, QChannelTable, QMul, QTable, QTensor

SIGMOID = (1 / 256, -128)
"""Scale and zero point of what lies between 0 and 1: results of LOGISTIC and SOFTMAX."""

MOST_CLASSES = (1 << softmax.SUM_BITS) - 1


def _table(
    b: Builder, op: FileOperator, name: str, make: Callable[[tuple[float, int], tuple[float, int]], np.ndarray]
) -> None:
    x = b.activation(b.operand(op, 0), name)
    out = b.define(b.output(op), x.shape)
    b.emit(QTable(name, x.name, out.name, make((x.scale, x.zero_point), (out.scale, out.zero_point))))


def relu(low: float, high: float) -> Handler:
    """RELU and its relatives."""

    def handler(b: Builder, op: FileOperator, name: str) -> None:
        _table(b, op, name, lambda source, target: tables.rectify(source, target, low, high))

    return handler


def logistic(b: Builder, op: FileOperator, name: str) -> None:
    """LOGISTIC, whose output has one scale and zero point only."""
    scale, zero_point = b.quantisation(b.output(op))
    if (scale, zero_point) != SIGMOID:
        raise Unsound(f"its output has scale {scale:g}, zero point {zero_point}; needed: 1/256 and -128 (uint8: 0)")
    _of_float(b, op, name, tables.logistic)


def tanh(b: Builder, op: FileOperator, name: str) -> None:
    """TANH."""
    _of_float(b, op, name, tables.tanh)


def _of_float(b: Builder, op: FileOperator, name: str, function: Callable[..., np.ndarray]) -> None:
    def make(source: tuple[float, int], target: tuple[float, int]) -> np.ndarray:
        if either := tables.uncertain(function, source, target):
            b.notes.append(
                f"{name}: at q = {', '.join(map(str, either))} the exact result is so near the middle of two steps that "
                "interpreters give either, by their C library"
            )
        return tables.of_float(function, source, target)

    _table(b, op, name, make)


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
    source, target = b.operand(op, 0), b.output(op)
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
    target = b.output(op)
    if target.type != "FLOAT32" or target.index not in b.file.outputs:
        raise Unsupported("it leads to float operators; nearest: an int8 model, DEQUANTIZE only of its output")
    x = b.activation(b.operand(op, 0), name)
    b.alias(target, Value(x.name, x.shape))


def softmax_of(b: Builder, op: FileOperator, name: str) -> None:
    """SOFTMAX over the last axis."""
    x = b.activation(b.operand(op, 0), name)
    out = b.define(b.output(op), x.shape)
    if (out.scale, out.zero_point) != SIGMOID:
        raise Unsound(
            f"its output has scale {out.scale:g}, zero point {out.zero_point}; needed: 1/256 and -128 (uint8: 0)"
        )
    if x.channels > MOST_CLASSES:
        raise Unsupported(f"over {x.channels:,} values; at most {MOST_CLASSES:,}, the kernel's sum has 12 integer bits")
    multiplier, shift, least = softmax.parameters(float(option(op, "Beta")), x.scale)
    b.emit(QSoftmax(name, x.name, out.name, multiplier, shift, least))


def add(b: Builder, op: FileOperator, name: str) -> None:
    """ADD of two tensors, of a tensor and one value per channel, or of a tensor and a constant."""
    x, other = _operands(b, op, name)
    out, limits = _result(b, op, x)
    twice = 2 * max(x.scale, other.scale)
    if twice >= 2**20 * out.scale:
        raise Unsound(f"output scale {out.scale:g} is too small for inputs of {x.scale:g} and {other.scale:g}")
    if isinstance(other, QTensor):
        b.emit(QAdd(name, x.name, other.name, out.name, *limits))
        return
    rows = [
        tables.add_constant(
            (x.scale, x.zero_point), (other.scale, other.zero_point, int(q)), (out.scale, out.zero_point), limits
        )
        for q in other.q
    ]
    _emit_tables(b, name, x, out, rows)


def mul(b: Builder, op: FileOperator, name: str) -> None:
    """MUL of two tensors, of a tensor and one value per channel, or of a tensor and a constant."""
    x, other = _operands(b, op, name)
    out, limits = _result(b, op, x)
    multiplier, shift = tables.mul_multiplier(x.scale, other.scale, out.scale)
    if isinstance(other, QTensor):
        b.emit(QMul(name, x.name, other.name, out.name, multiplier, shift, *limits))
        return
    factors = other.q.astype(np.int64) - other.zero_point
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


def _operands(b: Builder, op: FileOperator, name: str) -> tuple[QTensor, QTensor | Constant]:
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
        return x, Constant(values.ravel(), *b.quantisation(second))
    y = b.activation(second, name)
    if x.shape == (1, 1, y.channels) and y.shape != x.shape:
        x, y = y, x
    if y.shape not in (x.shape, (1, 1, x.channels)):
        nearest = "equal shapes, or one value per channel (1 x 1 x channels)"
        raise Unsupported(f"operands of shapes {x.shape} and {y.shape}; nearest: {nearest}")
    return x, y


def _result(b: Builder, op: FileOperator, x: QTensor) -> tuple[QTensor, tuple[int, int]]:
    """The output, of the shape of `x`, and the limits that its activation sets."""
    out = b.define(b.output(op), x.shape)
    return out, tables.activation_range(activation_of(op), out.scale, out.zero_point)


def _emit_tables(b: Builder, name: str, x: QTensor, out: QTensor, rows: list[np.ndarray]) -> None:
    if all(np.array_equal(row, rows[0]) for row in rows[1:]):
        b.emit(QTable(name, x.name, out.name, rows[0]))
    else:
        b.emit(QChannelTable(name, x.name, out.name, np.stack(rows)))
