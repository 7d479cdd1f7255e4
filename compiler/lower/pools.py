"""Pools: the maximum or the mean of a window, and the mean of a whole map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.arithmetic import INT8_MIN, MAX_SHIFT, average_multiplier
from hwgen.compiler.int8.fusion import takes_table
from hwgen.compiler.int8.nodes import QAvgPool, QMaxPool, QMean
from hwgen.compiler.lower.averages import Averages, averages
from hwgen.compiler.lower.blocks import blocks_of
from hwgen.compiler.lower.limits import shift_text, window_problems
from hwgen.compiler.lower.passes import LogicalPass
from hwgen.compiler.lower.state import Lowering
from hwgen.errors import ModelError
from hwgen.hw.isa.descriptor import FeedMode, WindowOp


@dataclass(frozen=True)
class _Pooling:
    """What the window does for a pool."""

    mode: FeedMode
    op: WindowOp
    window: Window
    fill: int = 0
    average: Averages | None = None


def lower_pool(state: Lowering, node: QMaxPool | QAvgPool | QMean) -> set[str]:
    """The pass of a pool and of the table behind it; returns the table's output, if there is one."""
    table = takes_table(state.graph, node)
    last, shared = table or node, {table.output} if table else set()
    pooling = _pooling(state, node)
    view = state.buffers.input(node.input, node.name, aligned=True)
    output, _, _ = state.buffers.place(last)
    if output.step == 2:
        state.problems.append(f"{node.name}: a pool cannot be one half of a merge")
    if view is None:
        return shared
    out = state.graph.tensors[node.output]
    state.passes.append(
        LogicalPass(
            name=last.name,
            tensor=last.output,
            mode=pooling.mode,
            op=pooling.op,
            to_rows=True,
            input=view,
            window=pooling.window,
            fill=pooling.fill,
            output=output,
            height=out.height,
            width=out.width,
            channels=out.channels,
            window_node=node,
            window_table=table,
            average=pooling.average,
        )
    )
    return shared


def _pooling(state: Lowering, node: QMaxPool | QAvgPool | QMean) -> _Pooling:
    source = state.graph.tensors[node.input]
    if isinstance(node, QMaxPool):
        state.problems += window_problems(node, FeedMode.WINDOW)
        return _Pooling(FeedMode.WINDOW, WindowOp.MAX, node.window, INT8_MIN)
    if isinstance(node, QMean):
        if not 0 <= node.shift <= MAX_SHIFT:
            state.problems.append(f"{node.name}: {shift_text(node.shift)}")
        return _Pooling(FeedMode.SUM, WindowOp.MAC, Window((source.height, source.width)))
    if node.window.kernel == (source.height, source.width) and not any(node.window.padding):
        state.problems += _inexact(node, source.height * source.width)
        return _Pooling(FeedMode.SUM, WindowOp.MAC, node.window)
    return _local_average(state, node, source.height, source.width)


def _local_average(state: Lowering, node: QAvgPool, height: int, width: int) -> _Pooling:
    """A mean over a window, of a map of this size."""
    state.problems += window_problems(node, FeedMode.WINDOW)
    average = averages(node.window, height, width)
    single = blocks_of(FeedMode.WINDOW, node.window).total == 1
    if average is None or (not single and average.scales != (1, 1, 1, 1)):
        state.problems.append(
            f"{node.name}: windows of {node.window.kernel} with padding {node.window.padding} have too many counts of valid "
            "elements; nearest: VALID padding, or 3x3"
        )
    else:
        state.problems += _inexact(node, average.divisor)
    # Sums of several blocks are not scaled on the way.
    return _Pooling(FeedMode.WINDOW, WindowOp.AVERAGE if single else WindowOp.MAC, node.window, average=average)


def _inexact(node: QAvgPool, count: int) -> Iterator[str]:
    """A problem if no multiplier divides exactly by that many elements."""
    try:
        average_multiplier(count)
    except ModelError:
        kernel = " x ".join(map(str, node.window.kernel))
        yield f"{node.name}: a mean of {kernel} elements that is exact to the bit; nearest: a mean over the whole map (MEAN)"
