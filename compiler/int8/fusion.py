"""Which operations share a pass."""

from __future__ import annotations

import numpy as np

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QAdd, QAvgPool, QConv, QMean, QMul, QNode, QTable
from hwgen.compiler.int8.tables import identity

FURTHER_PASS_CYCLES = 300
"""What a pass more costs, where operations or rows could also have shared one: the elements fill and drain once more, one after the
other. More than most passes take for it, so that none is added for nothing."""


def is_identity(node: QTable) -> bool:
    """The bytes stay: a view under another scale or zero point."""
    return np.array_equal(node.table, identity())


def takes_table(graph: QGraph, node: QNode | None) -> QTable | None:
    """The table behind the requantiser that computes `node`, if that is all that reads it."""
    if not isinstance(node, QConv | QMean | QAvgPool) or node.output == graph.output:
        return None
    consumers = graph.consumers(node.output)
    if len(consumers) != 1 or not isinstance(consumers[0], QTable) or is_identity(consumers[0]):
        return None
    return consumers[0]


def pointwise_behind(graph: QGraph, tensor: str) -> QConv | None:
    """The pointwise convolution that is all that reads a tensor."""
    consumers = graph.consumers(tensor)
    if len(consumers) == 1 and isinstance(consumers[0], QConv) and consumers[0].pointwise and tensor != graph.output:
        return consumers[0]
    return None


def array_input(graph: QGraph, node: QAdd | QMul) -> str | None:
    """The input of a sum or product that comes from a convolution of the array (and its table) and is needed nowhere else: the later
    one of two.
    """
    left, right = graph.tensors[node.left], graph.tensors[node.right]
    names = {node.left, node.right} if left.shape == right.shape else {node.left}
    found = [name for name in names if len(graph.consumers(name)) == 1 and name != graph.output]
    found = [name for name in found if node.left != node.right and _of_array(graph, name)]
    return max(found, key=lambda name: graph.positions[name], default=None)


def _of_array(graph: QGraph, tensor: str) -> bool:
    """A convolution of the array, or the table behind one, writes the tensor."""
    producer = graph.producer(tensor)
    if isinstance(producer, QTable):
        before = graph.producer(producer.input)
        producer = before if takes_table(graph, before) is producer else None
    return isinstance(producer, QConv) and producer.groups == 1
