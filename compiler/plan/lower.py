"""From the int8 graph to logical passes: which operations share a pass, and how the ring sees their data.

Slices become views and merges become the way a pass writes, so neither costs a pass.  A depthwise convolution whose only consumer
is a pointwise one shares its pass.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from compiler.arithmetic import INT8_MIN, MAX_SHIFT
from compiler.errors import UnsupportedOpError
from compiler.plan.averages import averages
from compiler.plan.blocks import CHAIN_STRIDE, MOST_STEPS, MOST_STRIDE, MOST_TAPS, blocks_of, possible
from compiler.plan.combine import COPY_CHANNELS, Combine, combination, copying, partner
from compiler.plan.fusion import array_input, is_identity, pointwise_behind, takes_table
from compiler.plan.image import ImageFold
from compiler.plan.k_loop import k_loop
from compiler.plan.nearest import nearest_form
from compiler.plan.passes import Buffer, LogicalPass, Lowered, Placement, View
from compiler.qgraph import (
    QAdd,
    QAvgPool,
    QConcat,
    QConv,
    QGraph,
    QMaxPool,
    QMean,
    QMul,
    QNode,
    QResize,
    QShuffleMerge,
    QSlice,
    QTable,
)
from compiler.window import Window
from hw.config import WINDOW_TAPS, WORD_BYTES
from hw.descriptor import FeedMode, WindowOp

MAX_LEFT = 16
"""Most columns of padding before the first one."""

_Nodes = tuple[QConv | None, QConv | None, QTable | None]
"""Of a pass: what the array computes, what the window computes, the window's table."""

PIXEL_BYTES = 4
"""Bytes of an image pixel when two share a word."""


def lower(graph: QGraph, *, fold: ImageFold | None = None, whole_image: bool = False) -> Lowered:
    """The logical passes of a network.

    Args:
        graph: the int8 network.
        fold: how the image lies in memory; None: pixel by pixel, or two to a word.
        whole_image: all of the image is in memory before the first pass.

    Raises:
        UnsupportedOpError: lists every operation that the ring does not have.
    """
    return _Lowering(graph, fold, whole_image).run()


class _Lowering:
    def __init__(self, graph: QGraph, fold: ImageFold | None = None, whole_image: bool = False) -> None:
        self.graph = graph
        self.fold = fold
        self.whole_image = whole_image
        self.buffers: dict[str, Buffer] = {}
        self.views: dict[str, View] = {}
        self.passes: list[LogicalPass] = []
        self.problems: list[str] = []
        self.merges = {
            name: node
            for node in graph.nodes
            if isinstance(node, QShuffleMerge)
            for name in (node.processed, node.identity)
        }
        self.parts = _parts(graph)
        self.unpack = False
        combined = [node for node in graph.nodes if isinstance(node, QAdd | QMul)]
        self.fused = {name: node for node in combined if (name := array_input(graph, node)) is not None}
        self.delayed: dict[str, _Nodes] = {}
        """Convolutions that share the pass of the sum or product that their output goes into, by that output."""

    def run(self) -> Lowered:
        graph = self.graph
        self._image()
        shared: set[str] = set()  # outputs made in the pass of an earlier node
        for node in graph.nodes:
            if node.output in shared:
                continue
            match node:
                case QConv() if node.depthwise:
                    table = takes_table(graph, node)
                    pointwise = pointwise_behind(graph, (table or node).output)
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
                    self._view(node, node.offset)
                case QTable() if is_identity(node):
                    self._view(node, 0)
                case QShuffleMerge():
                    self._merge(node)
                case QConcat():
                    self.views[node.output] = View(node.output, 0, graph.tensors[node.output].channels)
                case _:
                    self.problems.append(f"{node.name}: {nearest_form(node)}")
                    self._place(node)  # what reads it is no problem of its own
        if not graph.nodes:
            self.problems.append("no operation is left for the machine")
        if self.problems:
            raise UnsupportedOpError(f"{graph.name}: the machine cannot do all of it", self.problems)
        result = self.views[graph.output].buffer
        shape = graph.tensors[graph.input].shape
        return Lowered(
            graph.name, self.buffers, self.passes, graph.input, result, self.unpack, shape, self.fold, self.whole_image
        )

    def _image(self) -> None:
        """Three-channel images whose readers all take every second column hold two pixels in a word."""
        graph = self.graph
        height, width, channels = graph.tensors[graph.input].shape
        if (fold := self.fold) is not None:
            channels = fold.bytes
            self.buffers[graph.input] = Buffer(
                graph.input, fold.height, fold.width, channels, fold.pixel_words, image=True
            )
            self.views[graph.input] = View(graph.input, 0, channels)
            return
        readers = graph.consumers(graph.input)
        self.unpack = (
            channels == 3
            and width % 2 == 0
            and all(isinstance(node, QConv) and node.window.stride[1] == 2 and not node.depthwise for node in readers)
        )
        if self.unpack:
            self.buffers[graph.input] = Buffer(graph.input, height, width // 2, WORD_BYTES, 1, image=True)
        else:
            self.buffers[graph.input] = Buffer(graph.input, height, width, channels, _words(channels), image=True)
        self.views[graph.input] = View(graph.input, 0, channels)

    def _view(self, node: QSlice | QTable, offset: int) -> None:
        view = self.views.get(node.input)
        if view is None:
            self.problems.append(f"{node.name}: a part of {node.input}, which is one half of a merge")
            return
        self.views[node.output] = View(view.buffer, view.first + offset, self.graph.tensors[node.output].channels)

    def _merge(self, node: QShuffleMerge) -> None:
        """The halves' passes have written the merged tensor already."""
        self.views[node.output] = View(node.output, 0, self.graph.tensors[node.output].channels)
        if node.output not in self.buffers:
            self.problems.append(f"{node.name}: the processed half {node.processed} must come from a convolution")

    def _buffer(self, tensor: str) -> Buffer:
        height, width, channels = self.graph.tensors[tensor].shape
        return self.buffers.setdefault(tensor, Buffer(tensor, height, width, channels, _words(channels)))

    def _place(self, node: QNode) -> tuple[Placement, View | None, str | None]:
        """Where a node's output goes: a tensor of its own, a part of one, or one half of a merge (with the other half as operand)."""
        if node.output in self.parts:
            whole, first = self.parts[node.output]
            self._buffer(whole)
            self.views[node.output] = View(whole, first, self.graph.tensors[node.output].channels)
            return Placement(whole, first), None, None
        merge = self.merges.get(node.output)
        if merge is None or len(self.graph.consumers(node.output)) > 1:
            self._buffer(node.output)
            self.views[node.output] = View(node.output, 0, self.graph.tensors[node.output].channels)
            return Placement(node.output), None, None
        self._buffer(merge.output)
        if node.output == merge.identity:
            return Placement(merge.output, 0, 2), None, None
        other = self.graph.producer(merge.identity)
        if isinstance(other, QConv) and len(self.graph.consumers(merge.identity)) == 1:
            return Placement(merge.output, 1, 2), None, None
        identity = self.views.get(merge.identity)
        if identity is None or identity.first % WORD_BYTES:
            self.problems.append(f"{merge.name}: the identity half must begin with a channel divisible by {WORD_BYTES}")
        return Placement(merge.output, 1, 2), identity, merge.identity

    def _input(self, name: str, node: str, aligned: bool) -> View | None:
        view = self.views.get(name)
        if view is None:
            self.problems.append(f"{node}: its input {name} is one half of a merge and is never stored alone")
        elif aligned and view.first % WORD_BYTES:
            self.problems.append(
                f"{node}: a window's input must begin with a channel divisible by {WORD_BYTES}, not {view.first}"
            )
        return view

    def _sum_or_product(self, node: QAdd | QMul) -> None:
        """In the pass of the convolution that makes one of the inputs; else the array copies a stored one."""
        made = [name for name, other in self.fused.items() if other is node]
        if made:
            self._convolution(*self.delayed[made[0]], combined=node)
        else:
            self._element_by_element(node)

    def _element_by_element(self, node: QAdd | QMul) -> None:
        """A sum or product of two stored tensors: as many channels in a pass as the array's sums take to leave."""
        view = self._input(node.left, node.name, aligned=False)
        output, _, _ = self._place(node)
        made, operand = self._combine(node, node.left, output, stored=True)
        if view is None or made is None or operand is None:
            return
        out = self.graph.tensors[node.output]
        for first in range(0, out.channels, COPY_CHANNELS):
            count = min(COPY_CHANNELS, out.channels - first)
            name = f"{node.name}/c{first}" if out.channels > COPY_CHANNELS else node.name
            copy = copying(name, node.left, node.output, count)
            part = View(view.buffer, view.first + first, count)
            loop: dict[str, Any] = _taps(copy, part)
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
                    weights=_matrix(copy),
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
        operand = self._input(partner(node, through_array), node.name, aligned=False)
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
            self._check(first, FeedMode.WINDOW if depthwise else FeedMode.TAP)
        if array is not None and array.groups != 1:
            self.problems.append(f"{array.name}: {array.groups} groups; grouped convolutions must be depthwise")
        view = self._input(first.input, first.name, aligned=depthwise is not None)
        output, operand, identity = self._place(combined or last)
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
            weights = _matrix(array)
        elif array is not None and fold is not None:
            geometry, weights = fold.window, fold.matrix(array)
            loop = {
                "inner": fold.bytes,
                "outer": fold.window.kernel[0],
                "outer_stride": WORD_BYTES * fold.pixel_words,
                "words": fold.pixel_words,
            }
        elif array is not None and view.buffer == self.graph.input and self.unpack:
            geometry, loop, weights = _folded(array)
        elif array is not None and array.window.kernel == (1, 1):
            view, loop, weights = _channels(array, view)
        elif array is not None:
            loop = _taps(array, view)
            weights = _matrix(array)
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
            self._check(node, FeedMode.WINDOW)
        elif isinstance(node, QAvgPool) and not whole:
            self._check(node, FeedMode.WINDOW)
            average = averages(window, source.height, source.width)
            single = blocks_of(FeedMode.WINDOW, window).total == 1
            if average is None or (not single and average.scales != (1, 1, 1, 1)):
                self.problems.append(
                    f"{node.name}: windows of {window.kernel} with padding {window.padding} have too many counts of valid "
                    "elements; nearest: VALID padding, or 3x3"
                )
        elif isinstance(node, QMean) and not 0 <= node.shift <= MAX_SHIFT:
            self.problems.append(f"{node.name}: {_shift_text(node.shift)}")
        view = self._input(node.input, node.name, aligned=True)
        output, _, _ = self._place(last)
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
        view = self._input(node.input, node.name, aligned=True)
        output, _, _ = self._place(node)
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

    def _check(self, node: QConv | QMaxPool | QAvgPool, mode: FeedMode) -> None:
        window = node.window
        if not possible(mode, window):
            limit = 3 * MOST_STEPS if mode == FeedMode.WINDOW else MOST_STEPS
            taps = f", {MOST_TAPS} taps" if mode == FeedMode.TAP else ""
            self.problems.append(
                f"{node.name}: kernel {window.kernel} with dilation {window.dilation}; nearest: at most {limit} rows and columns{taps}, "
                f"dilation {MOST_STEPS}"
            )
        if isinstance(node, QMaxPool) and max(window.kernel) > WINDOW_TAPS:
            self.problems.append(
                f"{node.name}: a pool of {window.kernel} with stride {window.stride}; nearest: stride 1 to 7"
            )
        if max(window.stride) > MOST_STRIDE:
            self.problems.append(f"{node.name}: stride {window.stride}; nearest: at most {MOST_STRIDE}")
        if window.padding[2] > MAX_LEFT:
            self.problems.append(f"{node.name}: {window.padding[2]} columns of padding; nearest: at most {MAX_LEFT}")
        if isinstance(node, QConv) and (node.shift.min() < 0 or node.shift.max() > MAX_SHIFT):
            self.problems.append(f"{node.name}: {_shift_text(int(node.shift.min()))}")
        if isinstance(node, QConv) or window.kernel == (1, 1):
            return  # it may cut off and surround
        wide = window.padding[0] >= window.span[0] or window.padding[2] >= window.span[1]
        if wide and any(window.padding):
            self.problems.append(
                f"{node.name}: padding {window.padding} must be smaller than the kernel {window.kernel}"
            )


def _parts(graph: QGraph) -> dict[str, tuple[str, int]]:
    """Parts of concatenations: the whole tensor and the part's first channel in it."""
    found = {}
    for node in graph.nodes:
        if isinstance(node, QConcat):
            past = 0
            for i, name in enumerate(node.sources):
                first = node.offsets[i] if node.offsets else past
                found[name] = node.output, first
                past = first + graph.tensors[name].channels
    return found


def resized_columns(node: QResize) -> tuple[int, int, int] | None:
    """(repeat, first, stride): every column that many times, or every `stride`-th from `first` on; None for other columns."""
    columns, repeat = node.columns, node.columns.count(node.columns[0])
    if len(columns) % repeat == 0 and columns == tuple(x // repeat for x in range(len(columns))):
        return repeat, 0, 1
    strides = {int(step) for step in np.diff(columns)} or {1}
    stride = min(strides)
    return (1, columns[0], stride) if len(strides) == 1 and 1 <= stride <= CHAIN_STRIDE else None


def _shift_text(shift: int) -> str:
    return f"a requantisation by 2^{-shift} and more; nearest: factors below 1, an output scale above the input's times the weights'"


def _words(channels: int) -> int:
    return -(-channels // WORD_BYTES)


def _matrix(conv: QConv) -> np.ndarray:
    """Weights [channels, K] with K in the order tap row, tap column, input channel."""
    return conv.weights.reshape(conv.out_channels, -1)


def _taps(conv: QConv, view: View) -> dict[str, int]:
    """K loop over the words that the fetch reads for every tap; words may hold foreign channels before and behind the view."""
    kernel_h, kernel_w = conv.window.kernel
    first_byte = view.first % WORD_BYTES
    words = _words(first_byte + view.channels)
    return {
        "first_byte": first_byte,
        "inner": view.channels,
        "outer": kernel_h * kernel_w,
        "outer_stride": words * WORD_BYTES,
        "words": words,
    }


def _channels(conv: QConv, view: View) -> tuple[View, dict[str, int], np.ndarray]:
    """What a 1x1 kernel reads, its K loop and its weights: only the channels whose weights are not all zero."""
    matrix = _matrix(conv)
    steps = k_loop(np.any(matrix, axis=0))
    channels = steps.channels()
    view = View(view.buffer, view.first + steps.first, int(channels[-1]) - steps.first + 1)
    loop = {**_taps(conv, view), "inner": steps.inner, "outer": steps.outer, "outer_stride": steps.stride}
    return view, loop, matrix[:, channels]


def _folded(conv: QConv) -> tuple[Window, dict[str, int], np.ndarray]:
    """A convolution of stride 2 on an image with two pixels in a word: one tap is a word, one word to the right per output column."""
    kernel_h, kernel_w = conv.window.kernel
    top, bottom, left, right = conv.window.padding
    odd = left % 2  # the first tap is the second pixel of its word
    taps = (odd + kernel_w - 1) // 2 + 1
    inner = PIXEL_BYTES * (kernel_w - 1) + conv.in_channels
    window = Window((kernel_h, taps), (conv.window.stride[0], 1), (top, bottom, (left + 1) // 2, (right + 1) // 2))
    weights = np.zeros((conv.out_channels, kernel_h, inner), np.int8)
    for kx in range(kernel_w):
        weights[:, :, PIXEL_BYTES * kx : PIXEL_BYTES * kx + conv.in_channels] = conv.weights[:, :, kx, :]
    loop = {
        "first_byte": PIXEL_BYTES * odd,
        "inner": inner,
        "outer": kernel_h,
        "outer_stride": WORD_BYTES * taps,
        "words": 1,
    }
    return window, loop, weights.reshape(conv.out_channels, -1)
