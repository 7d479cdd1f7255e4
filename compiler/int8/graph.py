"""The int8 graph: what the machine runs, operation by operation.

A `QGraph` is an ordered list of nodes (every node after the producers of its inputs) and a dict of tensors.  All
tensors are int8, row-major (height, width, channels), with one scale and zero point each; formulas are those of
docs/arithmetic.md, cited by number.

Slices, merges, concatenations, shuffles and maximum or average pools change no scale: their inputs and outputs must
share scale and zero point (equation 15), and `QGraph.verify` insists on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from hwgen.compiler.int8.check import node_problems
from hwgen.compiler.int8.host import Host
from hwgen.compiler.int8.nodes import (
    QConv,
    QNode,
    QTensor,
)
from hwgen.errors import ModelError, one_line


@dataclass(eq=False)
class QGraph:
    """An int8 network: nodes in execution order, tensors by name, one input and one output tensor.

    It stays as it is once its producers or consumers have been asked for: a rewrite makes another one.
    """

    name: str
    tensors: dict[str, QTensor]
    nodes: list[QNode]
    input: str
    output: str
    provenance: str = "unknown"  # of the weights: "file NAME" or "random, seed N"
    host: Host = field(default_factory=Host)
    notes: tuple[str, ...] = ()  # what the importer found odd but harmless
    origins: dict[str, int] = field(default_factory=dict)  # tensors by their index in the model's file

    def convs(self) -> Iterator[QConv]:
        """The convolutions in execution order."""
        return (node for node in self.nodes if isinstance(node, QConv))

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one frame, depthwise included."""
        return sum(conv.macs(self.tensors[conv.output].shape) for conv in self.convs())

    @property
    def array_macs(self) -> int:
        """Those of them that the array does: of all convolutions but depthwise ones."""
        return sum(conv.macs(self.tensors[conv.output].shape) for conv in self.convs() if not conv.depthwise)

    @property
    def weight_count(self) -> int:
        """Weights without biases; one byte each."""
        return sum(int(conv.weights.size) for conv in self.convs())

    @property
    def clamp_bits(self) -> int:
        """The requantisers' width A for the whole network (equation 9)."""
        return max((int(conv.clamp_bits.max()) for conv in self.convs()), default=2)

    @property
    def imported(self) -> bool:
        """Whether the graph comes from a model's file, with a quantisation of its own."""
        return bool(self.origins)

    @property
    def result(self) -> QTensor:
        """The last tensor, after the host's nodes."""
        return self.host.tensors[-1] if self.host.tensors else self.tensors[self.output]

    def producer(self, tensor: str) -> QNode | None:
        """The node that writes `tensor`; None for the network's input."""
        return self._producers.get(tensor)

    def consumers(self, tensor: str) -> list[QNode]:
        """The nodes that read `tensor`, in execution order."""
        return list(self._consumers.get(tensor, ()))

    @cached_property
    def positions(self) -> dict[str, int]:
        """Number of the node that writes a tensor, by tensor."""
        return {node.output: i for i, node in enumerate(self.nodes)}

    @cached_property
    def _producers(self) -> dict[str, QNode]:
        """By output; of several the first."""
        return {node.output: node for node in reversed(self.nodes)}

    @cached_property
    def _consumers(self) -> dict[str, list[QNode]]:
        found: dict[str, list[QNode]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found.setdefault(name, []).append(node)
        return found

    def verify(self) -> None:
        """Raise one ModelError listing everything that is unsound: order, shapes, zero points, tied scales, ranges."""
        problems: list[str] = []
        written, names = {self.input}, set[str]()
        for node in self.nodes:
            missing = [name for name in (*node.inputs, node.output) if name not in self.tensors]
            early = [name for name in node.inputs if name not in written]
            if missing or early or node.output in written:
                problems.append(
                    f"{node.name}: unknown {missing}, not yet written {early}, or output {node.output} written twice"
                )
                continue
            written.add(node.output)
            if node.name in names:
                problems.append(f"two nodes are called {node.name}")
            names.add(node.name)
            problems += [f"{node.name}: {text}" for text in node_problems(node, self.tensors)]
        if self.output not in written:
            problems.append(f"output {self.output} is never written")
        if problems:
            raise ModelError(f"{self.name}: the quantised network contradicts itself: {one_line(problems)}")

    def __str__(self) -> str:
        lines = [f"int8 graph {self.name} input {self.input} output {self.output}"]
        for node in self.nodes:
            out = self.tensors[node.output]
            lines.append(
                f"  {out.name} {'x'.join(map(str, out.shape))} s={out.scale:.6g} z={out.zero_point} = "
                f"{node.op}({', '.join(node.inputs)})"
            )
        return "\n".join(lines)
