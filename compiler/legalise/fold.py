"""Clamps into what they follow, pads into the pools behind them."""

from dataclasses import replace

import numpy as np

from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QAdd, QConv, QMaxPool, QMul, QNode, QPad, QTable


def clamp_of(table: np.ndarray) -> tuple[int, int] | None:
    """The limits of a table that only clamps."""
    low, high = int(table[0]), int(table[-1])
    values = np.arange(arithmetic.INT8_MIN, arithmetic.INT8_MAX + 1)
    return (low, high) if low <= high and np.array_equal(table, np.clip(values, low, high)) else None


def fold(graph: QGraph) -> QGraph:
    """Needs nothing; leaves clamps and pads that have no neighbour to take them."""
    changed = True
    while changed:
        changed = False
        for node in graph.nodes:
            found: tuple[QNode, QNode] | None = None
            if isinstance(node, QTable):
                found = _clamped(graph, node)
            elif isinstance(node, QMaxPool):
                found = _padded(graph, node)
            if found is not None:
                old, new = found
                nodes = [new if other is node else other for other in graph.nodes if other is not old]
                graph = replace(graph, nodes=nodes)
                changed = True
                break
    return graph


def _clamped(graph: QGraph, table: QTable) -> tuple[QNode, QNode] | None:
    """(what made the table's input, what makes its output instead of both)."""
    limits = clamp_of(table.table)
    maker = graph.producer(table.input)
    before, after = graph.tensors[table.input], graph.tensors[table.output]
    if limits is None or not isinstance(maker, QConv | QMaxPool | QAdd | QMul) or graph.output == table.input:
        return None
    same = before.zero_point == after.zero_point and (before.scale == after.scale or isinstance(maker, QConv))
    if not same or graph.consumers(table.input) != [table]:
        return None
    low, high = (int(np.clip(limit, maker.act_min, maker.act_max)) for limit in limits)
    return maker, replace(maker, output=table.output, act_min=low, act_max=high)


def _padded(graph: QGraph, pool: QMaxPool) -> tuple[QPad, QMaxPool] | None:
    """(a pad with the least value, the pool that pads for itself)."""
    pad = graph.producer(pool.input)
    if not isinstance(pad, QPad) or graph.consumers(pad.output) != [pool] or graph.output == pad.output:
        return None
    if pad.value != arithmetic.INT8_MIN or pad.before[2] or pad.after[2] or min(pool.window.padding) < 0:
        return None
    outer = (pad.before[0], pad.after[0], pad.before[1], pad.after[1])
    top, bottom, left, right = (inner + more for inner, more in zip(pool.window.padding, outer, strict=True))
    padding = (top, bottom, left, right)
    if max(top, bottom) >= pool.window.kernel[0] or max(left, right) >= pool.window.kernel[1]:
        return None
    return pad, replace(pool, input=pad.input, window=replace(pool.window, padding=padding))
