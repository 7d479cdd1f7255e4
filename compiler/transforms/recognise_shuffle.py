"""Reshape, transpose, reshape as exporters write a channel shuffle."""

from dataclasses import replace
from types import MappingProxyType

from hwgen.compiler.graph.graph import Graph, Node


def recognise_shuffle(graph: Graph) -> Graph:
    """Replace (h, w, c) -> (h, w, g, c/g) -> transposed (0, 1, 3, 2) -> (h, w, c) by `shuffle groups=g` of the last
    node's name.

    Needs nothing.  Leaves the first two nodes where something else reads them too.
    """
    nodes = graph.by_name
    replacements = {}
    for last in graph.nodes:
        groups = _shuffle_groups(last, nodes)
        if groups:
            source = nodes[nodes[last.inputs[0]].inputs[0]].inputs
            replacements[last.name] = replace(
                last, op="shuffle", inputs=source, attributes=MappingProxyType({"groups": groups})
            )
    return graph.rewritten(replacements, {})


def _shuffle_groups(last: Node, nodes: dict[str, Node]) -> int:
    """The groups of the shuffle that ends with `last`, 0 if there is none."""
    if last.op != "reshape" or (swap := nodes[last.inputs[0]]).op != "transpose":
        return 0
    first = nodes[swap.inputs[0]]
    if first.op != "reshape" or swap.attributes["order"] != (0, 1, 3, 2):
        return 0
    source = nodes[first.inputs[0]].shape
    same = len(source) == 3 and last.shape == source and first.shape[:2] == source[:2]
    return first.shape[2] if same else 0
