"""The float graph: typed, immutable, printable.

A graph is a list of nodes in execution order; each node writes one tensor that bears the node's name.  Weights stay
beside the graph as NumPy arrays by name (`hwgen.compiler.frontend.weights`); nodes refer to them by name only.
`hwgen.compiler.graph.text` reads back what `str(graph)` writes:

    graph tiny
    %image : 8x8x3 = input shape=8,8,3
    %stem : 4x4x16 = conv2d(%image) channels=16 kernel=3,3 stride=2,2 pad=1,1,1,1 weight=stem.weight
    %act : 4x4x16 = relu(%stem)
    return %act
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from hwgen.compiler.graph.ops import OPS, REQUIRED, Attributes, Shape, Value, integer, real, sizes, window_of
from hwgen.compiler.graph.window import Window
from hwgen.errors import ModelError, one_line


@dataclass(frozen=True)
class Node:
    """One operation and the tensor it writes."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Attributes
    shape: Shape

    @property
    def window(self) -> Window:
        """The sliding window of a convolution or pool."""
        return window_of(self.attributes)

    def text(self, key: str) -> str:
        """A name-valued attribute."""
        return str(self.attributes[key])

    def integer(self, key: str) -> int:
        """An integer attribute."""
        return integer(self.attributes, key)

    def real(self, key: str) -> float:
        """A real attribute."""
        return real(self.attributes, key)

    def sizes(self, key: str) -> tuple[int, ...]:
        """An attribute of several integers."""
        return sizes(self.attributes, key)

    def changed(self, **attributes: Value) -> "Node":
        """The same node with some attributes set."""
        return replace(self, attributes=MappingProxyType({**self.attributes, **attributes}))

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape))
        arguments = f"({', '.join('%' + name for name in self.inputs)})" if self.inputs else ""
        words = [f"%{self.name} : {shape} = {self.op}{arguments}"]
        for key, (_, default) in OPS[self.op].attributes.items():
            value = self.attributes[key]
            if value != default:
                words.append(f"{key}={','.join(map(str, value)) if isinstance(value, tuple) else value}")
        return " ".join(words)


@dataclass(frozen=True)
class Graph:
    """A network: nodes in execution order, the first of them its input; `output` names the last tensor."""

    name: str
    nodes: tuple[Node, ...]
    output: str

    @property
    def input(self) -> Node:
        return self.nodes[0]

    def __getitem__(self, name: str) -> Node:
        return self.by_name[name]

    @property
    def by_name(self) -> dict[str, Node]:
        """The nodes by name."""
        return {node.name: node for node in self.nodes}

    @property
    def uses(self) -> dict[str, list[Node]]:
        """The consumers of every tensor, in execution order."""
        uses: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in node.inputs:
                uses[name].append(node)
        return uses

    @property
    def dead_after(self) -> dict[str, list[str]]:
        """For every node, the tensors that no later node reads and that are not the output."""
        dead: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for name, readers in self.uses.items():
            if name != self.output:
                dead[readers[-1].name if readers else name].append(name)
        return dead

    def layers(self) -> Iterator[Node]:
        """Convolutions and fully connected layers."""
        return (node for node in self.nodes if node.op in ("conv2d", "fully_connected"))

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one frame in convolutions and fully connected layers."""
        size = self.by_name
        return sum(
            _layer_weights(node, size[node.inputs[0]].shape) * node.shape[0] * node.shape[1] for node in self.layers()
        )

    @property
    def weight_count(self) -> int:
        """Weights of convolutions and fully connected layers, without biases."""
        size = self.by_name
        return sum(_layer_weights(node, size[node.inputs[0]].shape) for node in self.layers())

    def rewritten(self, replacements: Mapping[str, Node], redirect: Mapping[str, str]) -> "Graph":
        """A new graph: nodes of `replacements` replaced by name, uses of `redirect`'s keys moved to its values, dead
        nodes dropped.
        """

        def target(name: str) -> str:
            while name in redirect:
                name = redirect[name]
            return name

        nodes = [replacements.get(node.name, node) for node in self.nodes]
        nodes = [replace(node, inputs=tuple(target(name) for name in node.inputs)) for node in nodes]
        output = target(self.output)
        live = {output, self.nodes[0].name}
        for node in reversed(nodes):
            if node.name in live:
                live.update(node.inputs)
        return Graph(self.name, tuple(node for node in nodes if node.name in live), output)

    def verify(self) -> None:
        """Raise one ModelError that lists everything unsound: unknown operations, order, attributes, shapes."""
        problems: list[str] = []
        shapes: dict[str, Shape] = {}
        for position, node in enumerate(self.nodes):
            try:
                _check_node(node, shapes, first=position == 0)
            except ModelError as error:
                problems.append(f"{node.name}: {error}")
            shapes[node.name] = node.shape
        if self.output not in shapes:
            problems.append(f"the output {self.output} is not a tensor of the graph")
        if problems:
            raise ModelError(f"graph {self.name} is unsound: {one_line(problems)}")

    def __str__(self) -> str:
        return "\n".join([f"graph {self.name}", *map(str, self.nodes), f"return %{self.output}"])


class Builder:
    """Builds a graph node by node, inferring shapes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: list[Node] = []
        self.shapes: dict[str, Shape] = {}

    def add(self, name: str, op: str, *inputs: str, **attributes: Value) -> str:
        """Append a node and return its name; attributes left out take their defaults.

        Raises:
            ModelError: a node has this name already, an input is unknown, or the operation does not take these attributes and shapes.
        """
        if name in self.shapes:
            raise ModelError(f"{name}: a second node of this name in {self.name}; give each one of its own")
        if unknown := [tensor for tensor in inputs if tensor not in self.shapes]:
            raise ModelError(f"{name}: reads {', '.join(unknown)}, which no earlier node writes")
        node = make_node(name, op, inputs, attributes, [self.shapes[tensor] for tensor in inputs])
        self.nodes.append(node)
        self.shapes[name] = node.shape
        return name

    def graph(self, output: str) -> Graph:
        """The finished, verified graph."""
        graph = Graph(self.name, tuple(self.nodes), output)
        graph.verify()
        return graph


def make_node(name: str, op: str, inputs: tuple[str, ...], attributes: Attributes, shapes: list[Shape]) -> Node:
    """A node with defaults filled in and its shape inferred from its inputs' shapes; ModelError if it is unsound."""
    if op not in OPS:
        raise ModelError(f"{name}: unknown operation {op}; known are {', '.join(sorted(OPS))}")
    specification = OPS[op].attributes
    unknown = sorted(set(attributes) - set(specification))
    missing = [key for key, (_, default) in specification.items() if default is REQUIRED and key not in attributes]
    if unknown or missing:
        raise ModelError(f"{name}: {op} has unknown attributes {unknown} or lacks {missing}")
    defaults = {key: default for key, (_, default) in specification.items() if default is not REQUIRED}
    full: dict[str, Value] = {**defaults, **attributes}
    try:
        _check_arity(op, len(shapes))
        shape = OPS[op].shape(shapes, full)
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from None
    return Node(name, op, inputs, MappingProxyType(full), shape)


def _check_arity(op: str, count: int) -> None:
    arity = OPS[op].arity
    if count != arity and not (arity is None and count >= 1):
        raise ModelError(f"{op} takes {'one or more inputs' if arity is None else f'{arity} inputs'}, not {count}")


def _check_node(node: Node, shapes: dict[str, Shape], *, first: bool) -> None:
    if node.op not in OPS:
        raise ModelError(f"unknown operation {node.op}")
    if (node.op == "input") != first:
        raise ModelError("the first node, and no other, must be the input")
    if node.name in shapes:
        raise ModelError("a second tensor of this name")
    unknown = [name for name in node.inputs if name not in shapes]
    if unknown:
        raise ModelError(f"reads {', '.join(unknown)}, which no earlier node writes")
    if set(node.attributes) != set(OPS[node.op].attributes):
        raise ModelError(f"attributes must be {sorted(OPS[node.op].attributes)}, not {sorted(node.attributes)}")
    for key, (kind, _) in OPS[node.op].attributes.items():
        if not isinstance(node.attributes[key], kind):
            raise ModelError(f"{key} must be of type {kind.__name__}, not {node.attributes[key]!r}")
    _check_arity(node.op, len(node.inputs))
    expected = OPS[node.op].shape([shapes[name] for name in node.inputs], node.attributes)
    if node.shape != expected:
        raise ModelError(f"shape {node.shape} should be {expected}")


def _layer_weights(node: Node, input_shape: Shape) -> int:
    channels = node.integer("channels")
    if node.op == "fully_connected":
        return channels * input_shape[2]
    kernel = node.window.kernel
    return channels * kernel[0] * kernel[1] * input_shape[2] // node.integer("groups")
