"""What an operation costs by the measures of the papers: parameters, multiply-accumulates, memory access.

Memory access cost is that of ShuffleNet v2 (Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", 2018,
equation 1): elements of the feature maps and weights that an operation reads and writes if every operation goes to memory, for a 1x1
convolution h w (c1 + c2) + c1 c2. An element of an int8 network is a byte.
"""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import (
    QAdd,
    QAvgPool,
    QChannelTable,
    QConv,
    QMaxPool,
    QMean,
    QMul,
    QNode,
    QReshape,
    QSlice,
    QTable,
)

DEPTHWISE, POINTWISE, GROUPED, DENSE = "depthwise", "pointwise", "grouped", "convolution"
POOL, ELEMENTWISE, MOVING, VIEW = "pool", "element-wise", "moving", "view"

COMPUTING = frozenset({DEPTHWISE, POINTWISE, GROUPED, DENSE, POOL})
"""Kinds of operations that ShuffleNet v2's third guideline counts as fragments."""


@dataclass(frozen=True)
class Access:
    """Of one operation.

    Attributes:
        name: of the node.
        kind: one of the constants above; a VIEW costs nothing.
        parameters: weights, without biases.
        macs: multiply-accumulates of a frame.
        read: bytes of the tensors and weights that it reads.
        written: bytes of its output.
    """

    name: str
    kind: str
    parameters: int
    macs: int
    read: int
    written: int

    @property
    def bytes(self) -> int:
        """Its memory access cost."""
        return self.read + self.written


def kind_of(node: QNode) -> str:
    """What an operation is."""
    if isinstance(node, QConv):
        if node.depthwise:
            return DEPTHWISE
        if node.groups > 1:
            return GROUPED
        return POINTWISE if node.pointwise else DENSE
    if isinstance(node, QMaxPool | QAvgPool | QMean):
        return POOL
    if isinstance(node, QAdd | QMul | QTable | QChannelTable):
        return ELEMENTWISE
    return VIEW if isinstance(node, QSlice | QReshape) else MOVING


def access(graph: QGraph, node: QNode) -> Access:
    """The costs of one of the graph's nodes."""
    kind, output = kind_of(node), graph.tensors[node.output]
    weights = int(node.weights.size) if isinstance(node, QConv) else 0
    macs = node.macs(output.shape) if isinstance(node, QConv) else 0
    if kind == VIEW:
        return Access(node.name, kind, 0, 0, 0, 0)
    read = sum(graph.tensors[name].size for name in dict.fromkeys(node.inputs))
    return Access(node.name, kind, weights, macs, read + weights, output.size)


def longest_chain(graph: QGraph) -> int:
    """Operations of COMPUTING kinds on the longest way from input to output."""
    depths = {graph.input: 0}
    for node in graph.nodes:
        depths[node.output] = max(depths[name] for name in node.inputs) + (kind_of(node) in COMPUTING)
    return max(depths.values())
