"""From the int8 graph to logical passes: which operations share a pass, and how the ring sees their data.

Slices become views and merges become the way a pass writes, so neither costs a pass.  A depthwise convolution whose only consumer
is a pointwise one shares its pass.
"""

from __future__ import annotations

import numpy as np

from compiler.errors import UnsupportedOpError, one_line
from compiler.plan.image import ImageFold
from compiler.plan.passes import Buffer, LogicalPass, Lowered, Placement, View
from compiler.qgraph import (
    QAvgPool,
    QConv,
    QGraph,
    QMaxPool,
    QNode,
    QShuffleMerge,
    QSlice,
)
from compiler.window import Window
from hw.config import WORD_BYTES
from hw.descriptor import FeedMode, WindowOp

MAX_KERNEL = (3, 7)
"""Largest kernel of a standard convolution (rows, columns)."""

MAX_WINDOW = (3, 3)
"""Largest kernel of a depthwise convolution or a max pool."""

PIXEL_BYTES = 4
"""Bytes of an image pixel when two share a word."""

INT8_MIN = -128


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
        self.unpack = False

    def run(self) -> Lowered:
        graph = self.graph
        self._image()
        skipped: set[str] = set()  # depthwise convolutions that share the pass of their consumer
        for node in graph.nodes:
            match node:
                case QConv() if node.depthwise and (pointwise := self._pointwise_consumer(node)) is not None:
                    skipped.add(node.output)
                    self._convolution(pointwise, node)
                case QConv() if node.input in skipped:
                    pass
                case QConv():
                    self._convolution(node if not node.depthwise else None, node if node.depthwise else None)
                case QMaxPool() | QAvgPool():
                    self._pool(node)
                case QSlice():
                    self._slice(node)
                case QShuffleMerge():
                    self._merge(node)
                case _:
                    self.problems.append(f"{node.name}: {node.op} is not an operation of the ring")
        if self.problems:
            raise UnsupportedOpError(
                f"{graph.name}: {one_line(self.problems)}; the ring has convolutions of one group, depthwise convolutions and "
                "max pools up to 3x3, global average pools, slices, and merges of two halves"
            )
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

    def _pointwise_consumer(self, node: QConv) -> QConv | None:
        consumers = self.graph.consumers(node.output)
        if len(consumers) == 1 and isinstance(consumers[0], QConv) and consumers[0].pointwise:
            return consumers[0]
        return None

    def _slice(self, node: QSlice) -> None:
        view = self.views.get(node.input)
        if view is None:
            self.problems.append(f"{node.name}: a slice of {node.input}, which is one half of a merge")
            return
        self.views[node.output] = View(view.buffer, view.first + node.offset, node.channels)

    def _merge(self, node: QShuffleMerge) -> None:
        """The halves' passes have written the merged tensor already."""
        self.views[node.output] = View(node.output, 0, self.graph.tensors[node.output].channels)
        if node.output not in self.buffers:
            self.problems.append(f"{node.name}: the processed half {node.processed} must come from a convolution")

    def _buffer(self, tensor: str) -> Buffer:
        height, width, channels = self.graph.tensors[tensor].shape
        return self.buffers.setdefault(tensor, Buffer(tensor, height, width, channels, _words(channels)))

    def _place(self, node: QNode) -> tuple[Placement, View | None, str | None]:
        """Where a node's output goes: a tensor of its own, or one half of a merge (with the other half as operand)."""
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

    def _convolution(self, array: QConv | None, depthwise: QConv | None) -> None:
        """A standard convolution, a depthwise one, or a depthwise one followed by a pointwise one."""
        last = array or depthwise
        first = depthwise or array
        assert last is not None and first is not None
        fold = self.fold if first.input == self.graph.input else None
        if fold is None:
            self._check(first, MAX_WINDOW if depthwise else MAX_KERNEL)
        if array is not None and array.groups != 1:
            self.problems.append(f"{array.name}: {array.groups} groups; grouped convolutions must be depthwise")
        view = self._input(first.input, first.name, aligned=depthwise is not None)
        output, operand, identity = self._place(last)
        if view is None:
            return
        if depthwise is not None and array is None and output.step == 2:
            self.problems.append(f"{last.name}: a depthwise convolution cannot be one half of a merge")
        out = self.graph.tensors[last.output]
        geometry, loop, weights = first.window, {}, None
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
        elif array is not None:
            loop = _taps(array, view)
            weights = _matrix(array)
        self.passes.append(
            LogicalPass(
                name=last.name,
                tensor=last.output,
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
                weights=weights,
                operand=operand,
                identity=identity,
                macs=0 if array is None else array.macs(out.shape),
                **loop,
            )
        )

    def _pool(self, node: QMaxPool | QAvgPool) -> None:
        source, out = self.graph.tensors[node.input], self.graph.tensors[node.output]
        average = isinstance(node, QAvgPool)
        if average:
            if node.window.kernel != (source.height, source.width) or any(node.window.padding):
                self.problems.append(
                    f"{node.name}: average pools must be global, not {node.window.kernel} of {source.shape}"
                )
        else:
            self._check(node, MAX_WINDOW)
        view = self._input(node.input, node.name, aligned=True)
        output, _, _ = self._place(node)
        if output.step == 2:
            self.problems.append(f"{node.name}: a pool cannot be one half of a merge")
        if view is None:
            return
        self.passes.append(
            LogicalPass(
                name=node.name,
                tensor=node.output,
                mode=FeedMode.SUM if average else FeedMode.WINDOW,
                op=WindowOp.MAC if average else WindowOp.MAX,
                to_rows=True,
                input=view,
                window=node.window,
                fill=0 if average else INT8_MIN,
                output=output,
                height=out.height,
                width=out.width,
                channels=out.channels,
                window_node=node,
            )
        )

    def _check(self, node: QConv | QMaxPool | QAvgPool, limit: tuple[int, int]) -> None:
        window = node.window
        if window.kernel[0] > limit[0] or window.kernel[1] > limit[1]:
            self.problems.append(f"{node.name}: kernel {window.kernel}; at most {limit} here")
        if window.dilation != (1, 1):
            self.problems.append(f"{node.name}: dilation {window.dilation}; only 1 is possible")
        if max(window.stride) > 3:
            self.problems.append(f"{node.name}: stride {window.stride}; at most 3")
        wide = window.padding[0] >= window.kernel[0] or window.padding[2] >= window.kernel[1]
        if wide and any(window.padding):
            self.problems.append(
                f"{node.name}: padding {window.padding} must be smaller than the kernel {window.kernel}"
            )


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
