"""Convolutions: a standard one, a depthwise one, or a depthwise one followed by a pointwise one, with the tables behind them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from hwgen.compiler.int8.fusion import pointwise_behind, takes_table
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QAdd, QConv, QMul, QTable
from hwgen.compiler.lower.array_loops import (
    ArrayRead,
    read_channels,
    read_folded_image,
    read_packed_image,
    read_taps,
    read_window,
)
from hwgen.compiler.lower.combine import Combine
from hwgen.compiler.lower.elementwise import combine_with
from hwgen.compiler.lower.image import ImageFold
from hwgen.compiler.lower.limits import shift_problems, window_problems
from hwgen.compiler.lower.passes import LogicalPass, View
from hwgen.compiler.lower.state import Lowering
from hwgen.hw.isa.descriptor import FeedMode, WindowOp


@dataclass(frozen=True, eq=False)
class Chain:
    """Operations that share a pass, in the order of the data; at least one of the convolutions is there.

    Attributes:
        depthwise: in the window, or None.
        window_table: behind it.
        array: in the array, or None.
        array_table: behind it.
    """

    depthwise: QConv | None
    window_table: QTable | None
    array: QConv | None
    array_table: QTable | None

    @property
    def first(self) -> QConv:
        """The convolution that reads the input."""
        found = self.depthwise or self.array
        assert found is not None
        return found

    @property
    def last(self) -> QConv | QTable:
        """The operation that gives the output."""
        return self.array_table or self.array or self.window_table or self.first

    @property
    def shared(self) -> set[str]:
        """Outputs of the operations behind the first one, or of all in the array."""
        return {node.output for node in (self.window_table, self.array, self.array_table) if node is not None}


def chain_from(graph: QGraph, node: QConv, unfused: frozenset[str]) -> Chain:
    """What shares the pass of a convolution; a depthwise one of `unfused` keeps its pass to itself."""
    if not node.depthwise:
        return Chain(None, None, node, takes_table(graph, node))
    table = takes_table(graph, node)
    pointwise = None if node.name in unfused else pointwise_behind(graph, (table or node).output)
    return Chain(node, table, pointwise, takes_table(graph, pointwise))


def lower_convolution(state: Lowering, chain: Chain, combined: QAdd | QMul | None = None) -> None:
    """The pass of a chain, and of the sum or product that its output goes into."""
    first, last, depthwise, array = chain.first, chain.last, chain.depthwise, chain.array
    fold = state.fold if first.input == state.graph.input else None
    mode = FeedMode.TAP if depthwise is None else FeedMode.WINDOW
    if fold is None:
        state.problems += window_problems(first, mode)
    for conv in (depthwise, array):
        if conv is not None:
            state.problems += shift_problems(conv)
    if array is not None and array.groups != 1:
        state.problems.append(f"{array.name}: {array.groups} groups; grouped convolutions must be depthwise")
    view = state.buffers.input(first.input, first.name, aligned=depthwise is not None)
    output, operand, identity = state.buffers.place(combined or last)
    combine: Combine | None = None
    if combined is not None:
        combine, operand = combine_with(state, combined, last.output, output, stored=False)
    if view is None:
        return
    if array is None and output.step == 2:
        state.problems.append(f"{last.name}: a depthwise convolution cannot be one half of a merge")
    out = state.graph.tensors[last.output]
    read = None if array is None else _read(state, array, depthwise, view, fold)
    state.passes.append(
        LogicalPass(
            name=last.name if combined is None else f"{last.name}+{combined.name}",
            tensor=(combined or last).output,
            mode=mode,
            op=WindowOp.MAC,
            to_rows=array is None,
            input=view if read is None else read.view,
            window=first.window if read is None else read.window,
            fill=first.input_zero_point,
            output=output,
            height=out.height,
            width=out.width,
            channels=out.channels,
            window_node=depthwise,
            array_node=array,
            window_table=chain.window_table,
            array_table=chain.array_table,
            weights=None if read is None else read.weights,
            operand=operand,
            identity=identity,
            combine=combine,
            macs=0 if array is None or read is None else _macs(array, read, out.height * out.width),
            **({} if read is None else asdict(read.loop)),
        )
    )


def _read(state: Lowering, array: QConv, depthwise: QConv | None, view: View, fold: ImageFold | None) -> ArrayRead:
    if depthwise is not None:
        return read_window(array, view, depthwise)
    if fold is not None:
        return read_folded_image(array, view, fold)
    if view.buffer == state.graph.input and state.buffers.unpack:
        return read_packed_image(array, view)
    if array.window.kernel == (1, 1):
        return read_channels(array, view)
    return read_taps(array, view)


def _macs(array: QConv, read: ArrayRead, pixels: int) -> int:
    """Multiply-accumulates: neither the zeros that fill a loop count, nor the weights that it leaves out."""
    return pixels * min(array.weights.size, read.weights.size)
