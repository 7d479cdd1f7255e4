"""Collects the int8 graph while the operators of a file are read one after the other, and everything that is wrong."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hwgen.compiler.frontend.limits import LARGEST_TENSOR
from hwgen.compiler.frontend.tflite.schema import NUMPY_TYPES, File, FileOperator, FileTensor
from hwgen.compiler.graph.names import Names
from hwgen.compiler.int8 import tables
from hwgen.compiler.int8.check import node_problems
from hwgen.compiler.int8.host import QSoftmax
from hwgen.compiler.int8.nodes import QNode, QReshape, QShuffle, QTable, QTensor, Shape
from hwgen.errors import ModelError

LARGEST_SIDE = 1 << 16
LARGEST_TRANSPOSE = 1 << 22
RANGES = {"INT8": (-128, 127), "UINT8": (0, 255)}
FLOAT_REMEDY = (
    "convert it again with full-integer quantisation (converter.optimizations = [tf.lite.Optimize.DEFAULT], a "
    "representative_dataset, target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8])"
)


class Unsupported(Exception):
    """One operator cannot be imported: reason and nearest supported form."""


class Unsound(Unsupported):
    """The file itself is wrong there."""


class Skipped(Unsupported):
    """An operator reads what another one, whose problem is noted, could not write."""


@dataclass(frozen=True)
class Value:
    """What a tensor of the file holds: the elements of a tensor of the graph, perhaps under another shape or order."""

    name: str
    shape: tuple[int, ...]
    order: np.ndarray | None = None  # element i, row-major, is element order[i] of the graph's tensor


def to_frame(shape: Sequence[int]) -> Shape:
    """A shape of any rank as (height, width, channels); Unsupported for more than one frame."""
    sizes = list(shape)
    while len(sizes) > 3 and sizes[0] == 1:
        sizes = sizes[1:]
    if len(sizes) > 3:
        if len(sizes) == 4:
            raise Unsupported(f"a batch of {sizes[0]}; nearest: convert the model with batch size 1")
        raise Unsupported(
            f"shape {list(shape)} has more than 3 dimensions of a frame; nearest: 1 x height x width x channels"
        )
    height, width, channels = [1] * (3 - len(sizes)) + sizes
    return height, width, channels


class Builder:
    """State of an import."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.problems: list[tuple[str, str]] = []  # of a node by its name, or of the model ("")
        self.notes: list[str] = []
        self.tensors: dict[str, QTensor] = {}
        self.nodes: list[QNode | QSoftmax] = []
        self.values: dict[int, Value] = {}
        self.origins: dict[str, int] = {}
        self.broken: set[int] = set()  # tensors that a problem already noted left undefined
        self.entry = ""  # the graph's input
        self._names = Names()
        self._node_names = Names()

    # Tensors of the file.

    def operand(self, operator: FileOperator, position: int) -> FileTensor | None:
        """An input of an operator, or None where an optional one is left out."""
        if position >= len(operator.inputs) or operator.inputs[position] < 0:
            return None
        return self.file.tensors[operator.inputs[position]]

    def output(self, operator: FileOperator, position: int = 0) -> FileTensor:
        """An output of an operator."""
        return self.file.tensors[operator.outputs[position]]

    def constant(self, tensor: FileTensor | None, types: Sequence[str], what: str) -> np.ndarray:
        """The elements of a constant in its own type and shape."""
        if tensor is None:
            raise Unsupported(f"its {what} is missing")
        if tensor.data is None:
            raise Unsupported(
                f"no constant {what.removeprefix('constant ')}, but values computed at run time; nearest: a constant"
            )
        if tensor.type not in types:
            raise Unsupported(f"its {what} of type {tensor.type}; nearest: {' or '.join(types)}")
        if tensor.sparse:
            raise Unsupported(f"its {what} is stored sparse; nearest: dense")
        kind = np.dtype(NUMPY_TYPES[tensor.type])
        if min(tensor.shape, default=1) < 1 or math.prod(tensor.shape) * kind.itemsize != len(tensor.data):
            raise Unsound(
                f"its {what} of shape {list(tensor.shape)} has {len(tensor.data)} bytes of data; the file is damaged"
            )
        return np.frombuffer(tensor.data.tobytes(), kind.newbyteorder("<")).astype(kind).reshape(tensor.shape)

    def integers(self, tensor: FileTensor | None, what: str) -> list[int]:
        """A small constant list of integers."""
        values = self.constant(tensor, ("INT32", "INT64"), what).ravel()
        if values.size > 16:
            raise Unsound(f"its {what} has {values.size} elements; the file is damaged")
        return [int(value) for value in values]

    def quantisation(self, tensor: FileTensor) -> tuple[float, int]:
        """Scale and zero point of a tensor with one of each, a uint8 tensor's zero point less 128."""
        label = f"tensor '{tensor.name}'"
        if tensor.type not in RANGES:
            raise Unsupported(f"{label} has type {tensor.type}; nearest: int8 ({FLOAT_REMEDY})")
        if len(tensor.scales) != 1 or len(tensor.zero_points) > 1:
            raise Unsound(
                f"{label} has {len(tensor.scales)} scales and {len(tensor.zero_points)} zero points; needed: one of each"
            )
        scale = float(tensor.scales[0])
        zero_point = int(tensor.zero_points[0]) if len(tensor.zero_points) else 0
        if not math.isfinite(scale) or scale <= 0:
            raise Unsound(f"{label} has scale {scale:g}; needed: a positive number")
        low, high = RANGES[tensor.type]
        if not low <= zero_point <= high:
            raise Unsound(f"{label} has zero point {zero_point}; allowed: {low} .. {high}")
        return scale, zero_point - (128 if tensor.type == "UINT8" else 0)

    # Tensors of the graph.

    def define(self, tensor: FileTensor, shape: Shape | None = None) -> QTensor:
        """The graph's tensor for an activation of the file, made now; `shape` is the one its operator gives."""
        scale, zero_point = self.quantisation(tensor)
        if tensor.variable:
            raise Unsupported(f"tensor '{tensor.name}' keeps its value between frames; nearest: a model without state")
        self.check_shape(tensor)
        if shape is None:
            shape = to_frame(tensor.shape)
        elif [size for size in shape if size > 1] != [size for size in tensor.shape if size > 1]:
            raise Unsound(
                f"its output '{tensor.name}' has shape {list(tensor.shape)}, but its input gives {list(shape)}"
            )
        self._check_unwritten(tensor)
        name = self._names.new(tensor.name or f"tensor_{tensor.index}")
        self.origins[name] = tensor.index
        self.values[tensor.index] = Value(name, tensor.shape)
        return self.register(QTensor(name, shape, scale, zero_point))

    def alias(self, tensor: FileTensor, value: Value) -> None:
        """The file's `tensor` holds what the graph has already: the same number of elements."""
        self.check_shape(tensor)
        self._check_unwritten(tensor)
        if math.prod(tensor.shape) != math.prod(value.shape):
            raise Unsound(f"its output '{tensor.name}' of shape {list(tensor.shape)} cannot hold {list(value.shape)}")
        self.values[tensor.index] = replace(value, shape=tensor.shape)

    def _check_unwritten(self, tensor: FileTensor) -> None:
        if tensor.index in self.values or tensor.constant:
            raise Unsound(f"its output '{tensor.name}' is already written")

    def check_shape(self, tensor: FileTensor) -> None:
        """Unsupported if a size is open, or none that a frame can have."""
        sizes = tensor.shape
        opened = [i for i, size in enumerate(tensor.signature) if size < 0]
        fixed = len(tensor.signature) == len(sizes) and all(i == 0 and sizes[0] == 1 for i in opened)
        if (opened and not fixed) or min(sizes, default=1) < 0:
            raise Unsupported(
                f"tensor '{tensor.name}' has a dynamic shape {list(tensor.signature or sizes)}; "
                "nearest: fix every size when converting"
            )
        if min(sizes, default=1) < 1 or max(sizes, default=1) > LARGEST_SIDE or math.prod(sizes) > LARGEST_TENSOR:
            raise Unsound(
                f"tensor '{tensor.name}' has shape {list(sizes)}; allowed: sizes of 1 to {LARGEST_SIDE:,}, "
                f"{LARGEST_TENSOR:,} elements in all"
            )

    def register(self, tensor: QTensor) -> QTensor:
        """Add a tensor to the graph."""
        self.tensors[tensor.name] = tensor
        return tensor

    def extra(self, like: QTensor, suffix: str, shape: Shape | None = None) -> QTensor:
        """A tensor that the file does not have."""
        return self.register(replace(like, name=self._names.new(f"{like.name}/{suffix}"), shape=shape or like.shape))

    def emit(self, node: QNode | QSoftmax) -> None:
        """Append a node, under a name of its own, noting what is wrong with it."""
        node = replace(node, name=self._node_names.new(node.name))
        self.problems += [(node.name, text) for text in node_problems(node, self.tensors)]
        self.nodes.append(node)

    # Values.

    def value(self, tensor: FileTensor | None) -> Value:
        """What an activation holds."""
        if tensor is None:
            raise Unsupported("an input is missing")
        if tensor.index in self.broken:
            raise Skipped
        if tensor.index not in self.values:
            if tensor.constant:
                raise Unsupported(f"input '{tensor.name}' is a constant; nearest: compute the result beforehand")
            raise Unsound(f"input '{tensor.name}' is written by no operator before it; the file is damaged")
        return self.values[tensor.index]

    def activation(self, tensor: FileTensor | None, node: str) -> QTensor:
        """An activation as a tensor of the graph in the file's shape and order; moves the elements if need be."""
        value = self.value(tensor)
        assert tensor is not None
        base, shape = self.tensors[value.name], to_frame(value.shape)
        if value.order is not None:
            base = self._shuffled(base, value, shape, node)
        elif base.shape != shape:
            out = self.extra(base, "reshaped", shape)
            self.emit(QReshape(f"{node}/reshape", base.name, out.name, shape))
            base = out
        base = self.relabelled(base, self.quantisation(tensor), node)
        self.values[tensor.index] = Value(base.name, value.shape)
        return base

    def flat(self, tensor: FileTensor | None) -> QTensor | None:
        """The graph's tensor whose elements in order are the activation's; None if they are in another order."""
        value = self.value(tensor)
        base = self.tensors[value.name]
        same = tensor is not None and (base.scale, base.zero_point) == self.quantisation(tensor)
        return base if value.order is None and same else None

    def relabelled(self, tensor: QTensor, quantisation: tuple[float, int], node: str) -> QTensor:
        """The same bytes with another scale or zero point, where a kernel copies bytes without regard to them."""
        if (tensor.scale, tensor.zero_point) == quantisation:
            return tensor
        scale, zero_point = quantisation
        out = self.extra(replace(tensor, scale=scale, zero_point=zero_point), "relabelled")
        self.emit(QTable(f"{node}/relabel", tensor.name, out.name, tables.identity()))
        return out

    def _shuffled(self, base: QTensor, value: Value, shape: Shape, node: str) -> QTensor:
        assert value.order is not None
        pixels = value.order.reshape(-1, base.channels)
        order = pixels[0]
        start = np.arange(len(pixels), dtype=pixels.dtype)[:, None] * base.channels
        if shape == base.shape and np.array_equal(pixels, start + order):
            groups = int(np.flatnonzero(order == 1)[0]) if base.channels > 1 else 1
            # order[i * g + j] = j * (C / g) + i: element 1 stands at i = 1, j = 0.
            if groups >= 1 and base.channels % groups == 0:
                expected = np.arange(base.channels).reshape(groups, -1).T.ravel()
                if np.array_equal(order, expected):
                    if groups in (1, base.channels):
                        return base
                    out = self.extra(base, "shuffled")
                    self.emit(QShuffle(f"{node}/shuffle", base.name, out.name, groups))
                    return out
        raise Unsupported(
            "its input is transposed in a way that is no channel shuffle; nearest: RESHAPE to groups x channels, TRANSPOSE of "
            "these two, RESHAPE back"
        )


Handler = Callable[[Builder, FileOperator, str], None]
"""Turns one operator into nodes; the last argument is what to call them."""


def error_text(error: Unsupported | ModelError) -> str:
    """The reason, on one line."""
    return " ".join(str(error).split())
