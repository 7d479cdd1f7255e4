"""Gives every part of a concatenation a place where a pass can write it, and every slice one where its readers can read it."""

from __future__ import annotations

from dataclasses import replace

from hwgen.compiler.int8.fusion import is_identity
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import (
    QAdd,
    QAvgPool,
    QConcat,
    QConv,
    QMaxPool,
    QMean,
    QMul,
    QNode,
    QResize,
    QShuffleMerge,
    QSlice,
    QTable,
    QTensor,
)
from hwgen.compiler.legalise.rewriter import Rewriter
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WORD_BYTES


def places(graph: QGraph) -> QGraph:
    """Needs the machine's operations; leaves views only where their readers can use them."""
    return _materialised(_joined(_flattened(graph)))


def _flattened(graph: QGraph) -> QGraph:
    """Concatenations of concatenations that nothing else reads as one."""
    changed = True
    while changed:
        changed = False
        for node in graph.nodes:
            if not isinstance(node, QConcat) or node.offsets:
                continue
            for position, name in enumerate(node.sources):
                inner = graph.producer(name)
                if not isinstance(inner, QConcat) or inner.offsets or graph.consumers(name) != [node]:
                    continue
                if name == graph.output or node.sources.count(name) > 1:
                    continue
                sources = (*node.sources[:position], *inner.sources, *node.sources[position + 1 :])
                merged = replace(node, sources=sources)
                nodes = [merged if other is node else other for other in graph.nodes if other is not inner]
                graph, changed = replace(graph, nodes=nodes), True
                break
            if changed:
                break
    return graph


def _joined(graph: QGraph) -> QGraph:
    """Parts begin with a word; those that have a place elsewhere are copied."""
    rewriter = Rewriter(graph)
    placed: set[str] = {name for node in graph.nodes if isinstance(node, QShuffleMerge) for name in node.inputs}
    for node in graph.nodes:
        if not isinstance(node, QConcat) or node.offsets:
            rewriter.emit(node)
            continue
        sources: list[str] = []
        offsets: list[int] = []
        order: list[int] = []
        past = 0
        for name in node.sources:
            part = graph.tensors[name]
            if name in placed or name == graph.output or not _written_alone(graph.producer(name)):
                part = _copied(rewriter, graph, name)
            placed.add(part.name)
            sources.append(part.name)
            offsets.append(past)
            order += range(past, past + part.channels)
            past = ceil_div(past + part.channels, WORD_BYTES) * WORD_BYTES
        out = graph.tensors[node.output]
        if order == list(range(out.channels)):
            rewriter.emit(replace(node, sources=tuple(sources)))
            continue
        spaced = rewriter.extra(out, "spaced", (out.height, out.width, order[-1] + 1))
        rewriter.emit(QConcat(f"{node.name}/spaced", tuple(sources), spaced.name, tuple(offsets)))
        rewriter.select(node.name, spaced, out, order)
    return rewriter.result()


def _written_alone(node: QNode | None) -> bool:
    """A pass writes all of its output, and may write it anywhere."""
    if isinstance(node, QTable):
        return not is_identity(node)
    return node is not None and not isinstance(node, QSlice | QConcat | QShuffleMerge)


def _copied(rewriter: Rewriter, graph: QGraph, name: str) -> QTensor:
    tensor = graph.tensors[name]
    copy = rewriter.extra(tensor, "copied")
    if isinstance(graph.producer(name), QTable) or first_channel(graph, name) % WORD_BYTES:
        rewriter.select(f"{copy.name}", tensor, copy, range(tensor.channels))
    else:
        rewriter.copy(f"{copy.name}", tensor, copy)
    return copy


def first_channel(graph: QGraph, tensor: str) -> int:
    """Where a view begins in the tensor that it is a view of (parts of a concatenation begin with a word)."""
    node = graph.producer(tensor)
    if isinstance(node, QSlice):
        return node.offset + first_channel(graph, node.input)
    if isinstance(node, QTable) and is_identity(node):
        return first_channel(graph, node.input)
    return 0


def _materialised(graph: QGraph) -> QGraph:
    """Slices that are read by words, or leave the network, become tensors if they do not begin with a word."""
    rewriter = Rewriter(graph)
    begins: dict[str, int] = {}  # first channel of each view in the tensor that it is a view of now
    for node in graph.nodes:
        if isinstance(node, QSlice) or (isinstance(node, QTable) and is_identity(node)):
            offset = node.offset if isinstance(node, QSlice) else 0
            begin = begins.get(node.input, 0) + offset
            crooked = begin % WORD_BYTES and any(_reads_words(reader) for reader in graph.consumers(node.output))
            if node.output == graph.output or crooked:
                x, out = graph.tensors[node.input], graph.tensors[node.output]
                rewriter.select(node.name, x, out, range(offset, offset + out.channels))
                continue
            begins[node.output] = begin
        rewriter.emit(node)
    return rewriter.result()


def _reads_words(node: QNode) -> bool:
    """Through the window, or as a second operand."""
    return isinstance(node, QMaxPool | QAvgPool | QMean | QAdd | QMul | QResize) or (
        isinstance(node, QConv) and node.depthwise
    )
