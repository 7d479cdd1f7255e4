"""Convolutions that only move channels, taken into the weights of the convolution before or behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from hwgen.compiler.int8.arithmetic import INT8_MAX, INT8_MIN
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.k_loop import k_loop
from hwgen.compiler.int8.nodes import QConv, QNode, QSlice, QTensor
from hwgen.compiler.legalise.rewriter import order_of, selection
from hwgen.hw.isa.config import WORD_BYTES

_WIDER = 1.5
"""How much longer sums may become when readers skip the channels that they do not want."""


def absorb(graph: QGraph) -> QGraph:
    """Needs the machine's operations; leaves such convolutions where neither neighbour can take them."""
    changed = True
    while changed:
        changed = False
        for node in graph.nodes:
            order = order_of(node) if isinstance(node, QConv) else None
            if order is None or not isinstance(node, QConv) or node.input_zero_point != node.output_zero_point:
                continue
            replaced = _before(graph, node, order) or _behind(graph, node, order)
            if replaced is not None:
                graph, changed = replaced, True
                break
    return graph


def _before(graph: QGraph, move: QConv, order: np.ndarray) -> QGraph | None:
    """The convolution that makes the input makes the output instead."""
    maker = graph.producer(move.input)
    if not isinstance(maker, QConv) or maker.groups != 1 or graph.consumers(move.input) != [move]:
        return None
    if move.input == graph.output or len(order) > maker.out_channels:
        return None
    changed = replace(
        maker,
        output=move.output,
        weights=maker.weights[order],
        bias=maker.bias[order],
        multiplier=maker.multiplier[order],
        shift=maker.shift[order],
    )
    return _changed(graph, {maker.output: [changed], move.output: []})


def _behind(graph: QGraph, move: QConv, order: np.ndarray) -> QGraph | None:
    """What reads the output reads the input instead."""
    if move.output == graph.output:
        return None
    readers = graph.consumers(move.output)
    source = graph.tensors[move.input]
    if len(readers) == 1 and isinstance(readers[0], QConv) and readers[0].depthwise:
        return _past_depthwise(graph, move, order, readers[0])
    found = _into_readers(graph, move.output, source, order)
    return None if found is None else _changed(graph, {**{node.output: [node] for node in found}, move.output: []})


def _into_readers(graph: QGraph, tensor: str, source: QTensor, order: np.ndarray) -> list[QConv] | None:
    """The convolutions that read `tensor`, or slices of it, with their weights at the channels of `source`; None if others read it, or
    their sums would become much longer.
    """
    found = []
    for reader, first in _readers(graph, tensor):
        if not isinstance(reader, QConv) or reader.groups != 1:
            return None
        wanted = order[first : first + reader.in_channels]
        weights = np.zeros((*reader.weights.shape[:3], source.channels), np.int64)
        for i, channel in enumerate(wanted):
            weights[..., channel] += reader.weights[..., i]
        if weights.min() < INT8_MIN or weights.max() > INT8_MAX or _depth(weights) > _WIDER * len(wanted) + WORD_BYTES:
            return None
        found.append(replace(reader, input=source.name, weights=weights.astype(np.int8)))
    return found or None


def _readers(graph: QGraph, tensor: str, first: int = 0) -> Iterator[tuple[QNode, int]]:
    """What reads a tensor, itself or slices of it, and the first channel that it reads."""
    for reader in graph.consumers(tensor):
        if isinstance(reader, QSlice) and reader.output != graph.output:
            yield from _readers(graph, reader.output, first + reader.offset)
        else:
            yield reader, first


def _depth(weights: np.ndarray) -> int:
    """Steps of a sum over the channels of a pixel."""
    if weights.shape[1:3] == (1, 1):
        return k_loop(np.any(weights, axis=(0, 1, 2))).depth
    return int(weights.shape[3])


def _past_depthwise(graph: QGraph, move: QConv, order: np.ndarray, depthwise: QConv) -> QGraph | None:
    """The depthwise convolution of the input's channels, then the move, if that can go into what reads it."""
    source, out = graph.tensors[move.input], graph.tensors[depthwise.output]
    if depthwise.output == graph.output or len(set(order.tolist())) != len(order):
        return None
    name = f"{out.name}/unordered"
    if name in graph.tensors or source.channels > _WIDER * len(order) + WORD_BYTES:
        return None
    unordered = replace(out, name=name, shape=(out.height, out.width, source.channels))
    if _into_readers(graph, out.name, unordered, order) is None:
        return None

    def spread(values: np.ndarray) -> np.ndarray:
        """Of channels that nobody reads all numbers are 0."""
        result = np.zeros((source.channels, *values.shape[1:]), values.dtype)
        result[order] = values
        return result

    made = replace(
        depthwise,
        input=source.name,
        output=name,
        weights=spread(depthwise.weights),
        bias=spread(depthwise.bias),
        multiplier=spread(depthwise.multiplier),
        shift=spread(depthwise.shift),
        groups=source.channels,
    )
    moved = selection(move.name, unordered, out, order.tolist())
    return _changed(graph, {move.output: [], out.name: [made, moved]}, unordered)


def _changed(graph: QGraph, replaced: dict[str, list[QConv]], *new: QTensor) -> QGraph:
    """Other nodes in the place of those with some outputs; slices that nothing reads any more go."""
    nodes: list[QNode] = [made for node in graph.nodes for made in replaced.get(node.output, [node])]
    while True:
        read = {graph.output, *(name for node in nodes for name in node.inputs)}
        kept = [node for node in nodes if not isinstance(node, QSlice) or node.output in read]
        if len(kept) == len(nodes):
            break
        nodes = kept
    used = {graph.input, *(node.output for node in nodes)}
    tensors = {tensor.name: tensor for tensor in (*graph.tensors.values(), *new) if tensor.name in used}
    return replace(graph, nodes=nodes, tensors=tensors)
