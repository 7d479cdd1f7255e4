"""Which operations share a pass."""

from __future__ import annotations

import numpy as np

from compiler.qgraph import QAvgPool, QConv, QGraph, QMean, QNode, QTable
from compiler.tflite.tables import identity


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
