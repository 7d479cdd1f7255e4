"""Logical passes: what one journey through the core computes, before it is cut into stripes and given addresses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.nodes import QAvgPool, QConv, QMaxPool, QMean, QTable
from hwgen.compiler.lower.averages import Averages
from hwgen.compiler.lower.blocks import Blocks, blocks_of
from hwgen.compiler.lower.combine import Combine
from hwgen.compiler.lower.image import ImageFold
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WORD_BYTES
from hwgen.hw.isa.descriptor import COMBINE_WORDS, FeedMode, WindowOp


@dataclass(frozen=True)
class Buffer:
    """A tensor of the activation memory.

    Attributes:
        name: tensor of the int8 graph whose values it holds.
        height, width: rows, and memory pixels of a row (of an image with two pixels in a word: words).
        channels: bytes in use per memory pixel.
        pixel_words: words per memory pixel.
        image: written by the DMA, not by a pass.
        source: buffer that it is a copy of, which the DMA brings back from the SDRAM; None for all others.
    """

    name: str
    height: int
    width: int
    channels: int
    pixel_words: int
    image: bool = False
    source: str | None = None

    @property
    def loaded(self) -> bool:
        """The DMA writes it, not a pass."""
        return self.image or self.source is not None

    @property
    def row_words(self) -> int:
        return self.width * self.pixel_words

    @property
    def size(self) -> int:
        """Bytes of the whole tensor, padding included."""
        return self.height * self.row_words * WORD_BYTES


@dataclass(frozen=True)
class View:
    """Channels `first .. first + channels - 1` of a buffer's pixels."""

    buffer: str
    first: int
    channels: int


@dataclass(frozen=True)
class Placement:
    """Where a pass writes: channel c of its output becomes byte `byte + step * c` of the buffer's pixels."""

    buffer: str
    byte: int = 0
    step: int = 1
    pixel: int = 0  # pixel x of the output is the buffer's pixel `pixel + pixels * x`
    pixels: int = 1
    row: int = 0  # row y of the output is the buffer's row `row + y`


@dataclass(frozen=True, eq=False)
class LogicalPass:
    """One or two operations of the int8 graph that the core computes together.

    Attributes:
        name: of the operation that gives the output.
        tensor: tensor of the int8 graph that it writes.
        mode, op, to_rows: as in `hwgen.hw.isa.descriptor.Descriptor`.
        input: what the fetch reads.
        window: geometry from the input buffer's memory pixels to the output.
        first_byte, inner, outer, outer_stride: K loop over a pixel's words in the pixel ring (not used with `to_rows`), in steps.
        k_steps: bytes of a step.
        words: words per tap (TAP) that the fetch reads.
        fill: value of elements outside the input.
        window_node: what the window computes, or None.
        array_node: what the array computes, or None.
        window_table, array_table: tables behind their requantisers, or None.
        weights: int8 [channels, K * k_steps] in the order of the K loop, or None.
        output: where the result goes.
        height, width, channels: of the result.
        operand: second operand of a merge or of `combine`, or None; of a merge, `identity` is the tensor of the int8 graph that it holds.
        combine: what becomes of the array's result and the operand, element by element, or None.
        striped: a sum over a map whose rows may come in stripes: `height` counts the map's rows, each stripe gives the result of all rows
            so far.
        first_channel: channel of `tensor` that is channel 0 of the pass.
        average: of a local average pool, or None.
        row_of: input row of every output row, each a pass of its own; () if the window goes over the rows.
        macs: multiply-accumulates of the array for the whole tensor, padding not counted.
        frame: of a batch that it belongs to; None if there is no batch, or if it computes all frames at once.
    """

    name: str
    tensor: str
    mode: FeedMode
    op: WindowOp
    to_rows: bool
    input: View
    window: Window
    fill: int
    output: Placement
    height: int
    width: int
    channels: int
    first_byte: int = 0
    inner: int = 0
    outer: int = 1
    outer_stride: int = 0
    words: int = 0
    window_node: QConv | QMaxPool | QAvgPool | QMean | None = None
    array_node: QConv | None = None
    window_table: QTable | None = None
    array_table: QTable | None = None
    weights: np.ndarray | None = None
    average: Averages | None = None
    row_of: tuple[int, ...] = ()
    operand: View | None = None
    identity: str | None = None
    combine: Combine | None = None
    striped: bool = False
    first_channel: int = 0
    macs: int = 0
    frame: int | None = None
    k_steps: int = 1

    @property
    def depth(self) -> int:
        """K, steps of one sum of the array."""
        return self.inner * self.outer

    @cached_property
    def views(self) -> list[View]:
        """What it reads: the input, then the operand."""
        return [self.input] if self.operand is None else [self.input, self.operand]

    @cached_property
    def blocks(self) -> Blocks:
        """How the core walks over the kernel."""
        return blocks_of(self.mode, self.window)

    @cached_property
    def whole(self) -> bool:
        """The pass needs all input rows before its first result."""
        return self.mode == FeedMode.SUM and not self.striped

    def output_rows(self, first: int, past: int) -> tuple[int, int]:
        """Rows (first, past) of the output buffer that a step with rows `first .. past - 1` writes."""
        low, high = (0, 1) if self.mode == FeedMode.SUM else (first, past)
        return low + self.output.row, high + self.output.row

    @property
    def above(self) -> int:
        """Rows of its tensor above its own: a tensor of a batch has those of all frames one below the other."""
        return (self.frame or 0) * (1 if self.mode == FeedMode.SUM else self.height)

    def operand_rows(self, first: int, past: int) -> tuple[int, int]:
        """Rows (first, past) of the operand that output rows `first .. past - 1` need."""
        return (0, 1) if self.combine is not None and self.combine.still else (first, past)

    def input_rows(self, first: int, past: int, height: int) -> tuple[int, int]:
        """Rows (first, past) of an input of `height` rows that output rows `first .. past - 1` need."""
        if self.whole:
            return 0, height
        if self.striped:
            return first, past
        if self.row_of:
            return self.row_of[first], self.row_of[past - 1] + 1
        stride, pad, kernel = self.window.stride[0], self.window.padding[0], self.window.span[0]
        low = max(0, first * stride - pad)
        return low, max(low, min(height, (past - 1) * stride - pad + kernel))


@dataclass(frozen=True, eq=False)
class Lowered:
    """A network as logical passes.

    Attributes:
        name: of the network.
        buffers: by name.
        passes: in execution order.
        result: name of the buffer that holds the network's output; of a batch, those of all frames one below the other.
        unpack: two image pixels of three channels share a word.
        image_shape: (height, width, channels) of the network's input.
        fold: how the image lies in memory if not pixel by pixel.
        whole_image: all of the image is in memory before the first pass; else its rows come as they are needed.
        unfused: names of the depthwise convolutions that do not share the pass of the pointwise one behind them, though they could.
        frames: images of a batch.
        kept: buffers that hold something from the first pass to the last one, because frames of a batch fill them one after the other.
        k_steps: steps of K a cycle of the array that the passes are for.
        shared_taps: the core may have shared taps (`hwgen.compiler.lower.shared_taps`).
    """

    name: str
    buffers: dict[str, Buffer]
    passes: list[LogicalPass]
    result: str
    unpack: bool
    image_shape: tuple[int, int, int]
    fold: ImageFold | None = None
    whole_image: bool = False
    unfused: frozenset[str] = frozenset()
    frames: int = 1
    kept: frozenset[str] = frozenset()
    k_steps: int = 1
    shared_taps: bool = False

    @cached_property
    def images(self) -> list[str]:
        """Names of the buffers that hold the image, of every frame."""
        return [name for name, buffer in self.buffers.items() if buffer.image]

    @cached_property
    def readers(self) -> dict[str, list[int]]:
        """For every buffer that is read the numbers of the passes that read it."""
        found: dict[str, list[int]] = {}
        for i, item in enumerate(self.passes):
            for name in dict.fromkeys(view.buffer for view in item.views):
                found.setdefault(name, []).append(i)
        return found

    @cached_property
    def copies(self) -> dict[str, list[str]]:
        """For every buffer that goes to the SDRAM the buffers that it comes back to."""
        found: dict[str, list[str]] = {}
        for buffer in self.buffers.values():
            if buffer.source is not None:
                found.setdefault(buffer.source, []).append(buffer.name)
        return found

    def least_rows(self, cols: int) -> int:
        """Fewest rows of an array of so many columns (see `hwgen.hw.isa.config.CoreConfig`)."""
        head = COMBINE_WORDS if any(item.combine is not None for item in self.passes) else 0
        return ceil_div(cols + head, 2)
