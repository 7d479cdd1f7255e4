"""Clamps into what they follow, tables into those before them, pads into the pools behind them."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hwgen.compiler.int8.arithmetic import INT8_MAX, INT8_MIN
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QAdd, QConv, QMaxPool, QMul, QNode, QPad, QTable


def clamp_of(table: np.ndarray) -> tuple[int, int] | None:
    """The limits of a table that only clamps."""
    low, high = int(table[0]), int(table[-1])
    values = np.arange(INT8_MIN, INT8_MAX + 1)
    return (low, high) if low <= high and np.array_equal(table, np.clip(values, low, high)) else None


def fold(graph: QGraph) -> QGraph:
    """Needs nothing; leaves clamps and pads that have no neighbour to take them.

    Every node is looked at once, behind those that make its inputs: what folds into one of them takes its place.
    """
    made: dict[str, QNode] = {}  # by output, in order
    for node in graph.nodes:
        kept = node
        while (found := _folded(graph, made, kept)) is not None:
            old, kept = found
            del made[old.output]
        made[kept.output] = kept
    nodes = list(made.values())
    return graph if nodes == graph.nodes else replace(graph, nodes=nodes)


def _folded(graph: QGraph, made: Mapping[str, QNode], node: QNode) -> tuple[QNode, QNode] | None:
    """(what made the node's input, what makes its output instead of both); None if they stay apart."""
    if not isinstance(node, QTable | QMaxPool) or node.input == graph.output or len(graph.consumers(node.input)) > 1:
        return None
    maker = made.get(node.input)
    if isinstance(node, QMaxPool):
        return _padded(maker, node) if isinstance(maker, QPad) else None
    if isinstance(maker, QTable):
        return maker, replace(node, input=maker.input, table=node.table[maker.table.astype(np.int64) - INT8_MIN])
    return _clamped(graph, maker, node) if isinstance(maker, QConv | QMaxPool | QAdd | QMul) else None


def _clamped(graph: QGraph, maker: QConv | QMaxPool | QAdd | QMul, table: QTable) -> tuple[QNode, QNode] | None:
    """A clamp and what it follows."""
    limits = clamp_of(table.table)
    before, after = graph.tensors[table.input], graph.tensors[table.output]
    same = before.zero_point == after.zero_point and (before.scale == after.scale or isinstance(maker, QConv))
    if limits is None or not same:
        return None
    low, high = (int(np.clip(limit, maker.act_min, maker.act_max)) for limit in limits)
    return maker, replace(maker, output=table.output, act_min=low, act_max=high)


def _padded(pad: QPad, pool: QMaxPool) -> tuple[QNode, QNode] | None:
    """A pad with the least value and the pool that then pads for itself."""
    if pad.value != INT8_MIN or pad.before[2] or pad.after[2] or min(pool.window.padding) < 0:
        return None
    outer = (pad.before[0], pad.after[0], pad.before[1], pad.after[1])
    top, bottom, left, right = (inner + more for inner, more in zip(pool.window.padding, outer, strict=True))
    padding = (top, bottom, left, right)
    if max(top, bottom) >= pool.window.kernel[0] or max(left, right) >= pool.window.kernel[1]:
        return None
    return pad, replace(pool, input=pad.input, window=replace(pool.window, padding=padding))
