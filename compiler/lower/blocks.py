"""How the core walks over a kernel: tap by tap for the array, in blocks of at most 3 x 3 taps for the window.

The window adds the sums of the blocks of a larger kernel; elements of a block that are no taps have the weight zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.compiler.graph.window import Window
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WINDOW_TAPS
from hwgen.hw.isa.descriptor import FeedMode

MOST_STEPS = 15
"""Most taps or blocks, and most elements from one to the next, along an axis."""

MOST_TAPS = 127
"""Of a kernel of the array."""

CHAIN_KERNEL = (3, 7)
"""Largest kernel of the array, rows and columns, without row steps."""

CHAIN_STRIDE, MOST_STRIDE = 3, 7
"""Most rows and columns from an output to the next, without and with row steps."""


@dataclass(frozen=True)
class Blocks:
    """Rows and columns, each as (vertical, horizontal).

    Attributes:
        size: taps of the array's kernel; elements of a block of the window's.
        count: blocks of the window's kernel, else 1.
        step: elements from one tap (array) or block (window) to the next.
    """

    size: tuple[int, int]
    count: tuple[int, int] = (1, 1)
    step: tuple[int, int] = (1, 1)

    @property
    def total(self) -> int:
        """Blocks of a kernel."""
        return self.count[0] * self.count[1]


def blocks_of(mode: FeedMode, window: Window) -> Blocks:
    """How a pass walks over its kernel."""
    match mode:
        case FeedMode.SUM:
            return Blocks((1, 1))
        case FeedMode.TAP:
            step_y, step_x = (max(1, d if k > 1 else 1) for d, k in zip(window.dilation, window.kernel, strict=True))
            return Blocks(window.kernel, step=(step_y, step_x))
        case FeedMode.WINDOW:
            rows, columns = (_axis(*axis) for axis in zip(window.kernel, window.dilation, strict=True))
            return Blocks(*zip(rows, columns, strict=True))


def _axis(kernel: int, dilation: int) -> tuple[int, int, int]:
    """(size, count, step) with the fewest blocks: dense ones, or single taps of a dilated kernel."""
    span = (kernel - 1) * dilation + 1
    count = ceil_div(span, WINDOW_TAPS)
    if count == 1:
        return span, 1, 1
    if kernel < count:
        return 1, kernel, dilation
    size = ceil_div(span, count)
    return size, count, size


def needs_row_steps(mode: FeedMode, window: Window) -> bool:
    """Whether the fetch must step from row to row, or over columns, inside an output row."""
    walk = blocks_of(mode, window)
    if mode != FeedMode.SUM and max(window.stride) > CHAIN_STRIDE:
        return True
    if mode != FeedMode.TAP:
        return walk.total > 1
    return walk.step != (1, 1) or window.kernel[0] > CHAIN_KERNEL[0] or window.kernel[1] > CHAIN_KERNEL[1]


def possible(mode: FeedMode, window: Window) -> bool:
    """Whether the descriptor can say it."""
    walk = blocks_of(mode, window)
    turns = walk.count if mode == FeedMode.WINDOW else walk.size
    taps = window.kernel[0] * window.kernel[1] if mode == FeedMode.TAP else 0
    return max(*turns, *walk.step) <= MOST_STEPS and taps <= MOST_TAPS


def block_weights(weights: np.ndarray, window: Window) -> np.ndarray:
    """Weights [channels, kernel rows, kernel columns] as [channels, blocks, rows of a block, columns of a block]."""
    walk = blocks_of(FeedMode.WINDOW, window)
    (kernel_h, kernel_w), (step_y, step_x) = window.kernel, window.dilation
    height, width = (
        (count - 1) * step + size for size, count, step in zip(walk.size, walk.count, walk.step, strict=True)
    )
    spread = np.zeros((len(weights), height, width), weights.dtype)
    spread[:, : (kernel_h - 1) * step_y + 1 : step_y, : (kernel_w - 1) * step_x + 1 : step_x] = weights
    found = [
        spread[:, y : y + walk.size[0], x : x + walk.size[1]]
        for y in range(0, walk.count[0] * walk.step[0], walk.step[0])
        for x in range(0, walk.count[1] * walk.step[1], walk.step[1])
    ]
    return np.stack(found, axis=1)
