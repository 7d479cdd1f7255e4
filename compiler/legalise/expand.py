"""Operations that the machine does not have as convolutions, copies, slices and concatenations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.fusion import is_identity, takes_table
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import (
    QAvgPool,
    QChannelTable,
    QConcat,
    QConv,
    QMaxPool,
    QMean,
    QPad,
    QShuffle,
    QSlice,
    QStridedSlice,
    QTable,
    QTensor,
)
from hwgen.compiler.int8.tables import identity as identity_table
from hwgen.compiler.legalise.fold import clamp_of
from hwgen.compiler.legalise.groups import grouped
from hwgen.compiler.legalise.moves import movable, windows
from hwgen.compiler.legalise.pools import max_pool
from hwgen.compiler.legalise.rewriter import Rewriter, identity

MOST_TABLES = 256
"""Different tables of one operation: each costs a pass."""


def expand(graph: QGraph) -> QGraph:
    """Needs clamps folded; leaves reshapes, resizes, flips, and whatever is already the machine's."""
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        x, out = graph.tensors[node.inputs[0]], graph.tensors[node.output]
        match node:
            case QConv():
                grouped(rewriter, without_left_shift(node), x, out)
            case QMaxPool():
                max_pool(rewriter, node, x, out)
            case QPad():
                _pad(rewriter, node, x, out)
            case QStridedSlice() if movable(node):
                _strided_slice(rewriter, node, x, out)
            case QShuffle():
                order = np.arange(x.channels).reshape(node.groups, -1).T.ravel()
                rewriter.select(node.name, x, out, order.tolist())
            case QChannelTable():
                _channel_table(rewriter, node, x, out)
            case QMean() if node.shift < 0:
                rewriter.emit(_sum(node, x))
            case QAvgPool() if node.window.kernel == (1, 1):
                rewriter.copy(node.name, x, out, node.window)
            case _:
                rewriter.emit(node)
    return _tables(rewriter.result())


def without_left_shift(conv: QConv) -> QConv:
    """Factors of 1 and more: the power of two goes into weights and bias, where they have room for it (equation 7)."""
    left = np.maximum(-conv.shift, 0)
    if not left.any():
        return conv
    weights = conv.weights.astype(np.int64) << left[:, None, None, None]
    bias = conv.bias.astype(np.int64) << left
    if weights.min() < -128 or weights.max() > 127 or np.abs(bias).max() >= 1 << 31:
        return conv
    return replace(conv, weights=weights.astype(np.int8), bias=bias.astype(np.int32), shift=np.maximum(conv.shift, 0))


def _sum(node: QMean, x: QTensor) -> QConv:
    """A mean with a factor of 1 and more as a depthwise convolution over the whole map, of equal weights (equations 7 and 19)."""
    window = Window((x.height, x.width))
    conv = identity(node.name, x, replace(x, name=node.output, zero_point=node.output_zero_point), window=window)
    conv = replace(
        conv,
        weights=np.ones((x.channels, x.height, x.width, 1), np.int8),
        bias=np.zeros(x.channels, np.int32),
        multiplier=np.full(x.channels, node.multiplier, np.int64),
        shift=np.full(x.channels, node.shift, np.int64),
    )
    return without_left_shift(conv)


def _pad(rewriter: Rewriter, node: QPad, x: QTensor, out: QTensor) -> None:
    front, back = node.before[2], node.after[2]
    if front or back:
        wide = rewriter.extra(x, "widened", (x.height, x.width, out.channels)) if x.shape[:2] != out.shape[:2] else out
        order = [-1] * front + list(range(x.channels)) + [-1] * back
        rewriter.select(f"{node.name}/channels" if wide is not out else node.name, x, wide, order, node.value)
        x = wide
    if x is not out:
        padding = (node.before[0], node.after[0], node.before[1], node.after[1])
        if x.zero_point != node.value:  # a view of the same bytes, around which a convolution reads the value
            view = rewriter.extra(replace(x, zero_point=node.value), "relabelled")
            rewriter.emit(QTable(f"{node.name}/relabel", x.name, view.name, identity_table()))
            x = view
        rewriter.emit(identity(node.name, x, out, window=Window(padding=padding)))


def _strided_slice(rewriter: Rewriter, node: QStridedSlice, x: QTensor, out: QTensor) -> None:
    channels = [node.begin[2] + node.step[2] * i for i in range(node.shape[2])]
    all_channels = channels == list(range(x.channels))
    if node.shape[:2] != x.shape[:2]:
        for number, window in enumerate(windows(node, x.height, x.width)):
            shape = (*window.output_size(x.height, x.width), x.channels)
            cut = out if shape == out.shape and all_channels else rewriter.extra(x, "cut", shape)
            name = node.name if cut is out else f"{node.name}/cut{number}"
            rewriter.copy(name, x, cut, window)
            x = cut
    if x is out:
        return
    if node.step[2] == 1:
        rewriter.emit(QSlice(node.name, x.name, out.name, node.begin[2], node.shape[2]))
    else:
        rewriter.select(node.name, x, out, channels)


def _tables(graph: QGraph) -> QGraph:
    """Every table behind a requantiser of its own, if there is none before it."""
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        limits = clamp_of(node.table) if isinstance(node, QTable) else None
        if not isinstance(node, QTable) or is_identity(node) or takes_table(graph, graph.producer(node.input)) is node:
            rewriter.emit(node)
            continue
        x, out = graph.tensors[node.input], graph.tensors[node.output]
        if limits is not None:
            rewriter.emit(identity(node.name, x, out, limits))
        else:
            copied = rewriter.extra(x, "copied")
            rewriter.emit(identity(f"{node.name}/copy", x, copied), replace(node, input=copied.name))
    return rewriter.result()


def _channel_table(rewriter: Rewriter, node: QChannelTable, x: QTensor, out: QTensor) -> None:
    """The channels of each table in a pass of its own, then all of them back in order."""
    different, which = np.unique(node.tables, axis=0, return_inverse=True)
    if len(different) > MOST_TABLES:
        rewriter.emit(node)
        return
    parts, order = [], []
    for number, table in enumerate(different):
        channels = np.flatnonzero(which.ravel() == number)
        shape = (x.height, x.width, len(channels))
        chosen, part = rewriter.extra(x, f"channels{number}", shape), rewriter.extra(out, f"part{number}", shape)
        rewriter.select(f"{node.name}/select{number}", x, chosen, channels.tolist())
        rewriter.emit(QTable(f"{node.name}/table{number}", chosen.name, part.name, table))
        parts.append(part.name)
        order.append(channels)
    joined = rewriter.extra(out, "joined")
    rewriter.emit(QConcat(f"{node.name}/join", tuple(parts), joined.name))
    rewriter.select(node.name, joined, out, np.argsort(np.concatenate(order)).tolist())
