"""Last operations that the machine does not have go to the host, which computes them exactly as the golden model does."""

from dataclasses import replace

import numpy as np

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QNode, QReshape, QResize, QStridedSlice, QTable
from hwgen.compiler.int8.tables import identity
from hwgen.compiler.legalise.moves import movable


def host_tail(graph: QGraph) -> QGraph:
    """Needs nothing; leaves no such operation at the end."""
    nodes, output = list(graph.nodes), graph.output
    host, tensors = list(graph.host.nodes), list(graph.host.tensors)
    while nodes:
        last = next((node for node in nodes if node.output == output), None)
        if last is None or not _for_host(last):
            break
        assert isinstance(last, QReshape | QResize | QStridedSlice | QTable)
        if any(output in node.inputs for node in nodes):
            break
        nodes.remove(last)
        host.insert(0, last)
        tensors.insert(0, graph.tensors[output])
        output = last.input
    if output == graph.output:
        return graph
    used = {graph.input, *(node.output for node in nodes)}
    return replace(
        graph,
        nodes=nodes,
        output=output,
        tensors={name: tensor for name, tensor in graph.tensors.items() if name in used},
        host=replace(graph.host, nodes=tuple(host), tensors=tuple(tensors)),
    )


def _for_host(node: QNode) -> bool:
    match node:
        case QReshape() | QResize():
            return True
        case QStridedSlice():
            return not movable(node)
        case QTable():
            return np.array_equal(node.table, identity())
        case _:
            return False
