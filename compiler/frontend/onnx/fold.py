"""The nodes that remain of a model at a fixed input shape once everything constant is computed.

Shapes come from onnx's own inference, node by node, with the constants known so far; constants from its reference
evaluator. So the chains of Shape, Gather, Mul, Div, Concat that exporters write around a Reshape vanish here.
"""

import math
from collections.abc import Container, Sequence
from typing import Any

import numpy as np
from onnx import (
    ModelProto,
    NodeProto,
    TensorProto,
    TypeProto,
    checker,
    defs,
    helper,
    numpy_helper,
    shape_inference,
)

from hwgen.compiler.frontend.limits import LARGEST_TENSOR, LARGEST_WEIGHTS
from hwgen.compiler.frontend.onnx.evaluator import evaluated
from hwgen.compiler.frontend.onnx.model import (
    LARGEST_RANK,
    Dequantised,
    Folded,
    Node,
    array_of,
    attributes_of,
    printable,
)
from hwgen.compiler.frontend.onnx.pool_shapes import pool_shape
from hwgen.compiler.frontend.onnx.problems import Problems
from hwgen.compiler.frontend.onnx.reader import DOMAINS, first_line, opset_of
from hwgen.errors import ModelError

LARGEST_CONSTANTS = LARGEST_WEIGHTS  # elements of all computed ones together
DAMAGE = (
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    defs.SchemaError,
    shape_inference.InferenceError,
    checker.ValidationError,
)
"""What the shape inference raises for nodes that contradict themselves."""
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)
_FOLDED = """Abs Add And Cast CastLike Ceil Clip Concat Constant ConstantOfShape DequantizeLinear Div Equal Erf Exp Expand Flatten
    Floor Gather GatherElements GatherND Greater GreaterOrEqual Identity Less LessOrEqual Log Max Mean Min Mod Mul Neg
    Not Or Pad Pow QuantizeLinear Range Reciprocal ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Relu Reshape
    Round Sigmoid Sign Slice Split Sqrt Squeeze Sub Sum Tanh Tile Transpose Unsqueeze Where"""
FOLDED = frozenset(_FOLDED.split())
"""Operators of which the reference evaluator may compute constants: none of them is slow."""


def fold(
    model: ModelProto, name: str, resolution: int | None, problems: Problems, known: Container[str] = FOLDED
) -> Folded:
    """The model at its input's shape: batch 1, height and width `resolution` if given.

    `known` are the operators that the importer has; others are left to it to list, whatever their shapes.  What cannot be
    computed or has no shape is noted in `problems`; such nodes stay, without the shapes of what they write.

    Raises:
        ModelError: the model has not one input and one output, its input's shape is open, or a constant is damaged.
    """
    source, target = _interface(model, name)
    folded = Folded(name, opset_of(model), source.name, target)
    folded.shapes[source.name] = _input_shape(source, name, resolution, folded.notes)
    folded.batch = _batch(source, model.graph.output[0], name)
    folded.changed = list(folded.shapes[source.name]) != [dim.dim_value for dim in source.type.tensor_type.shape.dim]
    folded.types[source.name] = source.type.tensor_type.elem_type
    folded.opsets, folded.ir_version = list(model.opset_import), model.ir_version
    nodes = _needed(model, target)
    wanted = {tensor for node in nodes for tensor in node.input}
    for tensor in model.graph.initializer:
        if tensor.name in wanted:
            folded.constants[tensor.name] = array_of(tensor, name)
    state = _State(model, folded, problems, known)
    for node in nodes:
        state.take(node)
    if target in folded.constants:
        raise ModelError(f"{name}: the output {printable(target)!r} does not depend on the input")
    return folded


def _interface(model: ModelProto, name: str) -> tuple[Any, str]:
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if model.graph.sparse_initializer:
        raise ModelError(f"{name}: its weights are stored sparse; needed: dense ones")
    for what, values in (("input", inputs), ("output", list(model.graph.output))):
        if len(values) != 1:
            names = ", ".join(f"{printable(value.name)!r}" for value in values[:8])
            raise ModelError(f"{name}: {len(values)} {what}s ({names}); a model needs exactly one {what}")
    if not inputs[0].type.HasField("tensor_type"):
        raise ModelError(f"{name}: its input {printable(inputs[0].name)!r} is no tensor")
    return inputs[0], model.graph.output[0].name


def _input_shape(source: Any, name: str, resolution: int | None, notes: list[str]) -> tuple[int, ...]:
    label = f"{name}: input {printable(source.name)!r}"
    if not source.type.tensor_type.HasField("shape"):
        raise ModelError(f"{label} has no shape; export the model with a fixed one, such as 1 x 3 x 224 x 224")
    shape = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in source.type.tensor_type.shape.dim]
    names = [str(size) if size else printable(dim.dim_param) or "?" for size, dim in
             zip(shape, source.type.tensor_type.shape.dim, strict=True)]  # fmt: skip
    text = " x ".join(names)
    if len(shape) > LARGEST_RANK or min(shape, default=0) < 0:
        raise ModelError(f"{label} has the shape {text}; needed: batch x channels x height x width")
    if len(shape) == 4 and shape[0] != 1:
        notes.append(f"batch {names[0]} of the input is taken as 1: the machine computes frame by frame")
        shape[0] = 1
    elif shape and shape[0] == 0:
        notes.append(f"dimension {names[0]} of the input is taken as 1")
        shape[0] = 1
    if resolution is not None:
        if len(shape) != 4:
            raise ModelError(f"{label} has the shape {text} and no height and width; leave out resolution")
        at = (1, 2) if shape[3] in (1, 3) and shape[1] not in (1, 3) else (2, 3)
        if (shape[at[0]], shape[at[1]]) not in ((0, 0), (resolution, resolution)):
            notes.append(
                f"the input's {names[at[0]]} x {names[at[1]]} pixels are replaced by {resolution} x {resolution}, the resolution asked for"
            )
        shape[at[0]] = shape[at[1]] = resolution
    if not all(shape):
        remedy = "give a resolution, or " if len(shape) == 4 and shape[1] and not (shape[2] and shape[3]) else ""
        raise ModelError(f"{label} has the open shape {text}; {remedy}export the model with a fixed shape")
    if math.prod(shape) > LARGEST_TENSOR:
        raise ModelError(f"{label} has {math.prod(shape):,} elements; at most {LARGEST_TENSOR:,} are possible")
    return tuple(shape)


def _batch(source: Any, target: Any, name: str) -> int:
    """The frames of an input that `_input_shape` took as one; ModelError if the output has not as many."""
    dims = source.type.tensor_type.shape.dim
    frames = int(dims[0].dim_value) if len(dims) == 4 else 1
    found = target.type.tensor_type.shape.dim
    if frames > 1 and found and found[0].HasField("dim_value") and found[0].dim_value != frames:
        raise ModelError(
            f"{name}: a batch of {frames} frames gives an output that is not one for each frame; export the model with batch size 1"
        )
    return max(frames, 1)


def _needed(model: ModelProto, target: str) -> list[NodeProto]:
    """The nodes that lead to the output, in order."""
    needed, nodes = {target}, []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            nodes.append(node)
            needed.update(tensor for tensor in node.input if tensor)
    return nodes[::-1]


class _State:
    """What is known while the nodes are taken one after the other."""

    def __init__(self, model: ModelProto, folded: Folded, problems: Problems, known: Container[str]) -> None:
        self.folded = folded
        self.known = known
        self.problems = problems
        self.opsets = list(model.opset_import)
        self.versions = {"" if entry.domain in DOMAINS else entry.domain: entry.version for entry in self.opsets}
        self.ir_version = model.ir_version
        self.protos: dict[str, TensorProto] = {}
        self.spent = 0

    def take(self, node: NodeProto) -> None:
        folded = self.folded
        domain = "" if node.domain in DOMAINS else node.domain
        inputs = tuple(node.input)
        made = Node(
            printable(node.op_type if not domain else f"{domain}.{node.op_type}"),
            printable(node.name or next(iter(node.output), "?")),
            inputs,
            tuple(node.output),
            attributes_of(node, folded.name),
            node,
        )
        if made.op == "Shape" and inputs[0] in folded.shapes:
            self._shape(made)
        elif made.op == "Size" and inputs[0] in folded.shapes:
            self._keep(made, [np.array(math.prod(folded.shapes[inputs[0]]), dtype=np.int64)])
        elif made.op == "DequantizeLinear" and all(not tensor or tensor in folded.constants for tensor in inputs):
            self._dequantise(made)
        elif all(not tensor or tensor in folded.constants for tensor in inputs):
            self._compute(node, made)
        else:
            folded.nodes.append(made)
            self._infer(node, made, domain)

    def _shape(self, node: Node) -> None:
        shape = self.folded.shapes[node.inputs[0]]
        start, end = node.attributes.get("start", 0), node.attributes.get("end", len(shape))
        self._keep(node, [np.array(shape[start:end], dtype=np.int64)])

    def _compute(self, node: NodeProto, made: Node) -> None:
        """A node of constants."""
        if made.op not in FOLDED:
            self.problems.unsupported(made, "it computes on constants only", "its result as a constant")
            return
        try:
            size = self._size(node, made)
            self.spent += size
            if self.spent > LARGEST_CONSTANTS:
                self.problems.unsound(
                    made,
                    f"its constant result has {size:,} elements, all up to it {self.spent:,}; at most {LARGEST_CONSTANTS:,} are possible",
                )
                return
            results = evaluated(node, self.folded.constants, self.opsets, self.ir_version)
        except ModelError:
            raise
        except Exception as error:  # the evaluator raises whatever NumPy does
            self.problems.unsound(made, f"its constant result cannot be computed ({first_line(error)})")
            return
        if any(not isinstance(result, np.ndarray | np.generic) for result in results):
            self.problems.unsupported(made, "its result is no tensor", "a tensor")
            return
        self._keep(made, [np.asarray(result) for result in results])

    def _dequantise(self, node: Node) -> None:
        """A constant stored as integers; per axis in any operator set."""
        integers, scales = (self.folded.constants[tensor] for tensor in node.inputs[:2])
        zero_points = (
            self.folded.constants[node.inputs[2]] if len(node.inputs) > 2 and node.inputs[2] else np.zeros(1, np.int32)
        )
        axis = int(node.attributes.get("axis", 1))
        axis += integers.ndim if axis < 0 else 0
        if block := node.attributes.get("block_size", 0):
            self.problems.unsupported(
                node,
                f"a scale for every {block} elements along axis {axis}",
                "one scale for a tensor, or one for each output channel",
            )
            return
        if integers.dtype.kind not in "iu":
            self.problems.unsupported(node, f"it reads constants of {integers.dtype}", "int8 or uint8")
            return
        lengths = {1, integers.shape[axis]} if 0 <= axis < integers.ndim else {1}
        usable = scales.dtype.kind == "f" and np.isfinite(scales).all() and (scales > 0).all()
        if (
            not usable
            or scales.size not in lengths
            or zero_points.size not in (1, scales.size)
            or zero_points.dtype.kind not in "iu"
        ):
            self.problems.unsound(node, f"its scale of shape {list(scales.shape)} does not suit {list(integers.shape)}")
            return
        found = Dequantised(integers, scales.astype(np.float32).ravel(), zero_points.ravel(), axis)
        self.folded.dequantised[node.outputs[0]] = found
        self._keep(node, [found.real.astype(scales.dtype)])

    def _size(self, node: NodeProto, made: Node) -> int:
        """Elements of what a node of constants will write."""
        constants = self.folded.constants
        if made.op == "Constant":
            return sum(int(np.size(value)) for value in made.attributes.values())
        if made.op == "Range":
            start, limit, delta = (float(constants[tensor].ravel()[0]) for tensor in made.inputs[:3])
            return max(0, math.ceil((limit - start) / delta)) if delta and math.isfinite(limit - start) else 1 << 62
        total = 0
        for tensor, kind in self._inferred(node, "").items():
            shape = _static(kind)
            if shape is None:
                raise ValueError(f"the shape of {printable(tensor)!r} is not known")
            total += math.prod(shape)
        return total

    def _keep(self, node: Node, values: Sequence[np.ndarray]) -> None:
        for tensor, value in zip([name for name in node.outputs if name], values, strict=False):
            self.folded.constants[tensor] = np.asarray(value)

    def _infer(self, node: NodeProto, made: Node, domain: str) -> None:
        """Note the shapes of what a node writes, where they can be known."""
        folded = self.folded
        if any(tensor and tensor not in folded.constants and tensor not in folded.shapes for tensor in made.inputs):
            return  # reads what an earlier problem left unknown
        if not defs.has(node.op_type, domain):
            return  # the importer knows it, or lists it
        try:
            types = self._inferred(node, domain)
        except DAMAGE as error:
            self._contradiction(made, first_line(error))
            return
        for tensor in filter(None, made.outputs):
            shape = _static(types[tensor]) if tensor in types else None
            if shape is None:
                continue
            shape = pool_shape(made, folded.shapes.get(made.inputs[0], ()), shape)
            if math.prod(shape) > LARGEST_TENSOR or len(shape) > LARGEST_RANK or min(shape, default=1) < 1:
                self.problems.unsound(made, f"it would write a tensor of shape {list(shape)}")
                return
            folded.shapes[tensor] = shape
            folded.types[tensor] = types[tensor].tensor_type.elem_type

    def _contradiction(self, node: Node, reason: str) -> None:
        folded = self.folded
        if folded.changed:
            shape = list(folded.shapes[folded.input])
            self.problems.unsupported(
                node,
                f"its shapes do not fit together at an input of {shape} ({reason})",
                "a model exported for this input shape",
            )
        elif node.op in self.known:
            # Of the operator, which onnx checks with its shapes.
            rules = any(word in reason for word in ("attribute", "schema", "type"))
            what = (
                f"it is not as operator set {folded.opset} defines it" if rules else "its shapes contradict each other"
            )
            self.problems.unsound(node, f"{what} ({reason})")

    def _inferred(self, node: NodeProto, domain: str) -> dict[str, TypeProto]:
        folded = self.folded
        schema = defs.get_schema(node.op_type, self.versions.get(domain, 1), domain)
        types, data = {}, {}
        for tensor in filter(None, node.input):
            if tensor in folded.constants:
                data[tensor] = self._proto(tensor)
                types[tensor] = helper.make_tensor_type_proto(data[tensor].data_type, list(data[tensor].dims))
            else:
                types[tensor] = helper.make_tensor_type_proto(folded.types[tensor], list(folded.shapes[tensor]))
        found: dict[str, TypeProto] = shape_inference.infer_node_outputs(
            schema, node, types, data, opset_imports=self.opsets, ir_version=self.ir_version
        )
        return found

    def _proto(self, tensor: str) -> TensorProto:
        """A constant for the shape inference, which looks at the elements of small ones."""
        if tensor not in self.protos:
            self.protos[tensor] = numpy_helper.from_array(np.array(self.folded.constants[tensor], order="C"), tensor)
        return self.protos[tensor]


def _static(kind: TypeProto) -> tuple[int, ...] | None:
    """The shape of a tensor's type where all of it is known."""
    if not kind.HasField("tensor_type") or not kind.tensor_type.HasField("shape"):
        return None
    dims = kind.tensor_type.shape.dim
    return tuple(dim.dim_value for dim in dims) if all(dim.HasField("dim_value") for dim in dims) else None
