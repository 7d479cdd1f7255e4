"""From the int8 graph to logical passes: which operations share a pass, and how the core sees their data.

Slices become views and merges become the way a pass writes, so neither costs a pass.  A depthwise convolution whose only consumer
is a pointwise one shares its pass.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.arithmetic import INT8_MIN, MAX_SHIFT
from hwgen.compiler.int8.fusion import array_input, is_identity, pointwise_behind, takes_table
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import (
    QAdd,
    QAvgPool,
    QConcat,
    QConv,
    QMaxPool,
    QMean,
    QMul,
    QResize,
    QShuffleMerge,
    QSlice,
    QTable,
)
from hwgen.compiler.lower.array_loops import channel_loop, folded_loop, tap_loop, weight_matrix
from hwgen.compiler.lower.averages import averages
from hwgen.compiler.lower.blocks import blocks_of
from hwgen.compiler.lower.buffers import Buffers
from hwgen.compiler.lower.combine import COPY_CHANNELS, Combine, combination, copying, partner
from hwgen.compiler.lower.image import ImageFold
from hwgen.compiler.lower.limits import resized_columns, shift_text, window_problems
from hwgen.compiler.lower.nearest import nearest_form
from hwgen.compiler.lower.passes import LogicalPass, Lowered, Placement, View
from hwgen.errors import UnsupportedOpError
from hwgen.hw.isa.config import WORD_BYTES
from hwgen.hw.isa.descriptor import FeedMode, WindowOp

_Nodes = tuple[QConv | None, QConv | None, QTable | None]
"""Of a pass: what the array computes, what the window computes, the window's table."""


def lower(
    graph: QGraph, *, fold: ImageFold | None = None, whole_image: bool = False, unfused: frozenset[str] = frozenset()
) -> Lowered:
    """The logical passes of a network.

    Args:
        graph: the int8 network.
        fold: how the image lies in memory; None: pixel by pixel, or two to a word.
        whole_image: all of the image is in memory before the first pass.
        apart: names of depthwise convolutions that get a pass of their own.

    Raises:
        UnsupportedOpError: lists every operation that the core does not have.
    """
    return _Lowering(graph, fold, whole_image, unfused).run()


class _Lowering:
    def __init__(self, graph: QGraph, fold: ImageFold | None, whole_image: bool, unfused: frozenset[str]) -> None:
        self.graph = graph
        self.fold = fold
        self.whole_image = whole_image
        self.unfused = unfused
        self.passes: list[LogicalPass] = []
        self.problems: list[str] = []
        self.stores = Buffers(graph, fold, self.problems)
        combined = [node for node in graph.nodes if isinstance(node, QAdd | QMul)]
        self.fused = {name: node for node in combined if (name := array_input(graph, node)) is not None}
        self.delayed: dict[str, _Nodes] = {}
        """Convolutions that share the pass of the sum or product that their output goes into, by that output."""

    def run(self) -> Lowered:
        graph = self.graph
        shared: set[str] = set()  # outputs made in the pass of an earlier node
        for node in graph.nodes:
            if node.output in shared:
                continue
            match node:
                case QConv() if node.depthwise:
                    table = takes_table(graph, node)
                    pointwise = None if node.name in self.unfused else pointwise_behind(graph, (table or node).output)
                    shared |= self._convolutions(pointwise, node, table)
                case QConv():
                    shared |= self._convolutions(node, None, None)
                case QAdd() | QMul():
                    self._sum_or_product(node)
                case QMaxPool() | QAvgPool() | QMean():
                    shared |= self._pool(node)
                case QResize() if (columns := resized_columns(node)) is not None:
                    self._resize(node, *columns)
                case QSlice():
                    self.stores.view(node, node.offset)
                case QTable() if is_identity(node):
                    self.stores.view(node, 0)
                case QShuffleMerge():
                    self.stores.merge(node)
                case QConcat():
                    self.stores.whole(node.output)
                case _:
                    self.problems.append(f"{node.name}: {nearest_form(node)}")
                    self.stores.place(node)  # what reads it is no problem of its own
        if not graph.nodes:
            self.problems.append("no operation is left for the machine")
        if self.problems:
            raise UnsupportedOpError(f"{graph.name}: the machine cannot do all of it", self.problems)
        stores = self.stores
        return Lowered(
            graph.name,
            stores.buffers,
            self.passes,
            stores.views[graph.output].buffer,
            stores.unpack,
            graph.tensors[graph.input].shape,
            self.fold,
            self.whole_image,
            self.unfused,
        )

    def _sum_or_product(self, node: QAdd | QMul) -> None:
        """In the pass of the convolution that makes one of the inputs; else the array copies a stored one."""
        made = [name for name, other in self.fused.items() if other is node]
        if made:
            self._convolution(*self.delayed[made[0]], combined=node)
        else:
            self._element_by_element(node)

    def _element_by_element(self, node: QAdd | QMul) -> None:
        """A sum or product of two stored tensors: as many channels in a pass as the array's sums take to leave."""
        view = self.stores.input(node.left, node.name, aligned=False)
        output, _, _ = self.stores.place(node)
        made, operand = self._combine(node, node.left, output, stored=True)
        if view is None or made is None or operand is None:
            return
        out = self.graph.tensors[node.output]
        for first in range(0, out.channels, COPY_CHANNELS):
            count = min(COPY_CHANNELS, out.channels - first)
            name = f"{node.name}/c{first}" if out.channels > COPY_CHANNELS else node.name
            copy = copying(name, node.left, node.output, count)
            part = View(view.buffer, view.first + first, count)
            loop: dict[str, Any] = tap_loop(copy, part)
            self.passes.append(
                LogicalPass(
                    name=name,
                    tensor=node.output,
                    mode=FeedMode.TAP,
                    op=WindowOp.MAC,
                    to_rows=False,
                    input=part,
                    window=copy.window,
                    fill=0,
                    output=Placement(output.buffer, output.byte + first),
                    height=out.height,
                    width=out.width,
                    channels=count,
                    window_node=None,
                    array_node=copy,
                    window_table=None,
                    array_table=None,
                    weights=weight_matrix(copy),
                    operand=View(operand.buffer, operand.first + first, count),
                    identity=None,
                    combine=made,
                    first_channel=first,
                    **loop,
                )
            )

    def _combine(
        self, node: QAdd | QMul, through_array: str, output: Placement, *, stored: bool
    ) -> tuple[Combine, View] | tuple[None, None]:
        """What the combine element does, and its second operand."""
        operand = self.stores.input(partner(node, through_array), node.name, aligned=False)
        made = combination(self.graph, node, through_array, stored=stored)
        if isinstance(made, str):
            self.problems.append(f"{node.name}: {made}")
        elif output.step == 2:
            self.problems.append(f"{node.name}: an element-wise operation cannot be one half of a merge")
        elif operand is not None and operand.first % WORD_BYTES:
            self.problems.append(
                f"{node.name}: the second operand must begin with a channel divisible by {WORD_BYTES}, not {operand.first}"
            )
        elif operand is not None:
            return made, operand
        return None, None

    def _convolutions(self, array: QConv | None, depthwise: QConv | None, window_table: QTable | None) -> set[str]:
        """As `_convolution`, which comes later if a sum or product shares the pass."""
        array_table = takes_table(self.graph, array)
        last = array_table or array
        if last is None or last.output not in self.fused:
            return self._convolution(array, depthwise, window_table)
        self.delayed[last.output] = array, depthwise, window_table
        return {node.output for node in (window_table, array, array_table) if node is not None}

    def _convolution(
        self,
        array: QConv | None,
        depthwise: QConv | None,
        window_table: QTable | None,
        combined: QAdd | QMul | None = None,
    ) -> set[str]:
        """A standard convolution, a depthwise one, or a depthwise one followed by a pointwise one, with the tables behind them and the
        sum or product that it goes into.

        Returns what else than the first one's output is made by the same pass.
        """
        array_table = takes_table(self.graph, array)
        last = array_table or array or window_table or depthwise
        first = depthwise or array
        assert last is not None and first is not None
        made = {node.output for node in (window_table, array, array_table) if node is not None}
        fold = self.fold if first.input == self.graph.input else None
        if fold is None:
            self.problems += window_problems(first, FeedMode.WINDOW if depthwise else FeedMode.TAP)
        if array is not None and array.groups != 1:
            self.problems.append(f"{array.name}: {array.groups} groups; grouped convolutions must be depthwise")
        view = self.stores.input(first.input, first.name, aligned=depthwise is not None)
        output, operand, identity = self.stores.place(combined or last)
        combine = None
        if combined is not None:
            combine, operand = self._combine(combined, last.output, output, stored=False)
        if view is None:
            return made
        if depthwise is not None and array is None and output.step == 2:
            self.problems.append(f"{last.name}: a depthwise convolution cannot be one half of a merge")
        out = self.graph.tensors[last.output]
        geometry, weights = first.window, None
        loop: dict[str, Any] = {}
        if array is not None and depthwise is not None:
            loop = {"inner": array.in_channels}
            weights = weight_matrix(array)
        elif array is not None and fold is not None:
            geometry, weights = fold.window, fold.matrix(array)
            loop = {
                "inner": fold.bytes,
                "outer": fold.window.kernel[0],
                "outer_stride": WORD_BYTES * fold.pixel_words,
                "words": fold.pixel_words,
            }
        elif array is not None and view.buffer == self.graph.input and self.stores.unpack:
            geometry, loop, weights = folded_loop(array)
        elif array is not None and array.window.kernel == (1, 1):
            view, loop, weights = channel_loop(array, view)
        elif array is not None:
            loop = tap_loop(array, view)
            weights = weight_matrix(array)
        self.passes.append(
            LogicalPass(
                name=last.name if combined is None else f"{last.name}+{combined.name}",
                tensor=(combined or last).output,
                mode=FeedMode.TAP if depthwise is None else FeedMode.WINDOW,
                op=WindowOp.MAC,
                to_rows=array is None,
                input=view,
                window=geometry,
                fill=first.input_zero_point,
                output=output,
                height=out.height,
                width=out.width,
                channels=out.channels,
                window_node=depthwise,
                array_node=array,
                window_table=window_table,
                array_table=array_table,
                weights=weights,
                operand=operand,
                identity=identity,
                combine=combine,
                macs=0
                if array is None or weights is None
                else out.height * out.width * min(array.weights.size, weights.size),
                **loop,
            )
        )
        return made

    def _pool(self, node: QMaxPool | QAvgPool | QMean) -> set[str]:
        source, out = self.graph.tensors[node.input], self.graph.tensors[node.output]
        table = takes_table(self.graph, node)
        last, made = table or node, {table.output} if table else set()
        window = Window((source.height, source.width)) if isinstance(node, QMean) else node.window
        whole = window.kernel == (source.height, source.width) and not any(window.padding)
        average, single = None, True
        if isinstance(node, QMaxPool):
            self.problems += window_problems(node, FeedMode.WINDOW)
        elif isinstance(node, QAvgPool) and not whole:
            self.problems += window_problems(node, FeedMode.WINDOW)
            average = averages(window, source.height, source.width)
            single = blocks_of(FeedMode.WINDOW, window).total == 1
            if average is None or (not single and average.scales != (1, 1, 1, 1)):
                self.problems.append(
                    f"{node.name}: windows of {window.kernel} with padding {window.padding} have too many counts of valid "
                    "elements; nearest: VALID padding, or 3x3"
                )
        elif isinstance(node, QMean) and not 0 <= node.shift <= MAX_SHIFT:
            self.problems.append(f"{node.name}: {shift_text(node.shift)}")
        view = self.stores.input(node.input, node.name, aligned=True)
        output, _, _ = self.stores.place(last)
        if output.step == 2:
            self.problems.append(f"{node.name}: a pool cannot be one half of a merge")
        if view is None:
            return made
        if isinstance(node, QMaxPool):
            mode, op = FeedMode.WINDOW, WindowOp.MAX
        elif whole:
            mode, op = FeedMode.SUM, WindowOp.MAC
        else:
            # Sums of several blocks are not scaled on the way.
            mode, op = FeedMode.WINDOW, WindowOp.AVERAGE if single else WindowOp.MAC
        self.passes.append(
            LogicalPass(
                name=last.name,
                tensor=last.output,
                mode=mode,
                op=op,
                to_rows=True,
                input=view,
                window=window,
                fill=INT8_MIN if isinstance(node, QMaxPool) else 0,
                output=output,
                height=out.height,
                width=out.width,
                channels=out.channels,
                window_node=node,
                window_table=table,
                average=average,
            )
        )
        return made

    def _resize(self, node: QResize, repeat: int, first: int, stride: int) -> None:
        """Row by row; columns that are repeated take a pass for each place."""
        view = self.stores.input(node.input, node.name, aligned=True)
        output, _, _ = self.stores.place(node)
        out = self.graph.tensors[node.output]
        for pixel in range(repeat if view is not None else 0):
            assert view is not None
            self.passes.append(
                LogicalPass(
                    name=f"{node.name}/{pixel}" if repeat > 1 else node.name,
                    tensor=node.output,
                    mode=FeedMode.WINDOW,
                    op=WindowOp.MAX,
                    to_rows=True,
                    input=view,
                    window=Window(stride=(1, stride), padding=(0, 0, -first, 0)),
                    fill=INT8_MIN,
                    output=replace(output, pixel=pixel, pixels=repeat),
                    height=out.height,
                    width=out.width // repeat,
                    channels=out.channels,
                    row_of=node.rows,
                )
            )
