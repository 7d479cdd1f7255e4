"""Concatenation of two halves and a shuffle by two, as one: the passes that make the halves write them alternately (equation 17)."""

from dataclasses import replace

from hwgen.compiler.int8.fusion import takes_table
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QConcat, QConv, QNode, QShuffle, QShuffleMerge, QSlice
from hwgen.compiler.legalise.views import first_channel
from hwgen.hw.isa.config import WORD_BYTES


def merge(graph: QGraph) -> QGraph:
    """Needs nothing; leaves shuffles whose halves the passes cannot write so."""
    nodes: list[QNode] = []
    gone: set[str] = set()
    taken: set[str] = set()
    for node in graph.nodes:
        joined = graph.producer(node.inputs[0])
        if not isinstance(node, QShuffle) or node.groups != 2 or not isinstance(joined, QConcat):
            nodes.append(node)
            continue
        if not _writable(graph, node, joined) or taken.intersection(joined.sources):
            nodes.append(node)
            continue
        taken.update(joined.sources)
        gone.add(joined.output)
        identity, processed = joined.sources
        nodes.append(QShuffleMerge(node.name, identity, processed, node.output))
    return replace(graph, nodes=[node for node in nodes if node.output not in gone]) if gone else graph


def _writable(graph: QGraph, shuffle: QShuffle, joined: QConcat) -> bool:
    """The second half comes from the array and goes nowhere else; the first one too, or it lies in memory from a word on."""
    if (
        len(joined.sources) != 2
        or len(set(joined.sources)) != 2
        or joined.offsets
        or graph.consumers(joined.output) != [shuffle]
    ):
        return False
    first, second = joined.sources
    if graph.output in (joined.output, first, second) or graph.tensors[first].shape != graph.tensors[second].shape:
        return False
    if not _of_array(graph, second, joined):
        return False
    maker = graph.producer(first)
    if isinstance(maker, QSlice):
        return first_channel(graph, first) % WORD_BYTES == 0 and graph.consumers(first) == [joined]
    return _of_array(graph, first, joined)


def _of_array(graph: QGraph, tensor: str, reader: QNode) -> bool:
    maker = graph.producer(tensor)
    single = graph.consumers(tensor) == [reader] and takes_table(graph, maker) is None
    return isinstance(maker, QConv) and maker.groups == 1 and single
