"""What windows and requantisations the core has, and what a node that is beyond them is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from hwgen.compiler.int8.arithmetic import MAX_SHIFT
from hwgen.compiler.int8.nodes import QAvgPool, QConv, QMaxPool, QResize
from hwgen.compiler.lower.blocks import CHAIN_STRIDE, MOST_STEPS, MOST_STRIDE, MOST_TAPS, possible
from hwgen.compiler.lower.passes import Buffer, LogicalPass
from hwgen.hw.isa.config import WINDOW_TAPS
from hwgen.hw.isa.descriptor import FeedMode
from hwgen.hw.isa.descriptor_fields import NUMBERS

MAX_LEFT = 16
"""Most columns of padding before the first one."""

_MOST = {one.name: one.high for one in NUMBERS if one.group == "fetch"}
MOST_ROWS, MOST_COLUMNS = _MOST["in_h"], _MOST["out_w"]
"""Of the map that a pass reads, and of its result."""


def window_problems(node: QConv | QMaxPool | QAvgPool, mode: FeedMode) -> Iterator[str]:
    """What the core has not of a convolution or pool that is fed in this mode."""
    window = node.window
    if not possible(mode, window) and not isinstance(node, QMaxPool):  # a large maximum is a chain of small ones
        limit = 3 * MOST_STEPS if mode == FeedMode.WINDOW else MOST_STEPS
        taps = f", {MOST_TAPS} taps" if mode == FeedMode.TAP else ""
        yield (
            f"{node.name}: kernel {window.kernel} with dilation {window.dilation}; nearest: at most {limit} rows and columns{taps}, "
            f"dilation {MOST_STEPS}"
        )
    if isinstance(node, QMaxPool) and max(window.kernel) > WINDOW_TAPS:
        yield (
            f"{node.name}: a pool of {window.kernel} with stride {window.stride}; nearest: stride 1 to 7, 256 rows and columns"
        )
    if max(window.stride) > MOST_STRIDE:
        yield (f"{node.name}: stride {window.stride}; nearest: at most {MOST_STRIDE}")
    if window.padding[2] > MAX_LEFT:
        yield (f"{node.name}: {window.padding[2]} columns of padding; nearest: at most {MAX_LEFT}")
    if isinstance(node, QConv) or window.kernel == (1, 1):
        return  # it may cut off and surround
    wide = window.padding[0] >= window.span[0] or window.padding[2] >= window.span[1]
    if wide and any(window.padding):
        yield (f"{node.name}: padding {window.padding} must be smaller than the kernel {window.kernel}")


def shift_problems(node: QConv) -> Iterator[str]:
    """What the requantisers have not of a convolution's factors."""
    if node.shift.min() < 0 or node.shift.max() > MAX_SHIFT:
        yield f"{node.name}: {shift_text(int(node.shift.min()))}"


def too_large(passes: Sequence[LogicalPass], buffers: Mapping[str, Buffer]) -> Iterator[str]:
    """Maps with more rows or columns than a descriptor can name, however they are cut."""
    for item in passes:
        rows = buffers[item.input.buffer].height
        if rows > MOST_ROWS:
            yield f"{item.name}: it reads a map of {rows:,} rows; nearest: at most {MOST_ROWS:,}"
        elif item.height > MOST_ROWS and not item.whole:
            yield f"{item.name}: its result has {item.height:,} rows; nearest: at most {MOST_ROWS:,}"
        if item.width > MOST_COLUMNS:
            yield f"{item.name}: its result has {item.width:,} columns; nearest: at most {MOST_COLUMNS:,}"


def resized_columns(node: QResize) -> tuple[int, int, int] | None:
    """(repeat, first, stride): every column that many times, or every `stride`-th from `first` on; None for other columns."""
    columns, repeat = node.columns, node.columns.count(node.columns[0])
    if len(columns) % repeat == 0 and columns == tuple(x // repeat for x in range(len(columns))):
        return repeat, 0, 1
    strides = {int(step) for step in np.diff(columns)} or {1}
    stride = min(strides)
    return (1, columns[0], stride) if len(strides) == 1 and 1 <= stride <= CHAIN_STRIDE else None


def shift_text(shift: int) -> str:
    return f"a requantisation by 2^{-shift} and more; nearest: factors below 1, an output scale above the input's times the weights'"
