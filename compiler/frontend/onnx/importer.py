"""From an ONNX model to the float graph and its weights.

Everything constant is folded first (`fold`); then the nodes that remain are imported one after the other, and everything
that is wrong or unsupported comes in one error.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from onnx import ModelProto

from hwgen.compiler.frontend.limits import LARGEST_TENSOR, MOST_WORK
from hwgen.compiler.frontend.onnx import quantised
from hwgen.compiler.frontend.onnx.builder import Builder, FunctionUnsupported, Value, frame_size
from hwgen.compiler.frontend.onnx.expand import expanded, is_quantised
from hwgen.compiler.frontend.onnx.fold import fold
from hwgen.compiler.frontend.onnx.marks import TYPES, Marks
from hwgen.compiler.frontend.onnx.marks import handlers as mark_handlers
from hwgen.compiler.frontend.onnx.model import Folded, Node
from hwgen.compiler.frontend.onnx.operators import HANDLERS, Handler, nearest
from hwgen.compiler.frontend.onnx.problems import Problems, Unknown, Unsound, Unsupported
from hwgen.compiler.frontend.onnx.reader import decode, read
from hwgen.compiler.frontend.onnx.views import Size
from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.graph.graph import Node as GraphNode
from hwgen.compiler.graph.parameters import Weights
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QTensor
from hwgen.compiler.quantise.calibrate import Layers, float_tensors
from hwgen.compiler.quantise.prepare import prepare
from hwgen.errors import ModelError, UnsupportedOpError

DAMAGE: tuple[type[Exception], ...] = (ArithmeticError, LookupError, TypeError, ValueError)
"""What a node that contradicts itself in a way nobody thought of may raise."""
REALS = (1, 10, 11)  # TensorProto.FLOAT, FLOAT16, DOUBLE


@dataclass(frozen=True, eq=False)
class FloatModel:
    """A float model.

    Attributes:
        graph: of frames height x width x channels.
        weights: its parameters.
        input_shape, output_shape: of the ONNX model, batch 1.
        input_channels_last: whether the input is batch x height x width x channels.
        output_order: the element of the graph's output, channels first, that each output element is; None: all in order.
        notes: what was odd but harmless.
    """

    graph: Graph
    weights: Weights
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    input_channels_last: bool
    output_order: np.ndarray | None
    notes: tuple[str, ...]

    def frame(self, x: np.ndarray) -> np.ndarray:
        """The model's own input of one frame as [height, width, channels]; ModelError for another number of elements."""
        height, width, channels = self.graph.input.shape
        if x.size != height * width * channels:
            raise ModelError(f"input must have the shape {self.input_shape}, not {x.shape}")
        if self.input_channels_last:
            return x.reshape(height, width, channels)
        return x.reshape(channels, height, width).transpose(1, 2, 0)

    def result(self, y: np.ndarray) -> np.ndarray:
        """The graph's output [height, width, channels] in the shape of the model's own."""
        flat = y.transpose(2, 0, 1).ravel()
        return (flat if self.output_order is None else flat[self.output_order]).reshape(self.output_shape)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The model's own output, float64, for its own input of one frame."""
        graph, layers = self._prepared
        values = float_tensors(graph, layers, self.frame(x))
        return self.result(next(value for name, value in values if name == graph.output))

    @cached_property
    def _prepared(self) -> tuple[Graph, Layers]:
        return prepare(self.graph, self.weights.arrays)

    def hosted(self, network: QGraph) -> QGraph:
        """The quantised network with the model's own input and output: float32, in their ONNX shapes.

        Raises:
            UnsupportedOpError: the output's elements stand in an order that the host does not make.
        """
        if self.output_order is not None:
            raise UnsupportedOpError(
                f"{self.graph.name}: the model transposes its output; nearest: batch x channels x height x width as the last layer "
                "writes it"
            )
        network.host = replace(
            network.host,
            input_type="float32",
            input_shape=self.input_shape,
            input_channels_first=not self.input_channels_last,
            output_type="float32",
            output_shape=self.output_shape,
            output_channels_first=True,
        )
        return network


@dataclass(frozen=True, eq=False)
class Imported:
    """A model, and where the tensors of its file are in it.

    Attributes:
        model: what it became.
        graph, arrays: the float graph as it was read, with marks where the file quantises, and its parameters.
        folded: the file's nodes that compute on the input.
        values: by name of the file's tensors.
        made: of a quantised model: the int8 graph's tensor for each of `graph`'s.
    """

    model: FloatModel | QGraph
    graph: Graph
    arrays: dict[str, np.ndarray]
    folded: Folded
    values: dict[str, Value]
    made: dict[str, QTensor]


def load(path: str | Path, resolution: int | None = None) -> FloatModel | QGraph:
    """An ONNX file: the float graph of a float model, the int8 graph of a quantised one.

    `resolution` replaces the height and width of its input.

    Raises:
        ModelError: the file cannot be read, is damaged, or is open in its sizes.
        UnsupportedOpError: it has nodes that cannot be built: all of them, with the nearest supported form.
    """
    return convert(read(path), Path(path).name, resolution)


def parse(data: bytes, name: str, resolution: int | None = None) -> FloatModel | QGraph:
    """As `load`, from the file's content; `name` is that of the file."""
    return convert(decode(data, name), name, resolution)


def load_float(path: str | Path, resolution: int | None = None) -> FloatModel:
    """As `load`, of a float model; ModelError for a quantised one."""
    model = load(path, resolution)
    if isinstance(model, QGraph):
        raise ModelError(f"{path}: the model is quantised already; needed: a float model")
    return model


def convert(model: ModelProto, name: str, resolution: int | None = None) -> FloatModel | QGraph:
    """As `load`, from a model that was read."""
    return imported(model, name, resolution).model


def imported(model: ModelProto, name: str, resolution: int | None = None) -> Imported:
    """As `convert`, with where everything is."""
    problems = Problems()
    if not is_quantised(model):
        return _float_model(fold(model, name, resolution, problems, HANDLERS), problems)
    marks = Marks({}, [])
    known = {**HANDLERS, **mark_handlers(marks)}
    return _int8_graph(fold(expanded(model, name), name, resolution, problems, known), problems, marks, known)


def _float_model(folded: Folded, problems: Problems) -> Imported:
    """The float graph of a folded model, verified; all problems in one error."""
    if folded.types[folded.input] not in REALS:
        raise ModelError(
            f"{folded.name}: its input is no float tensor; needed: a float model, or a quantised one of int8"
        )
    builder, last, (tensor, order) = _built(folded, problems, HANDLERS)
    model = FloatModel(
        graph=_ordered(builder.graph.graph(tensor)),
        weights=Weights(builder.arrays, f"file {folded.name}"),
        input_shape=folded.shapes[folded.input],
        output_shape=builder.values[folded.output].shape,
        input_channels_last=last,
        output_order=order,
        notes=tuple(folded.notes),
    )
    return Imported(model, model.graph, builder.arrays, folded, builder.values, {})


def _int8_graph(folded: Folded, problems: Problems, marks: Marks, known: dict[str, Handler]) -> Imported:
    """The int8 graph of a folded model, verified; all problems in one error."""
    if folded.types[folded.input] not in (*REALS, *TYPES):
        raise ModelError(f"{folded.name}: its input is neither float nor int8 or uint8")
    builder, last, (tensor, order) = _built(folded, problems, known)
    value = Value(tensor, builder.values[folded.output].shape, order)
    graph = _ordered(builder.graph.graph(tensor))
    formed = quantised.form(graph, builder, marks, problems, last, value)
    if formed is None:
        raise problems.error(folded.name)
    network, made = formed
    return Imported(network, graph, builder.arrays, folded, builder.values, made)


def _ordered(graph: Graph) -> Graph:
    """Slices right behind what they read, wherever the file needs them: so both halves are known where a merge begins."""
    slices: dict[str, list[GraphNode]] = {}
    for node in graph.nodes:
        if node.op == "slice":
            slices.setdefault(node.inputs[0], []).append(node)
    nodes: list[GraphNode] = []
    for node in graph.nodes:
        if node.op == "slice":
            continue
        waiting = [node]
        while waiting:
            nodes.append(waiting.pop(0))
            waiting = slices.get(nodes[-1].name, []) + waiting
    return replace(graph, nodes=tuple(nodes))


def _built(
    folded: Folded, problems: Problems, known: dict[str, Handler]
) -> tuple[Builder, bool, tuple[str, np.ndarray | None]]:
    """Everything in the float graph; whether the input's channels stand last; the last tensor and the output's order in it.

    Raises:
        HwgenError: all problems.
    """
    builder = Builder(folded)
    last = _enter(builder)
    for node in folded.nodes:
        builder.node = node
        _guarded(builder, node, problems, known)
    output = None
    if not problems.lines and folded.output in builder.values:
        try:
            output = _leave(builder, builder.values[folded.output])
        except FunctionUnsupported as error:
            problems.missing_operation = True
            problems.add(error.node, str(error))
    if problems.lines:
        raise problems.error(folded.name)
    if output is None:
        raise ModelError(f"{folded.name}: nothing writes the output")
    _check_work(builder, folded.name)
    return builder, last, output


def _check_work(builder: Builder, name: str) -> None:
    """UnsupportedOpError if evaluating the graph once would take too long, or too much memory."""
    shapes, work, elements = builder.graph.shapes, 0, 0
    for node in builder.graph.nodes:
        size, each = math.prod(node.shape), 1
        if node.op in ("conv2d", "fully_connected"):
            each = builder.arrays[node.text("weight")][0].size
        elif node.op in ("max_pool", "avg_pool"):
            each = sum(node.window.kernel) * max(1, math.prod(shapes[node.inputs[0]]) // size)
        work, elements = work + size * each, elements + size
        if work > MOST_WORK or elements > 16 * LARGEST_TENSOR:
            writer = builder.writers.get(node.name)
            label = f"{writer.name} ({writer.op})" if writer else "its input"
            raise UnsupportedOpError(
                f"{name}: {label}: up to there {work:,} multiply-accumulates and {elements:,} elements a frame; at most "
                f"{MOST_WORK:,} and {16 * LARGEST_TENSOR:,} are possible; export it for a smaller input"
            )


def _enter(b: Builder) -> bool:
    """Define the input; whether its channels stand last."""
    folded, name = b.folded, b.folded.input
    shape = folded.shapes[name]
    readers = b.readers.get(name, [])
    last = bool(readers) and len(shape) == 4 and all(
        node.op == "Transpose" and node.attributes.get("perm") == [0, 3, 1, 2] for node in readers
    )  # fmt: skip
    size: Size
    if last:
        size = (shape[1], shape[2], shape[3])
    elif len(shape) in (2, 3, 4) and shape[0] == 1:
        size = frame_size(shape)
    elif len(shape) == 3:
        size = (shape[1], shape[2], shape[0])
    else:
        size = (1, 1, int(np.prod(shape)))
    tensor = b.graph.add("input", "input", shape=size)
    order = None
    if last:
        height, width, channels = size
        planes = np.arange(height * width * channels, dtype=np.int32).reshape(channels, height, width)
        order = planes.transpose(1, 2, 0).ravel()
    b.values[name] = Value(tensor, shape, order)
    return last


def _leave(b: Builder, value: Value) -> tuple[str, np.ndarray | None]:
    """The graph's last tensor, and the order of the model's output in it."""
    if value.order is not None:
        try:
            return b.frame(value), None
        except Unsupported:
            pass
    return b.settled(value), value.order


def _guarded(b: Builder, node: Node, problems: Problems, known: dict[str, Handler]) -> None:
    """Import a node, or note what is wrong with it."""
    if node in problems.nodes:
        b.stand_in(node)
        return
    try:
        if node.op not in known:
            raise Unsupported("not supported", nearest(node.op))
        with np.errstate(all="ignore"):  # what overflows is not finite, and found as such
            known[node.op](b, node)
    except Unknown:
        return
    except FunctionUnsupported as error:
        problems.missing_operation = True
        problems.add(error.node, str(error))
    except Unsupported as error:
        problems.missing_operation = True
        problems.add(node, str(error))
    except Unsound as error:
        problems.add(node, f"{error}; the file is damaged or wrong there")
    except DAMAGE as error:
        problems.add(node, f"it contradicts itself ({' '.join(str(error).split())[:80]}); the file is damaged")
    b.stand_in(node)
