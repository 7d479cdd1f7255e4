"""From a quantised ONNX model to the int8 graph, with the file's own scales, zero points, weights and biases.

The model is imported as a float one whose QuantizeLinear nodes leave a mark in the float graph (an `affine` that changes
nothing). Then every operation between two marks becomes one node of the int8 graph. docs/arithmetic.md says which schemes
map so; everything else is refused, all of it in one error.
"""

import math
from collections.abc import Sequence

import numpy as np

from hwgen.compiler.frontend.onnx.builder import Builder, Value
from hwgen.compiler.frontend.onnx.marks import TYPES, Marks
from hwgen.compiler.frontend.onnx.model import Node
from hwgen.compiler.frontend.onnx.problems import Problems, Unsupported
from hwgen.compiler.graph.evaluate import elementwise
from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.graph.graph import Node as GraphNode
from hwgen.compiler.int8 import arithmetic, softmax
from hwgen.compiler.int8.check import node_problems
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.host import Host, QSoftmax
from hwgen.compiler.int8.nodes import (
    QAdd,
    QAvgPool,
    QConcat,
    QConv,
    QMaxPool,
    QMean,
    QMul,
    QNode,
    QPad,
    QReshape,
    QShuffle,
    QSlice,
    QTable,
    QTensor,
    Shape,
)
from hwgen.compiler.int8.tables import mul_multiplier
from hwgen.compiler.quantise.scales import Affine
from hwgen.errors import ModelError

CLAMPS = {"relu": (0.0, math.inf), "relu6": (0.0, 6.0)}
CLAMPED = ("conv2d", "fully_connected", "add", "mul")
SAME_SCALE = 1e-6  # relative: products of float32 numbers
SOFTMAX = Affine(1 / 256, -128)


class Former:
    """Makes the int8 graph.

    Parameters:
        graph: float, not simplified, with marks.
        builder: of its nodes; has their parameters, and where they come from.
        marks: where it is quantised.
        problems: collects what has no int8 form.
    """

    def __init__(self, graph: Graph, builder: Builder, marks: Marks, problems: Problems) -> None:
        self.graph, self.folded, self.writers = graph, builder.folded, builder.writers
        self.arrays, self.sources = builder.arrays, builder.sources
        self.marks, self.problems = marks, problems
        self.uses, self.by_name = graph.uses, graph.by_name
        self.tensors: dict[str, QTensor] = {}  # of the int8 graph
        self.made: dict[str, QTensor] = {}  # by tensor of the float graph
        self.nodes: list[QNode] = []
        self.host: list[QSoftmax] = []
        self.done: set[str] = set()
        self.entry = ""

    def run(self) -> None:
        """Every node; problems are noted."""
        for node in self.graph.nodes:
            if node.name in self.done or node.name in self.made:
                continue
            if any(name not in self.made for name in node.inputs) and not self._entering(node):
                continue  # reads what an earlier problem left unknown
            before = len(self.nodes)
            try:
                self._form(node)
                for made in self.nodes[before:]:
                    for text in node_problems(made, self.tensors):
                        self.problems.add(self._as_onnx(node), text)
            except Unsupported as error:
                self.problems.missing_operation = True
                self.problems.add(self._as_onnx(node), str(error))
            except ModelError as error:
                self.problems.add(self._as_onnx(node), str(error))
        for reader, tensor, affine in self.marks.expected:
            if tensor in self.made and not _same(self._affine(self.made[tensor]), affine):
                self.problems.unsupported(
                    reader,
                    "it reads integers with another scale or zero point than they were written with",
                    "the same ones",
                )

    def _as_onnx(self, node: GraphNode) -> Node:
        return self.writers.get(node.name) or Node(node.op, node.name, (), (), {})

    def _entering(self, node: GraphNode) -> bool:
        """Whether it is the mark that quantises a float input."""
        return node.name in self.marks.scales and node.inputs == (self.graph.input.name,)

    def _affine(self, tensor: QTensor) -> Affine:
        return Affine(tensor.scale, tensor.zero_point)

    def _define(self, node: GraphNode, affine: Affine, *aliases: str) -> QTensor:
        """The int8 tensor that a node of the float graph, and those of `aliases`, stand for."""
        tensor = QTensor(node.name, _map_shape(node), affine.scale, affine.zero_point)
        self.tensors[tensor.name] = tensor
        for name in (node.name, *aliases):
            self.made[name] = tensor
        return tensor

    def _mark_behind(self, node: GraphNode) -> str | None:
        """The only reader of a node's output, if it is a mark."""
        readers = self.uses[node.name]
        single = len(readers) == 1 and node.name != self.graph.output
        return readers[0].name if single and readers[0].name in self.marks.scales else None

    def _quantised_behind(self, node: GraphNode) -> str:
        mark = self._mark_behind(node)
        if mark is None:
            writer = self.writers.get(node.name)
            if writer is not None and any(self.writers.get(reader.name) is writer for reader in self.uses[node.name]):
                raise Unsupported(
                    "no int8 form keeps the file's quantisation", "the float model, which hwgen quantises"
                )
            raise Unsupported("its result is not quantised", "QuantizeLinear and DequantizeLinear behind it, one pair")
        self.done.add(mark)
        return mark

    def _form(self, node: GraphNode) -> None:
        if node.op == "input":
            if node.name in self.marks.scales:
                self.entry = self._define(node, self.marks.scales[node.name]).name
            elif any(reader.name not in self.marks.scales for reader in self.uses[node.name]):
                raise Unsupported("the input is not quantised", "QuantizeLinear right behind the input")
            return
        if self._entering(node):
            if self.entry:
                raise Unsupported("the input is quantised in two ways", "one scale for the input")
            self.entry = self._define(node, self.marks.scales[node.name]).name
            return
        if node.name in self.marks.scales:
            self.made[node.name] = self._converted(self.made[node.inputs[0]], self.marks.scales[node.name], node.name)
            return
        inputs = [self.made[name] for name in node.inputs]
        if elementwise(node) is not None:
            self._function(node, inputs[0])
        elif node.op in ("conv2d", "fully_connected", "add", "mul"):
            self._computed(node, inputs)
        else:
            self._moved(node, inputs)

    def _converted(self, x: QTensor, affine: Affine, name: str) -> QTensor:
        """The same values with another scale and zero point."""
        if _same(self._affine(x), affine):
            return x
        out = QTensor(name, x.shape, affine.scale, affine.zero_point)
        self.tensors[name] = out
        self.nodes.append(QTable(name, x.name, name, _table([], x, affine)))
        return out

    def _function(self, node: GraphNode, x: QTensor) -> None:
        """One or more functions up to the next mark: a table, exactly as the file's operators compute it."""
        chain = [node]
        while self._mark_behind(chain[-1]) is None:
            readers = self.uses[chain[-1].name]
            if len(readers) != 1 or elementwise(readers[0]) is None or chain[-1].name == self.graph.output:
                break
            chain.append(readers[0])
        mark = self._quantised_behind(chain[-1])
        self.done.update(part.name for part in chain)
        out = self._define(self.by_name[mark], self.marks.scales[mark])
        self.nodes.append(QTable(node.name, x.name, out.name, _table(chain, x, self._affine(out))))

    def _computed(self, node: GraphNode, inputs: list[QTensor]) -> None:
        """Convolution, sum or product, with the clamp behind it."""
        readers, last, limits = self.uses[node.name], node, (-math.inf, math.inf)
        if len(readers) == 1 and node.name != self.graph.output and readers[0].op in ("relu", "relu6", "clip"):
            last = readers[0]
            limits = CLAMPS[last.op] if last.op in CLAMPS else (last.real("low"), last.real("high"))
        mark = self._quantised_behind(last)
        self.done.add(last.name)
        out = self._define(self.by_name[mark], self.marks.scales[mark])
        low, high = _clamp(limits, self._affine(out))
        match node.op:
            case "add":
                if 2 * max(tensor.scale for tensor in inputs) >= 2**20 * out.scale:
                    raise Unsupported(f"a sum with the scale {out.scale:g}", "2^-19 of its operands' scale at least")
                self.nodes.append(QAdd(node.name, inputs[0].name, inputs[1].name, out.name, low, high))
            case "mul":
                factor = mul_multiplier(inputs[0].scale, inputs[1].scale, out.scale)
                self.nodes.append(QMul(node.name, inputs[0].name, inputs[1].name, out.name, *factor, low, high))
            case _:
                self.nodes.append(self._layer(node, inputs[0], out, (low, high)))

    def _layer(self, node: GraphNode, x: QTensor, out: QTensor, limits: tuple[int, int]) -> QConv:
        stored = self.arrays[node.text("weight")].astype(np.float64)
        stored = stored.transpose(0, 2, 3, 1) if stored.ndim == 4 else stored[:, None, None, :]
        channels = stored.shape[0]
        scales = self._weight_scales(node, channels)
        steps = stored / scales[:, None, None, None]
        weights = np.rint(steps)
        if np.abs(steps - weights).max() > 1e-3 or weights.min() < -128 or weights.max() > 127:
            raise Unsupported("its weights are no int8 multiples of their scale", "int8 weights, zero point 0, alpha 1")
        multiplier, shift = arithmetic.quantize_multipliers(x.scale * scales / out.scale)
        return QConv(
            name=node.name,
            input=x.name,
            output=out.name,
            weights=weights.astype(np.int8),
            bias=self._bias(node, x.scale * scales),
            multiplier=multiplier,
            shift=shift,
            window=node.window,
            groups=node.integer("groups") if node.op == "conv2d" else 1,
            input_zero_point=x.zero_point,
            output_zero_point=out.zero_point,
            act_min=limits[0],
            act_max=limits[1],
        )

    def _weight_scales(self, node: GraphNode, channels: int) -> np.ndarray:
        source, axis = self.sources[node.text("weight")]
        found = self.folded.dequantised.get(source)
        if found is None:
            raise Unsupported("its weights are not quantised", "int8 weights behind DequantizeLinear")
        if (found.zero_points != (128 if found.integers.dtype == np.uint8 else 0)).any():
            raise Unsupported("its weights have a zero point", "symmetric weights, zero point 0 (uint8: 128)")
        if found.integers.dtype not in (np.int8, np.uint8):
            raise Unsupported(f"weights of type {found.integers.dtype}", "int8")
        if found.scales.size not in (1, channels) or (found.scales.size > 1 and found.axis != axis):
            raise Unsupported(
                f"{found.scales.size} scales along axis {found.axis} of its weights",
                "one, or one for each output channel",
            )
        return np.broadcast_to(found.scales.astype(np.float64).ravel(), (channels,))

    def _bias(self, node: GraphNode, scales: np.ndarray) -> np.ndarray:
        if not node.attributes["bias"]:
            return np.zeros(len(scales), dtype=np.int32)
        found = self.folded.dequantised.get(self.sources[node.text("bias")][0])
        if found is None or found.integers.dtype != np.int32 or found.zero_points.any():
            raise Unsupported(
                "its bias is not quantised", "an int32 bias with the scale of input x weights, zero point 0"
            )
        given = np.broadcast_to(found.scales.astype(np.float64).ravel(), (len(scales),))
        if np.abs(given / scales - 1).max() > SAME_SCALE:
            raise Unsupported("its bias has another scale than input x weights", "an int32 bias with just that scale")
        return np.broadcast_to(found.integers.ravel(), (len(scales),)).astype(np.int32)

    def _moved(self, node: GraphNode, inputs: list[QTensor]) -> None:
        """What moves, selects or averages values."""
        x, name, mark = inputs[0], node.name, self._mark_behind(node)
        if node.op == "softmax":
            self._softmax(node, x, mark)
            return
        affine = self._affine(x)
        if mark is not None and node.op in ("concat", "global_avg_pool"):
            affine = self.marks.scales[mark]
            self.done.add(mark)
        out = self._define(node, affine, *([mark] if mark is not None and mark in self.done else []))
        match node.op:
            case "slice":
                self.nodes.append(QSlice(name, x.name, out.name, node.integer("offset"), node.integer("channels")))
            case "shuffle":
                self.nodes.append(QShuffle(name, x.name, out.name, node.integer("groups")))
            case "reshape":
                self.nodes.append(QReshape(name, x.name, out.name, out.shape))
            case "max_pool":
                self.nodes.append(QMaxPool(name, x.name, out.name, node.window))
            case "avg_pool" if not node.integer("count_pad"):
                if mark is not None and not _same(affine, self.marks.scales[mark]):
                    raise Unsupported("an average of another scale than its input", "the same scale and zero point")
                self.nodes.append(QAvgPool(name, x.name, out.name, node.window))
            case "global_avg_pool":
                count = x.height * x.width
                factor = arithmetic.mean_multiplier(x.scale, out.scale, count)
                self.nodes.append(QMean(name, x.name, out.name, *factor, count, x.zero_point, out.zero_point))
            case "pad" if min(node.sizes("pad")) >= 0:
                top, bottom, left, right = node.sizes("pad")
                value = int(arithmetic.quantise_real(np.array(node.real("value")), out.scale, out.zero_point))
                self.nodes.append(QPad(name, x.name, out.name, (top, left, 0), (bottom, right, 0), value))
            case "concat":
                parts = [self._converted(part, affine, f"{name}/{i}") for i, part in enumerate(inputs)]
                self.nodes.append(QConcat(name, tuple(part.name for part in parts), out.name))
            case _:
                raise Unsupported(
                    "no int8 form keeps the file's quantisation",
                    "the float model, which hwgen quantises",
                )

    def _softmax(self, node: GraphNode, x: QTensor, mark: str | None) -> None:
        """On the host, as the last operation."""
        last = node.name if mark is None else mark
        if last != self.graph.output or (mark is not None and not _same(self.marks.scales[mark], SOFTMAX)):
            raise Unsupported(
                "a softmax in the middle, or of another scale", "as the last operator; scale 1/256 if quantised"
            )
        out = QTensor(node.name, x.shape, SOFTMAX.scale, SOFTMAX.zero_point)
        self.host.append(QSoftmax(node.name, x.name, out.name, *softmax.parameters(1.0, x.scale)))
        self.made[node.name] = out
        if mark is not None:
            self.done.add(mark)
            self.made[mark] = out


def form(
    graph: Graph,
    builder: Builder,
    marks: Marks,
    problems: Problems,
    channels_last: bool,
    output: Value,
) -> tuple[QGraph, dict[str, QTensor]] | None:
    """The int8 graph, and its tensor for each of the float graph's; None if there are problems."""
    folded, former = builder.folded, Former(graph, builder, marks, problems)
    former.run()
    if problems.lines:
        return None
    result = former.made.get(graph.output)
    if result is None:
        raise ModelError(f"{folded.name}: its output is not quantised; needed: QuantizeLinear before the output")
    if output.order is not None:
        raise ModelError(f"{folded.name}: it transposes its output; needed: batch x channels x height x width")
    nodes = _needed(former.nodes, former.host[0].input if former.host else result.name)
    used = {former.entry, *(node.output for node in nodes)}
    network = QGraph(
        name=graph.name,
        tensors={name: tensor for name, tensor in former.tensors.items() if name in used},
        nodes=nodes,
        input=former.entry,
        output=former.host[0].input if former.host else result.name,
        provenance=f"file {folded.name}",
        host=Host(
            input_type=TYPES.get(folded.types[folded.input], "float32"),
            input_shape=folded.shapes[folded.input],
            input_channels_first=not channels_last,
            output_type=TYPES.get(folded.types.get(folded.output, 1), "float32"),
            output_shape=output.shape,
            output_channels_first=True,
            nodes=tuple(former.host),
            tensors=(result,) if former.host else (),
        ),
        notes=tuple(folded.notes),
    )
    try:
        network.verify()
    except ModelError as error:
        raise ModelError(f"{folded.name}: {error}") from None
    return network, former.made


def _needed(nodes: Sequence[QNode], output: str) -> list[QNode]:
    needed, kept = {output}, []
    for node in reversed(nodes):
        if node.output in needed:
            kept.append(node)
            needed.update(node.inputs)
    return kept[::-1]


def _same(left: Affine, right: Affine) -> bool:
    return left.zero_point == right.zero_point and abs(left.scale / right.scale - 1) < SAME_SCALE


def _map_shape(node: GraphNode) -> Shape:
    height, width, channels = node.shape
    return (height, width, channels)


def _clamp(limits: tuple[float, float], affine: Affine) -> tuple[int, int]:
    """Equation 10, for any limits."""
    low, high = (
        limit if math.isinf(limit) else int(np.rint(np.clip(limit / affine.scale, -1e6, 1e6))) + affine.zero_point
        for limit in limits
    )
    return int(min(max(low, -128), 127)), int(max(min(high, 127), -128))


def _table(chain: Sequence[GraphNode], x: QTensor, affine: Affine) -> np.ndarray:
    """int8 -> int8 as DequantizeLinear, the functions, QuantizeLinear compute it: in float32, ties to even."""
    real: np.ndarray = ((np.arange(-128, 128) - x.zero_point) * np.float32(x.scale)).astype(np.float64)
    for node in chain:
        function = elementwise(node)
        assert function is not None
        real = function(real)
    with np.errstate(all="ignore"):
        steps = np.rint(real.astype(np.float32) / np.float32(affine.scale)) + affine.zero_point
    if np.isnan(steps).any():
        raise Unsupported("its values are no numbers in float32", "scales nearer to 1")
    return np.clip(steps, arithmetic.INT8_MIN, arithmetic.INT8_MAX).astype(np.int8)
