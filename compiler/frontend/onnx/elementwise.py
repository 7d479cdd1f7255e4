"""Functions of single elements, sums and products."""

import math
from collections.abc import Callable

import numpy as np

from hwgen.compiler.frontend.onnx.builder import Builder, Step, Value, finite, frame_size
from hwgen.compiler.frontend.onnx.layers import by_channel
from hwgen.compiler.frontend.onnx.model import Node
from hwgen.compiler.frontend.onnx.problems import Unsound, Unsupported
from hwgen.compiler.frontend.onnx.scalar import LIMIT, Function

Make = Callable[[Builder, Node], Function]


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def _clip(b: Builder, node: Node) -> Function:
    low, high = b.scalar(node, 1, "min", -LIMIT), b.scalar(node, 2, "max", LIMIT)
    return lambda x: np.minimum(np.maximum(x, low), high)


def _leaky(b: Builder, node: Node) -> Function:
    slope = float(node.attributes.get("alpha", 0.01))
    return lambda x: np.where(x < 0, slope * x, x)


def _slope(b: Builder, node: Node) -> Function:
    slopes = b.numbers(node, 1, "slope").ravel()
    if (slopes != slopes[0]).any():
        raise Unsupported("a slope of its own for each channel", "one slope for all channels")
    slope = float(slopes[0])
    return lambda x: np.where(x < 0, slope * x, x)


def _hard_sigmoid(b: Builder, node: Node) -> Function:
    alpha, beta = float(node.attributes.get("alpha", 0.2)), float(node.attributes.get("beta", 0.5))
    return lambda x: np.clip(alpha * x + beta, 0, 1)


def _swish(b: Builder, node: Node) -> Function:
    alpha = float(node.attributes.get("alpha", 1.0))
    return lambda x: x * sigmoid(alpha * x)


def _plain(function: Function) -> Make:
    return lambda b, node: function


UNARY: dict[str, Make] = {
    "Relu": _plain(lambda x: np.maximum(x, 0)),
    "Sigmoid": _plain(sigmoid),
    "Tanh": _plain(np.tanh),
    "HardSwish": _plain(lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    "HardSigmoid": _hard_sigmoid,
    "Swish": _swish,
    "LeakyRelu": _leaky,
    "PRelu": _slope,
    "Clip": _clip,
    "Neg": _plain(np.negative),
    "Abs": _plain(np.abs),
    "Exp": _plain(np.exp),
    "Sqrt": _plain(np.sqrt),
    "Reciprocal": _plain(lambda x: 1 / x),
    "Softplus": _plain(lambda x: np.logaddexp(x, 0)),
}
BINARY: dict[str, Callable[..., np.ndarray]] = {
    "Add": np.add,
    "Sum": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Min": np.minimum,
    "Max": np.maximum,
    "Pow": np.power,
}


def function(b: Builder, node: Node) -> None:
    """A function of one element."""
    x = b.value(node)
    _apply(b, node, x, Step(node, UNARY[node.op](b, node)))


def _apply(b: Builder, node: Node, x: Value, step: Step) -> None:
    shape = b.shape(node)
    if math.prod(shape) != math.prod(x.shape):
        raise Unsupported(f"it makes {list(shape)} of {list(x.shape)}", "operands of the same shape, or one a channel")
    b.write(node, Value(x.tensor, shape, x.order, (*x.steps, step)))


def arithmetic(b: Builder, node: Node) -> None:
    """A sum, difference, product ... of two or more operands, constants among them."""
    operands = [b.folded.constants.get(tensor) for tensor in node.inputs]
    values = [b.value(node, position) if constant is None else constant for position, constant in enumerate(operands)]
    if len(values) > 2 and node.op not in ("Sum", "Min", "Max"):
        raise Unsound(f"it has {len(values)} operands")
    if node.attributes.get("broadcast", 0) and isinstance(values[1], np.ndarray):
        values[1] = _aligned(values[1], node, values[0])
    total = values[0]
    for position, value in enumerate(values[1:], start=1):
        total = _joined(b, node, total, value, last=position == len(values) - 1)
    assert isinstance(total, Value)
    b.write(node, Value(total.tensor, b.shape(node), total.order, total.steps))


def _aligned(constant: np.ndarray, node: Node, other: Value | np.ndarray) -> np.ndarray:
    """The operand of an operator set before 7, which is laid beside the other's axes from `axis` on."""
    axis, rank = int(node.attributes.get("axis", 0)), len(other.shape)
    if "axis" not in node.attributes or axis + constant.ndim > rank:
        return constant
    return constant.reshape(*constant.shape, *[1] * (rank - axis - constant.ndim))


def _joined(
    b: Builder, node: Node, left: Value | np.ndarray, right: Value | np.ndarray, *, last: bool
) -> Value | np.ndarray:
    binary = BINARY[node.op]
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return np.asarray(binary(finite(left, "constant operand"), finite(right, "constant operand")))
    shape = b.shape(node) if last else np.broadcast_shapes(left.shape, right.shape)
    if isinstance(left, Value) and isinstance(right, Value):
        return _tensors(b, node, left, right, shape)
    x, constant = (left, right) if isinstance(left, Value) else (right, left)
    assert isinstance(x, Value) and isinstance(constant, np.ndarray)
    constant, swapped = finite(constant, "constant operand").astype(np.float64), x is right
    if math.prod(shape) != math.prod(x.shape) or not _spreads(constant.shape, shape):
        raise Unsupported(
            f"a constant of shape {list(constant.shape)} for {list(x.shape)}", "one value, or one for each channel"
        )
    if constant.size == 1 or (constant == constant.flat[0]).all():
        number = np.float64(constant.flat[0])
        step = Step(node, (lambda t: binary(number, t)) if swapped else (lambda t: binary(t, number)))
        return Value(x.tensor, shape, x.order, (*x.steps, step))
    return _for_each_channel(b, node, x, np.broadcast_to(constant, shape), swapped)


def _spreads(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether a constant of `shape` repeats to `target`."""
    pairs = zip(shape[::-1], target[::-1], strict=False)
    return len(shape) <= len(target) and all(size in (1, wanted) for size, wanted in pairs)


def _for_each_channel(b: Builder, node: Node, x: Value, constant: np.ndarray, swapped: bool) -> Value:
    """A sum or product with one constant for each channel."""
    tensor = b.settled(x)
    height, width, channels = b.size(tensor)
    order = b.order(x).ravel()
    if len(np.unique(order)) != height * width * channels:  # a part of the tensor
        tensor, order = b.frame(x), np.arange(order.size, dtype=np.int32)
        height, width, channels = b.size(tensor)
    numbers = np.empty(order.size)
    numbers[order] = constant.ravel()
    planes = numbers.reshape(channels, height * width)
    if (planes != planes[:, :1]).any():
        raise Unsupported("a constant of its own for each pixel", "one value, or one for each channel")
    vector, ones = planes[:, 0], np.ones(channels)
    factor, offset = {
        "Add": (ones, vector),
        "Sum": (ones, vector),
        "Sub": (-ones, vector) if swapped else (ones, -vector),
        "Mul": (vector, 0 * ones),
        "Div": (1 / np.where(vector == 0, np.nan, vector), 0 * ones),
    }.get(node.op, (None, None))
    if factor is None or offset is None or (node.op == "Div" and swapped):
        raise Unsupported("a constant for each channel", "Add, Sub, Mul and Div of it, or one value for all channels")
    if not np.isfinite(factor).all():
        raise Unsound("it divides by zero")
    kept = None if np.array_equal(order, np.arange(order.size)) else order
    return Value(by_channel(b, tensor, factor, offset), tuple(constant.shape), kept)


def _tensors(b: Builder, node: Node, left: Value, right: Value, shape: tuple[int, ...]) -> Value:
    """Two computed operands."""
    same_order = left.order is right.order or (
        left.order is not None and right.order is not None and np.array_equal(left.order, right.order)
    )
    same_size = math.prod(left.shape) == math.prod(right.shape) == math.prod(shape)
    if left.tensor == right.tensor and same_order and same_size and shape in (left.shape, right.shape):
        return _same_source(node, left, right, shape)
    if node.op not in ("Add", "Sum", "Sub", "Mul"):
        raise Unsupported(f"{node.op} of two computed tensors", "Add, Sub or Mul")
    if node.op == "Sub":
        minus = Step(node, np.negative)
        right = Value(right.tensor, right.shape, right.order, (*right.steps, minus))
    op = "mul" if node.op == "Mul" else "add"
    if left.shape == right.shape and same_order:
        tensors = b.settled(left), b.settled(right)
        if b.size(tensors[0]) == b.size(tensors[1]):
            return Value(b.emit(op, *tensors), shape, left.order)
    for big, small in ((left, right), (right, left)):
        if big.shape != shape:
            continue
        spread = Value(small.tensor, (1,) * (len(shape) - len(small.shape)) + small.shape, small.order, small.steps)
        if frame_size(spread.shape) in (frame_size(shape), (1, 1, frame_size(shape)[2])):
            return Value(b.emit(op, b.frame(big), b.frame(spread)), shape)
    raise Unsupported(
        f"operands of the shapes {list(left.shape)} and {list(right.shape)}",
        "the same shape, or one value for each channel",
    )


def _same_source(node: Node, left: Value, right: Value, shape: tuple[int, ...]) -> Value:
    """Two functions of the same elements are one function of them."""
    binary, common = BINARY[node.op], 0
    while common < min(len(left.steps), len(right.steps)) and left.steps[common] is right.steps[common]:
        common += 1
    ends = left.steps[common:], right.steps[common:]

    def joined(x: np.ndarray) -> np.ndarray:
        first, second = x, x
        for step in ends[0]:
            first = step.function(first)
        for step in ends[1]:
            second = step.function(second)
        return binary(first, second)

    cost = 1 + sum(step.cost for end in ends for step in end)
    return Value(left.tensor, shape, left.order, (*left.steps[:common], Step(node, joined, (left, right), cost)))
