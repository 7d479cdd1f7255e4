"""Builds the float graph while the nodes of a model are read one after the other."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hwgen.compiler.frontend.limits import LARGEST_WEIGHTS
from hwgen.compiler.frontend.onnx import views
from hwgen.compiler.frontend.onnx.model import Folded, Node, printable
from hwgen.compiler.frontend.onnx.problems import Unknown, Unsound, Unsupported
from hwgen.compiler.frontend.onnx.scalar import Function, forms_of
from hwgen.compiler.frontend.onnx.views import Size
from hwgen.compiler.graph import graph as float_graph
from hwgen.compiler.graph.ops import Value as Attribute
from hwgen.errors import ModelError

MOST_FUNCTIONS = 256
"""Of one value, composed to be recognised."""

MOST_MOVED = 1 << 26
"""Elements in the orders of all moved tensors."""


@dataclass(frozen=True, eq=False)
class Step:
    """A function of every element, written by one node.

    Attributes:
        node: that writes it.
        function: on arrays of any shape.
        operands: of a node that joins two values of the same tensor, to fall back on.
        cost: functions that it evaluates.
    """

    node: Node
    function: Function
    operands: tuple["Value", "Value"] | None = None
    cost: int = 1


@dataclass(frozen=True, eq=False)
class Value:
    """What an ONNX tensor holds.

    Attributes:
        tensor: of the float graph.
        shape: of the ONNX tensor.
        order: which elements of `tensor` (see `views`); None: all, channels first.
        steps: functions not yet in the graph, in the order of execution; they and the order commute.
    """

    tensor: str
    shape: tuple[int, ...]
    order: np.ndarray | None = None
    steps: tuple[Step, ...] = ()


class Builder:
    """State of an import.

    Parameters:
        folded: the model.

    Attributes:
        arrays: the float graph's parameters.
        writers: the file's node for each node of the float graph.
        sources: for each of them the file's tensor that it comes from, and the axis of the output channels there.
    """

    def __init__(self, folded: Folded) -> None:
        self.folded = folded
        self.graph = float_graph.Builder(re.sub(r"[^\w.]+", "_", folded.name.removesuffix(".onnx")) or "model")
        self.arrays: dict[str, np.ndarray] = {}
        self.sources: dict[str, tuple[str, int]] = {}
        self.writers: dict[str, Node] = {}
        self.values: dict[str, Value] = {}
        self.node = folded.nodes[0] if folded.nodes else Node("", "", (), (), {})
        self._moved: dict[tuple[object, ...], str] = {}
        self._last_order: np.ndarray | None = None
        self._moved_elements = self._kept_elements = 0
        self._numbers: dict[str, int] = {}
        self._computed: dict[tuple[object, ...], str] = {}

    @cached_property
    def readers(self) -> dict[str, list[Node]]:
        """The readers of every tensor of the file."""
        return self.folded.readers

    # What a node reads.

    def value(self, node: Node, position: int = 0) -> Value:
        """An input that is computed from the model's input."""
        if position >= len(node.inputs) or not (tensor := node.inputs[position]):
            raise Unsound(f"its input {position + 1} is missing")
        if tensor in self.folded.constants:
            raise Unsupported(f"its input {position + 1} is a constant", "an input computed from the model's input")
        if tensor not in self.values:
            raise Unknown
        return self.values[tensor]

    def constant(self, node: Node, position: int, what: str) -> np.ndarray | None:
        """A constant input, None where an optional one is left out."""
        if position >= len(node.inputs) or not node.inputs[position]:
            return None
        if node.inputs[position] not in self.folded.constants:
            if node.inputs[position] not in self.values:
                raise Unknown  # a constant that could not be computed: the node that should have is named
            raise Unsupported(f"no constant {what}, but values computed at run time", "a constant")
        return self.folded.constants[node.inputs[position]]

    def numbers(self, node: Node, position: int, what: str) -> np.ndarray:
        """A constant input of finite real numbers, as float32."""
        array = self.constant(node, position, what)
        if array is None:
            raise Unsound(f"its {what} is missing")
        return finite(array, what)

    def scalar(self, node: Node, position: int, name: str, default: float) -> float:
        """A number that is an input in new operator sets and an attribute in old ones."""
        array = self.constant(node, position, name)
        number = node.attributes.get(name, default) if array is None else single(array, name)
        return float(number)

    def integers(self, node: Node, position: int, name: str) -> list[int] | None:
        """A list of integers that is an input in new operator sets and an attribute in old ones; None if left out."""
        array = self.constant(node, position, name)
        found = node.attributes.get(name) if array is None else array.ravel().tolist()
        if found is None:
            return None
        return [int(number) for number in (found if isinstance(found, list) else [found])]

    # What it writes.

    def shape(self, node: Node, position: int = 0) -> tuple[int, ...]:
        """The shape of an output."""
        shape = self.folded.shapes.get(node.outputs[position])
        if shape is None:
            raise Unsupported("the shape of its output depends on computed values", "a shape that is fixed")
        return shape

    def single_frame(self, *axes: int) -> None:
        """Raise Unsupported if one of the axes is that of a batch, of which only one frame is taken."""
        if self.folded.batch > 1 and 0 in axes:
            raise Unsupported(
                f"it works across the {self.folded.batch} frames of a batch", "a model exported with batch size 1"
            )

    def axis(self, number: int, rank: int) -> int:
        """An axis, counted from the first; Unsound if there is no such one, Unsupported if it is that of the batch."""
        if not -rank <= number < rank:
            raise Unsound(f"axis {number} of {rank} dimensions")
        self.single_frame(number % rank)
        return number % rank

    def unused(self, node: Node, *positions: int) -> None:
        """Raise Unsupported if an optional output is read."""
        for position in positions:
            tensor = node.outputs[position] if position < len(node.outputs) else ""
            if tensor and (tensor in self.readers or tensor == self.folded.output):
                raise Unsupported(f"its output {position + 1} is used", "its first output only")

    def write(self, node: Node, value: Value, position: int = 0) -> None:
        """Note what an output holds; its shape is the one inferred."""
        if sum(step.cost for step in value.steps) > MOST_FUNCTIONS:
            raise Unsupported(
                f"more than {MOST_FUNCTIONS} functions of the same value behind each other",
                "a layer or a sum between them",
            )
        if value.order is not None and value.order is not self._last_order:
            self._last_order, self._moved_elements = value.order, self._moved_elements + value.order.size
            if self._moved_elements > MOST_MOVED:
                raise Unsupported(
                    f"more than {MOST_MOVED:,} elements are moved in all", "fewer Transpose, Slice and Gather"
                )
        if value.shape != self.shape(node, position):
            raise Unsound(f"its output has the shape {list(value.shape)}, not {list(self.shape(node, position))}")
        self.values[node.outputs[position]] = value

    def define(self, node: Node, tensor: str) -> None:
        """Note that a tensor of the graph is the node's output, channels first."""
        shape = self.shape(node)
        size = self.graph.shapes[tensor]
        same = frame_size(shape) == size if len(shape) in (3, 4) else math.prod(shape) == math.prod(size)
        if not same:
            raise Unsound(
                f"its output has the shape {list(shape)}, height x width x channels {list(size)} were expected"
            )
        self.values[node.outputs[0]] = Value(tensor, shape)

    def stand_in(self, node: Node) -> None:
        """Define what a node with a problem did not write, so that those behind it are looked at too."""
        for tensor in filter(None, node.outputs):
            shape = self.folded.shapes.get(tensor)
            if tensor not in self.values and shape is not None and len(shape) in (2, 3, 4) and shape[0] == 1:
                name = self.fresh("unknown")
                self.graph.shapes[name] = frame_size(shape)
                self.values[tensor] = Value(name, shape)

    # The graph.

    def emit(self, op: str, *inputs: str, **attributes: Attribute) -> str:
        """A node of the graph named after the ONNX node at work."""
        name = self.fresh(op)
        self.writers[name] = self.node
        try:
            return self.graph.add(name, op, *inputs, **attributes)
        except ModelError as error:
            raise Unsound(str(error).partition(": ")[2] or str(error)) from None

    def move(self, op: str, *inputs: str, **attributes: Attribute) -> str:
        """As `emit`; the same node again where it exists."""
        key = (op, inputs, tuple(sorted(attributes.items())))
        if key not in self._moved:
            self._moved[key] = self.emit(op, *inputs, **attributes)
        return self._moved[key]

    def fresh(self, op: str) -> str:
        """An unused name of a tensor."""
        plain = re.sub(r"[^\w.]+", "_", self.node.name).strip("_.") or op
        name, count = plain, self._numbers.get(plain, 1)
        while name in self.graph.shapes:
            count += 1
            name = f"{plain}.{count}"
        self._numbers[plain] = count
        return name

    def size(self, tensor: str) -> Size:
        """Height, width and channels of a tensor of the graph."""
        height, width, channels = self.graph.shapes[tensor]
        return height, width, channels

    def keep(self, name: str, array: np.ndarray, source: str = "", axis: int = 0) -> str:
        """Store a parameter, perhaps from a tensor of the file whose output channels stand along `axis`; returns its name."""
        self._kept_elements += array.size
        if self._kept_elements > LARGEST_WEIGHTS:
            raise Unsupported(
                f"{self._kept_elements:,} weights up to there",
                f"at most {LARGEST_WEIGHTS:,}, which fill a board's memory",
            )
        self.arrays[name] = np.ascontiguousarray(array, dtype=np.float32)
        self.sources[name] = (source, axis)
        return name

    def settled(self, value: Value) -> str:
        """The tensor with the value's functions computed, without its order."""
        tensor, steps = value.tensor, value.steps
        while steps:
            tensor, steps = self._computed_first(tensor, steps)
        return tensor

    def _computed_first(self, tensor: str, steps: tuple[Step, ...]) -> tuple[str, tuple[Step, ...]]:
        """The tensor behind the longest run of the first steps that is a function of the graph, and the steps that are left."""
        for count in range(len(steps), 0, -1):
            made = self._function(tensor, steps[:count])
            if made is not None:
                return made, steps[count:]
        return self._joined(steps[0]), steps[1:]

    def _function(self, tensor: str, steps: tuple[Step, ...]) -> str | None:
        """The steps as nodes of the graph, the same ones again where they exist; None if the graph has no such function."""
        key = (tensor, *steps)
        if key not in self._computed:
            forms = forms_of(composed(steps))
            if forms is None:
                return None
            for op, attributes in forms:
                tensor = self.emit(op, tensor, **attributes)
                self.writers[tensor] = steps[-1].node
            self._computed[key] = tensor
        return self._computed[key]

    def _joined(self, step: Step) -> str:
        """A step that is no function the graph has: a sum or product of its two operands, or unsupported."""
        if step.operands is None or step.node.op not in ("Add", "Sum", "Mul"):
            functions = "Relu, Clip, LeakyRelu, HardSigmoid, HardSwish, Sigmoid, Swish, Tanh, a factor and an offset"
            raise FunctionUnsupported(step.node, f"as it stands it is no function of the machine; nearest: {functions}")
        left, right = (self.settled(operand) for operand in step.operands)
        return self.emit("mul" if step.node.op == "Mul" else "add", left, right)

    def frame(self, value: Value) -> str:
        """The value as a tensor of height x width x channels: N x C x H x W, N x C x L or N x C with N = 1."""
        return self.arranged(value, frame_size(value.shape), value.order)

    def arranged(self, value: Value, size: Size, order: np.ndarray | None) -> str:
        """The value's elements in another order, functions computed."""
        tensor = self.settled(value)
        return views.arrange(tensor, self.size(tensor), order, size, self.move)

    def order(self, value: Value) -> np.ndarray:
        """The value's order in the shape of the ONNX tensor."""
        order = views.sequence(self.size(value.tensor)) if value.order is None else value.order
        return order.reshape(value.shape)

    def channels_of(self, value: Value, axes: Sequence[int]) -> tuple[str, np.ndarray]:
        """The value as a tensor whose channels are what runs along `axes`, its pixels the rest.

        Also the order in which a result of that tensor's size has the value's shape.
        """
        others = [axis for axis in range(len(value.shape)) if axis not in axes]
        turned = self.order(value).transpose([*axes, *others])
        channels = math.prod(value.shape[axis] for axis in axes)
        pixels = turned.size // channels
        height, width, _ = self.size(value.tensor)
        size = (height, width, channels) if height * width == pixels else (1, pixels, channels)
        tensor = self.arranged(value, size, turned.reshape(-1))
        back = np.arange(turned.size, dtype=np.int32).reshape(turned.shape).transpose(np.argsort([*axes, *others]))
        return tensor, back.ravel()


class FunctionUnsupported(Exception):
    """A function found unsupported when it is needed, maybe at a later node than the one that wrote it."""

    def __init__(self, node: Node, reason: str) -> None:
        super().__init__(reason)
        self.node = node


def composed(steps: Sequence[Step]) -> Function:
    """The functions one after the other."""

    def function(x: np.ndarray) -> np.ndarray:
        for step in steps:
            x = step.function(x)
        return x

    return function


def frame_size(shape: Sequence[int]) -> Size:
    """Height, width and channels of an ONNX tensor of one frame; Unsupported for any other."""
    if len(shape) not in (2, 3, 4):
        raise Unsupported(f"a tensor of {len(shape)} dimensions", "1 x channels x height x width")
    if shape[0] != 1:
        raise Unsupported(f"a batch of {shape[0]}", "a batch of 1")
    spatial = [1, 1, *shape[2:]][-2:]
    return spatial[0], spatial[1], shape[1]


def finite(array: np.ndarray, what: str) -> np.ndarray:
    """Real numbers as float32; Unsound if some are none."""
    if array.dtype.kind not in "fiu" or not array.size:
        raise Unsound(f"its {what} has elements of type {array.dtype}; needed: real numbers")
    with np.errstate(all="ignore"):
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise Unsound(f"its {what} has elements that are not finite numbers")
    return array


def single(array: np.ndarray, what: str) -> float:
    """The one element of a constant."""
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise Unsound(f"its {what} is no single number")
    return float(array.ravel()[0])


def label(tensor: str) -> str:
    """A tensor's name in a message."""
    return f"'{printable(tensor)}'"
