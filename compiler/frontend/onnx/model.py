"""A model as the importer reads it: nodes, shapes and constants, at a fixed input shape."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import AttributeProto, NodeProto, OperatorSetIdProto, TensorProto, helper, numpy_helper

from hwgen.compiler.frontend.limits import LARGEST_WEIGHTS
from hwgen.compiler.frontend.onnx.reader import first_line
from hwgen.errors import ModelError

LARGEST_RANK = 8


@dataclass(frozen=True, eq=False)
class Node:
    """A node that computes on the model's input.

    Attributes:
        op: type; of other than the standard operators with its domain and a dot.
        name: of the node, or of what it writes where it has none.
        inputs, outputs: names of tensors; empty for optional ones that are left out.
        attributes: by name; Python numbers, strings, lists, arrays.
        proto: as it stands in the file; None for one that does not.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    proto: NodeProto | None = None


@dataclass(frozen=True, eq=False)
class Dequantised:
    """The integers behind a constant that DequantizeLinear gives.

    Attributes:
        integers: of the file's type.
        scales, zero_points: one, or one for each element along `axis`.
        axis: counted from the first.
    """

    integers: np.ndarray
    scales: np.ndarray
    zero_points: np.ndarray
    axis: int

    @property
    def real(self) -> np.ndarray:
        """What they stand for, float32."""
        spread = [1] * self.integers.ndim
        if self.scales.size > 1:
            spread[self.axis] = self.scales.size
        zero_points = self.zero_points.astype(np.int64)
        zero_points = zero_points.reshape(spread if zero_points.size > 1 else ())
        difference = self.integers.astype(np.int64) - zero_points
        with np.errstate(over="ignore"):  # what is not finite is refused by what uses it
            return difference.astype(np.float32) * self.scales.reshape(spread if self.scales.size > 1 else ())


@dataclass(eq=False)
class Folded:
    """A model at a fixed input shape.

    Attributes:
        name: of the file.
        opset: version of the standard operators.
        input, output: names of tensors.
        nodes: in the order of execution; all of them lead to the output.
        shapes: of all tensors that are not constant and whose shape is known.
        types: their element types (`TensorProto.DataType`).
        constants: by name.
        dequantised: of those that DequantizeLinear gives, what they are made of.
        notes: what was odd but harmless.
        batch: frames of the model's own input, of which one is taken; 1 where their number is open.
        changed: whether the input's shape is another than that in the file.
        opsets, ir_version: of the file: its operator sets, and its format.
    """

    name: str
    opset: int
    input: str
    output: str
    batch: int = 1
    changed: bool = False
    nodes: list[Node] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    dequantised: dict[str, Dequantised] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    opsets: list[OperatorSetIdProto] = field(default_factory=list)
    ir_version: int = 0

    @property
    def readers(self) -> dict[str, list[Node]]:
        """The readers of every tensor."""
        readers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for tensor in dict.fromkeys(node.inputs):
                readers.setdefault(tensor, []).append(node)
        return readers


def printable(text: str) -> str:
    """A name from a file, fit for one line of a message."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:80]


def type_name(kind: int | None) -> str:
    """An element type (`TensorProto.DataType`) in words: int16, float8e4m3fn ..."""
    names = {number: name.lower() for name, number in TensorProto.DataType.items()}
    return names.get(0 if kind is None else kind, "an unknown type")


def array_of(tensor: TensorProto, name: str) -> np.ndarray:
    """A constant's elements; ModelError for damaged ones."""
    if len(tensor.dims) > LARGEST_RANK or min(tensor.dims, default=0) < 0 or math.prod(tensor.dims) > LARGEST_WEIGHTS:
        raise ModelError(f"{name}: tensor {printable(tensor.name)!r} has an impossible shape; the file is damaged")
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, OverflowError, NotImplementedError, AttributeError) as error:
        raise ModelError(
            f"{name}: tensor {printable(tensor.name)!r} cannot be read ({first_line(error)}); the file is damaged"
        ) from None


def attributes_of(node: NodeProto, name: str) -> dict[str, Any]:
    """A node's attributes as Python values; tensors as arrays, graphs left out."""
    values: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.type == AttributeProto.TENSOR:
            values[attribute.name] = array_of(attribute.t, name)
        elif attribute.type in (AttributeProto.STRING, AttributeProto.STRINGS):
            value = helper.get_attribute_value(attribute)
            texts = [part.decode(errors="replace") for part in ([value] if isinstance(value, bytes) else value)]
            values[attribute.name] = texts[0] if attribute.type == AttributeProto.STRING else texts
        elif attribute.type in (AttributeProto.INT, AttributeProto.FLOAT):
            values[attribute.name] = helper.get_attribute_value(attribute)
        elif attribute.type in (AttributeProto.INTS, AttributeProto.FLOATS):
            values[attribute.name] = list(helper.get_attribute_value(attribute))
    return values
