"""Convolutions that only move channels, taken into the weights of the convolution before or behind them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.legalise.rewriter import order_of
from compiler.qgraph import QConv, QGraph, QNode
from hw.config import WORD_BYTES

_WIDER = 1.5
"""How much longer sums may become when readers skip the channels that they do not want."""


def absorb(graph: QGraph) -> QGraph:
    """Needs the machine's operations; leaves such convolutions where neither neighbour can take them."""
    changed = True
    while changed:
        changed = False
        for node in graph.nodes:
            order = order_of(node) if isinstance(node, QConv) else None
            if order is None or not isinstance(node, QConv):
                continue
            replaced = _before(graph, node, order) or _behind(graph, node, order)
            if replaced:
                graph, changed = _without(graph, node, replaced), True
                break
    return graph


def _before(graph: QGraph, move: QConv, order: np.ndarray) -> dict[str, QConv]:
    """The convolution that makes the input makes the output instead: new nodes by the old ones' outputs."""
    maker = graph.producer(move.input)
    if not isinstance(maker, QConv) or maker.groups != 1 or graph.consumers(move.input) != [move]:
        return {}
    if move.input == graph.output or len(order) > maker.out_channels:
        return {}
    if move.input_zero_point != move.output_zero_point:
        return {}
    changed = replace(
        maker,
        output=move.output,
        weights=maker.weights[order],
        bias=maker.bias[order],
        multiplier=maker.multiplier[order],
        shift=maker.shift[order],
    )
    return {maker.output: changed}


def _behind(graph: QGraph, move: QConv, order: np.ndarray) -> dict[str, QConv]:
    """All convolutions that read the output read the input instead."""
    readers = graph.consumers(move.output)
    source = graph.tensors[move.input]
    if source.channels > _WIDER * len(order) + WORD_BYTES:
        return {}
    if move.output == graph.output or not readers or move.input_zero_point != move.output_zero_point:
        return {}
    found = {}
    for reader in readers:
        if not isinstance(reader, QConv) or reader.groups != 1:
            return {}
        weights = np.zeros((*reader.weights.shape[:3], source.channels), np.int64)
        for i, channel in enumerate(order):
            weights[..., channel] += reader.weights[..., i]
        if weights.min() < -128 or weights.max() > 127:
            return {}
        found[reader.output] = replace(reader, input=move.input, weights=weights.astype(np.int8))
    return found


def _without(graph: QGraph, move: QConv, replaced: dict[str, QConv]) -> QGraph:
    nodes: list[QNode] = [replaced.get(node.output, node) for node in graph.nodes if node is not move]
    used = {graph.input, *(node.output for node in nodes)}
    tensors = {name: tensor for name, tensor in graph.tensors.items() if name in used}
    return replace(graph, nodes=nodes, tensors=tensors)
