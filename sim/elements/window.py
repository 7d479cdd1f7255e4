"""Model of the window: the columns that it is given, its results, and the cycles of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from hwgen.compiler.int8 import arithmetic
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import FeedMode, WindowOp
from hwgen.hw.window.cycles import window_latency
from hwgen.hw.window.parameters import TAPS, WindowParameters

Int64 = npt.NDArray[np.int64]

KERNEL = 3
MARGIN = 128
"""More than any window reaches beyond its tensor."""


@dataclass(frozen=True)
class SubgroupParameters:
    """Content of the window's parameter memory for successive subgroups of L channels; all int64.

    Attributes:
        weights: [subgroup, kernel_h, kernel_w, L]; with blocks, those of a subgroup follow each other.
        bias, multiplier, shift, look_up: [subgroup, L]; of a subgroup's blocks the last one's count.
    """

    weights: Int64
    bias: Int64
    multiplier: Int64
    shift: Int64
    look_up: Int64

    def last_blocks(self, count: int) -> SubgroupParameters:
        """Of the last of every `count` entries."""
        fields = (self.weights, self.bias, self.multiplier, self.shift, self.look_up)
        return SubgroupParameters(*(value[count - 1 :: count] for value in fields))

    def words(self, blocks: int = 1) -> list[int]:
        """Words of 18 L bits: for each subgroup four of each block's weights (the newest column is tap column 2), four of channels."""
        count, height, width, lanes = self.weights.shape
        taps = np.zeros((count, KERNEL, KERNEL, lanes), dtype=np.int64)
        taps[:, :height, KERNEL - width :] = self.weights
        bits = 18 * lanes
        words = []
        for subgroup in range(count):
            weights = int.from_bytes((taps[subgroup].reshape(TAPS * lanes) & 0xFF).astype(np.uint8).tobytes(), "little")
            channels = 0
            for lane in range(lanes):
                at = subgroup, lane
                word = (int(self.bias[at]) & 0xFFFFFFFF) | int(self.multiplier[at]) << 32
                word |= int(self.shift[at]) << 63 | int(self.look_up[at]) << 69
                channels |= word << (72 * lane)
            for packed in (weights, channels) if (subgroup + 1) % blocks == 0 else (weights,):
                words += [(packed >> (bits * i)) & ((1 << bits) - 1) for i in range(4)]
        return words


@dataclass(frozen=True)
class Column:
    """One transfer at the window's input: bytes [row, lane] and flags."""

    rows: Int64
    start: bool
    emit: bool
    rows_cut: bool
    cols_cut: bool
    last: bool
    opens: bool = True
    closes: bool = True


@dataclass(frozen=True)
class WindowPass:
    """What of a descriptor concerns the window, and the tensor [row, column, channel] of groups * L channels, int64.

    SUM adds the whole tensor, and `before` [channel] if that is not None; kernel, stride, origin, out_rows and out_w are not used.
    `kernel` is the size of a block; `blocks` rows and columns of them lie `step` elements from each other.
    """

    x: Int64
    mode: FeedMode = FeedMode.WINDOW
    op: WindowOp = WindowOp.MAC
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    origin: tuple[int, int] = (0, 0)
    out_rows: int = 1
    out_w: int = 1
    fill: int = 0
    clamp: tuple[int, int, int] = (0, -128, 127)
    average_scale: tuple[int, int, int, int] = (1, 1, 1, 1)
    blocks: tuple[int, int] = (1, 1)
    step: tuple[int, int] = (1, 1)
    before: Int64 | None = None

    @property
    def columns_per_block(self) -> int:
        """Columns of one block, subgroup and row."""
        return (self.out_w - 1) * self.stride[1] + self.kernel[1]

    def columns(self, lanes: int) -> Iterator[Column]:
        """The columns in order: for row, subgroup, block, column; SUM: for subgroup, row, column."""
        height, width, channels = self.x.shape
        groups = channels // lanes
        if self.mode == FeedMode.SUM:
            for group in range(groups):
                block = self.x[:, :, group * lanes : (group + 1) * lanes].reshape(height * width, lanes)
                for i, word in enumerate(block):
                    rows = np.full((KERNEL, lanes), self.fill, dtype=np.int64)
                    rows[0] = word
                    end = i == len(block) - 1
                    yield Column(rows, i == 0, end, False, False, end and group == groups - 1)
            return
        for row, group, by, bx in product(range(self.out_rows), range(groups), *map(range, self.blocks)):
            yield from self._block(row, group, by, bx, lanes)

    def _block(self, row: int, group: int, by: int, bx: int, lanes: int) -> Iterator[Column]:
        """The columns of one block."""
        height, width, channels = self.x.shape
        kernel_h, kernel_w = self.kernel
        ys = [self.origin[0] + row * self.stride[0] + by * self.step[0] + i for i in range(kernel_h)]
        rows_cut = any(not 0 <= y < height for y in ys)
        opens, closes = by == bx == 0, (by + 1, bx + 1) == self.blocks
        for col in range(self.columns_per_block):
            x = self.origin[1] + bx * self.step[1] + col
            rows = np.full((KERNEL, lanes), self.fill, dtype=np.int64)
            for i, y in enumerate(ys):
                if 0 <= y < height and 0 <= x < width:
                    rows[i] = self.x[y, x, group * lanes : (group + 1) * lanes]
            emit = col >= kernel_w - 1 and (col - kernel_w + 1) % self.stride[1] == 0
            cols_cut = x - kernel_w + 1 < 0 or x >= width
            last_of_block = row == self.out_rows - 1 and group == channels // lanes - 1 and closes
            last = last_of_block and col == self.columns_per_block - 1
            yield Column(rows, col == 0, emit, rows_cut, cols_cut, last, opens, closes)

    def results(
        self, parameters: SubgroupParameters, *, lanes: int, clamp_bits: int, table: Int64 | None = None
    ) -> Int64:
        """Results in order, [result, lane], from the whole tensor at once.

        Args:
            parameters: of the subgroups of this pass.
            lanes: L.
            clamp_bits: A of the requantisers.
            table: 256 entries by input byte, or None.
        """
        height, width, channels = self.x.shape
        zero_point, low, high = self.clamp
        if self.mode == FeedMode.SUM:
            acc = self.x.sum(axis=(0, 1)).reshape(1, 1, channels)
            acc = acc if self.before is None else acc + self.before
        else:
            (kernel_h, kernel_w), (stride_y, stride_x) = self.kernel, self.stride
            (y0, x0) = self.origin
            padded = np.full((height + 2 * MARGIN, width + 2 * MARGIN, channels), self.fill, dtype=np.int64)
            padded[MARGIN : MARGIN + height, MARGIN : MARGIN + width] = self.x

            # Element (y, x) of the tensor is element (MARGIN + y, MARGIN + x) of `padded`.
            ys = MARGIN + y0 + stride_y * np.arange(self.out_rows)
            xs = MARGIN + x0 + stride_x * np.arange(self.out_w)
            count = self.blocks[0] * self.blocks[1]
            taps = {
                (by * self.blocks[1] + bx, ky, kx): padded[ys + by * self.step[0] + ky][:, xs + bx * self.step[1] + kx]
                for by, bx, ky, kx in product(*map(range, self.blocks), range(kernel_h), range(kernel_w))
            }
            if self.op == WindowOp.MAX:
                return _in_order(np.clip(np.maximum.reduce(list(taps.values())), low, high), lanes)
            by_block = parameters.weights.reshape(-1, count, kernel_h, kernel_w, lanes)
            weights = by_block.transpose(1, 2, 3, 0, 4).reshape(count, kernel_h, kernel_w, channels)
            parameters = parameters.last_blocks(count)
            acc = np.sum([tap * weights[place] for place, tap in taps.items()], axis=0)
            if self.op == WindowOp.AVERAGE:
                rows_cut = np.array([not _within(y0 + stride_y * r, kernel_h, height) for r in range(self.out_rows)])
                cols_cut = np.array([not _within(x0 + stride_x * c, kernel_w, width) for c in range(self.out_w)])
                scale = np.array(self.average_scale)[rows_cut[:, None] + 2 * cols_cut[None, :]]
                acc = acc * scale[:, :, None]
        limit = 1 << (clamp_bits - 1)
        acc = np.clip(acc + parameters.bias.reshape(channels), -limit, limit - 1)
        multiplier, shift = parameters.multiplier.reshape(channels), parameters.shift.reshape(channels)
        out = arithmetic.requantise(acc, multiplier, shift, zero_point, low, high)
        if table is not None:
            out = np.where(parameters.look_up.reshape(channels) == 1, table[out & 0xFF], out)
        return _in_order(out, lanes)


def _within(first: int, size: int, limit: int) -> bool:
    return first >= 0 and first + size <= limit


def _in_order(out: Int64, lanes: int) -> Int64:
    """[row, column, channel] to [result, lane] in the order row, subgroup, column."""
    rows, columns, channels = out.shape
    return out.reshape(rows, columns, channels // lanes, lanes).transpose(0, 2, 1, 3).reshape(-1, lanes)


def taken_cycles(columns: Sequence[Column], offered: Sequence[int], start: int) -> list[int]:
    """Cycle in which each column is taken, from the cycle in which each one would be offered if it need not wait for those before it.

    `start` is the pass's start. The output is never held up. A column that is not taken at once delays the offers behind it only by
    order: each is taken one cycle after the one before it at the earliest.
    """
    free = start + WindowParameters.PERIOD
    taken: list[int] = []
    for column, offer in zip(columns, offered, strict=True):
        cycle = max(offer, taken[-1] + 1) if taken else offer
        if column.start:
            cycle = max(cycle, free)
            free = cycle + WindowParameters.PERIOD
        taken.append(cycle)
    return taken


def result_cycles(config: CoreConfig, one: WindowPass, columns: Sequence[Column], taken: Sequence[int]) -> list[int]:
    """Cycle in which each result is offered, from the cycles in which the columns were taken; the output is never held up."""
    latency = window_latency(config, one.op, one.mode)
    results = (column.emit and column.closes for column in columns)
    return [cycle + latency for result, cycle in zip(results, taken, strict=True) if result]
