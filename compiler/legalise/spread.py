"""Sums and products of a concatenation, part by part: each in the pass of the convolution that makes the part."""

from __future__ import annotations

from dataclasses import replace

from hwgen.compiler.int8.fusion import takes_table
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QAdd, QConcat, QConv, QMul, QNode, QSlice
from hwgen.compiler.legalise.rewriter import Rewriter
from hwgen.hw.isa.config import WORD_BYTES


def spread(graph: QGraph) -> QGraph:
    """Needs grouped convolutions split; leaves sums of concatenations with parts that are no convolutions or no whole words."""
    rewriter = Rewriter(graph)
    gone: set[str] = set()
    for node in graph.nodes:
        joined = _concatenation(graph, node) if isinstance(node, QAdd | QMul) else None
        if joined is None or not isinstance(node, QAdd | QMul):
            rewriter.emit(node)
            continue
        gone.add(joined.output)
        left_joined = node.left == joined.output
        other, out = graph.tensors[node.right if left_joined else node.left], graph.tensors[node.output]
        made, first = [], 0
        for number, source in enumerate(joined.sources):
            channels = graph.tensors[source].channels
            piece = rewriter.extra(other, f"part{number}", (other.height, other.width, channels))
            result = rewriter.extra(out, f"part{number}", (out.height, out.width, channels))
            rewriter.emit(QSlice(f"{node.name}/slice{number}", other.name, piece.name, first, channels))
            left, right = (source, piece.name) if left_joined else (piece.name, source)
            rewriter.emit(replace(node, name=f"{node.name}/part{number}", left=left, right=right, output=result.name))
            made.append(result.name)
            first += channels
        rewriter.emit(QConcat(node.name, tuple(made), out.name))
    if not gone:
        return graph
    rewriter.nodes = [node for node in rewriter.nodes if node.output not in gone]
    return rewriter.result()


def _concatenation(graph: QGraph, node: QAdd | QMul) -> QConcat | None:
    """The operand whose parts convolutions of the array make for this node alone."""
    if node.left == node.right:
        return None
    for name in node.inputs:
        joined = graph.producer(name)
        if not isinstance(joined, QConcat) or joined.offsets or name == graph.output or graph.consumers(name) != [node]:
            continue
        if graph.tensors[name].shape != graph.tensors[node.output].shape or len(set(joined.sources)) < len(
            joined.sources
        ):
            continue
        if all(_suits(graph, part, joined) for part in joined.sources):
            return joined
    return None


def _suits(graph: QGraph, part: str, joined: QNode) -> bool:
    maker = graph.producer(part)
    return (
        isinstance(maker, QConv)
        and maker.groups == 1
        and takes_table(graph, maker) is None
        and graph.consumers(part) == [joined]
        and part != graph.output
        and graph.tensors[part].channels % WORD_BYTES == 0
    )
