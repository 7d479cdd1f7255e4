"""Fetch: what is read, in which order and in which cycle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from hwgen.hw.fetch.column import column_layout
from hwgen.hw.fetch.fetch import START_DELAY, fetch_latency, row_gap
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import BANKS, WINDOW_WORDS, WORD_BYTES
from hwgen.hw.isa.descriptor import FeedMode
from hwgen.hw.isa.descriptor_fields import DescriptorFields, FetchFields


@dataclass(frozen=True)
class Beat:
    """One beat of the fetch.

    Attributes:
        turn: cycle relative to the beginning of its unit (output row; subgroup in SUM).
        row, column: input row (the first of the kernel's in WINDOW) and column, possibly outside the tensor.
        group: word (TAP) or subgroup of channels.
        start, emit, last, opens, closes: flags of a column.
    """

    turn: int
    row: int
    column: int
    group: int
    start: bool = False
    emit: bool = False
    last: bool = False
    opens: bool = True
    closes: bool = True


def unit_count(d: FetchFields) -> int:
    """Units of a pass: output rows; in SUM, subgroups."""
    return d.groups if d.mode == FeedMode.SUM else d.out_rows


def blocks(d: FetchFields) -> tuple[int, int]:
    """Rows and columns of blocks of a window."""
    return max(1, d.blocks_h), max(1, d.blocks_w)


def tap_steps(d: FetchFields) -> tuple[int, int]:
    """Rows and columns from a tap (TAP) or block (WINDOW) to the next."""
    return max(1, d.tap_rows), max(1, d.tap_columns)


def tap_row_beats(d: FetchFields) -> int:
    """Beats of a row of taps (TAP)."""
    return d.groups * (d.columns if d.shared else d.kernel_w * d.out_w)


def line_cycles(d: FetchFields) -> int:
    """Least cycles from the first beat of a tap row (TAP), or row of blocks (WINDOW), to the first beat of the one below."""
    tap = d.mode == FeedMode.TAP
    beats = tap_row_beats(d) if tap else blocks(d)[1] * subgroup_cycles(d)
    return max(beats, row_gap(d.tap_rows)) if d.tap_rows else beats


def group_cycles(d: FetchFields) -> int:
    """Cycles from a subgroup's first column to the next one's first column with all blocks (WINDOW)."""
    count_y, count_x = blocks(d)
    return (count_y - 1) * line_cycles(d) + count_x * subgroup_cycles(d)


def subgroup_cycles(d: FetchFields) -> int:
    """Cycles from a subgroup's first column to the next one's (WINDOW: of one block; SUM)."""
    least = WINDOW_WORDS + 1
    if d.mode == FeedMode.SUM:
        return max(d.out_rows * max(d.out_w, row_gap(1)), least)
    return max(d.columns, least)


def unit_cycles(d: FetchFields) -> int:
    """D: least cycles from the first beat of a unit to the first beat of the next."""
    match FeedMode(d.mode):
        case FeedMode.TAP:
            beats = tap_row_beats(d)
            if d.tap_rows:
                return (d.kernel_h - 1) * line_cycles(d) + max(beats, row_gap(d.stride_y))
            return max(d.kernel_h * beats, row_gap(d.stride_y))
        case FeedMode.WINDOW:
            return d.groups * group_cycles(d)
        case FeedMode.SUM:
            return subgroup_cycles(d)


def unit_last(d: FetchFields) -> int:
    """Cycles from the first to the last beat of a unit."""
    match FeedMode(d.mode):
        case FeedMode.TAP:
            return (d.kernel_h - 1) * line_cycles(d) + tap_row_beats(d) - 1
        case FeedMode.WINDOW:
            return d.groups * group_cycles(d) - subgroup_cycles(d) + d.columns - 1
        case FeedMode.SUM:
            return (d.out_rows - 1) * max(d.out_w, row_gap(1)) + d.out_w - 1


@dataclass
class FetchModel:
    """One pass through the fetch, unit by unit, so that its neighbours' models can run in step with it; the output is always ready.

    Attributes:
        d: the descriptor.
        rows: R.
        read_latency: of the activation memory's port A.
        start: cycle of `start`.
        first: cycle of each unit's first turn so far; a beat is at the output `fetch_latency(read_latency)` cycles after its turn.
    """

    d: DescriptorFields
    rows: int
    read_latency: int
    start: int = 0
    first: list[int] = field(default_factory=list)

    def tiles_needed(self, unit: int) -> int:
        """Strobes of `tile_free` that must have come before a unit begins."""
        fetch = self.d.fetch
        if fetch.mode == FeedMode.SUM or fetch.to_rows:
            return 0
        missing = (unit + 1) * fetch.out_w - self.d.pixel_ring.ring_pixels
        return max(0, ceil_div(missing, self.rows))

    def next_unit(self, tile_free: Sequence[int]) -> tuple[int, int]:
        """Add one unit.

        Args:
            tile_free: cycles of `tile_free` in this pass, at least `tiles_needed` of them.

        Returns:
            Cycles in which its first and its last beat are at the output.
        """
        needed = self.tiles_needed(len(self.first))
        begin = self.first[-1] + unit_cycles(self.d.fetch) if self.first else self.start + START_DELAY
        if needed:
            begin = max(begin, tile_free[needed - 1] + 1)
        self.first.append(begin)
        out = begin + fetch_latency(self.read_latency)
        return out, out + unit_last(self.d.fetch)


def unit_beats(d: FetchFields, unit: int) -> Iterator[Beat]:
    """The beats of one unit in order."""
    last_unit = unit == unit_count(d) - 1
    match FeedMode(d.mode):
        case FeedMode.TAP:
            step_y, step_x = tap_steps(d)
            for ky in range(d.kernel_h):
                row = d.in_y + unit * d.stride_y + ky * step_y
                for turn, (group, column) in enumerate(_tap_row(d, step_x), start=ky * line_cycles(d)):
                    yield Beat(turn, row, d.in_x + column, group)
        case FeedMode.WINDOW:
            for group, by, bx in product(range(d.groups), *map(range, blocks(d))):
                yield from _block(d, unit, group, by, bx)
        case FeedMode.SUM:
            for y in range(d.out_rows):
                for x in range(d.out_w):
                    final = y == d.out_rows - 1 and x == d.out_w - 1
                    yield Beat(
                        y * max(d.out_w, row_gap(1)) + x,
                        d.in_y + y,
                        d.in_x + x,
                        unit,
                        start=x == y == 0,
                        emit=final,
                        last=final and last_unit,
                    )


def _tap_row(d: FetchFields, step_x: int) -> Iterator[tuple[int, int]]:
    """(word, column from the first one) of the beats of a row of taps."""
    if d.shared:
        yield from product(range(d.groups), range(d.columns))
        return
    for kx, group, x in product(range(d.kernel_w), range(d.groups), range(d.out_w)):
        yield group, x * d.stride_x + kx * step_x


def _block(d: FetchFields, unit: int, group: int, by: int, bx: int) -> Iterator[Beat]:
    """The columns of one block of a subgroup."""
    (count_y, count_x), (step_y, step_x) = blocks(d), tap_steps(d)
    opens, closes = by == bx == 0, (by, bx) == (count_y - 1, count_x - 1)
    last_block = closes and unit == unit_count(d) - 1 and group == d.groups - 1
    for column in range(d.columns):
        whole = column - d.kernel_w + 1
        yield Beat(
            group * group_cycles(d) + by * line_cycles(d) + bx * subgroup_cycles(d) + column,
            d.in_y + unit * d.stride_y + by * step_y,
            d.in_x + bx * step_x + column,
            group,
            start=column == 0,
            emit=whole >= 0 and whole % d.stride_x == 0,
            last=last_block and column == d.columns - 1,
            opens=opens,
            closes=closes,
        )


def read_word(d: FetchFields, memory: np.ndarray, row: int, column: int, word: int) -> int:
    """The 64-bit word of an input pixel's view, or `fill` in all bytes outside the tensor."""
    if not (0 <= row < d.in_h and 0 <= column < d.in_w):
        return int.from_bytes(bytes([d.fill]) * WORD_BYTES, "little")
    pointer = d.input
    slot = (pointer.slot + row - d.in_y) % pointer.depth
    address = pointer.base + slot // BANKS * pointer.row_words + column * d.pixel_words + d.first_word + word
    return int(memory[slot % BANKS, address])


def payload(d: FetchFields, memory: np.ndarray, beat: Beat, lanes: int, flagged: bool = False) -> int:
    """Payload of a beat, packed: a word (TAP) or a column of `hwgen.hw.fetch.column.column_layout(lanes, flagged)`."""
    if d.mode == FeedMode.TAP:
        return read_word(d, memory, beat.row, beat.column, beat.group)
    one = d.mode == FeedMode.SUM
    kernel_h, kernel_w = (1, 1) if one else (d.kernel_h, d.kernel_w)
    word, byte = divmod(beat.group * lanes, WORD_BYTES)
    mask = (1 << 8 * lanes) - 1
    rows = [
        read_word(d, memory, beat.row + i if i < kernel_h else -1, beat.column, word) >> 8 * byte & mask
        for i in range(3)
    ]
    block_flags = {"opens": beat.opens, "closes": beat.closes} if flagged else {}
    return int(
        column_layout(lanes, flagged)
        .const(
            {
                "rows": rows,
                "start": beat.start,
                "emit": beat.emit,
                "rows_cut": any(not 0 <= beat.row + i < d.in_h for i in range(kernel_h)),
                "cols_cut": beat.emit and any(not 0 <= beat.column - i < d.in_w for i in range(kernel_w)),
                "last": beat.last,
                **block_flags,
            }
        )
        .as_bits()
    )


def fetch_beats(
    d: DescriptorFields,
    memory: np.ndarray,
    tile_free: Sequence[int] = (),
    *,
    rows: int,
    lanes: int,
    read_latency: int,
    start: int = 0,
    flagged: bool = False,
) -> list[tuple[int, int]]:
    """All beats of a pass at an output that is always ready.

    Args:
        d: the descriptor.
        memory: uint64 [BANKS, words], the activation memory.
        tile_free: cycles of `tile_free`, rising.
        rows: R.
        lanes: L.
        read_latency: of the activation memory's port A.
        start: cycle of `start`.
        flagged: columns tell first and last blocks.

    Returns:
        (cycle, payload) of every beat.
    """
    model = FetchModel(d, rows, read_latency, start)
    beats = []
    for unit in range(unit_count(d.fetch)):
        first, _ = model.next_unit(tile_free)
        beats += [
            (first + beat.turn, payload(d.fetch, memory, beat, lanes, flagged)) for beat in unit_beats(d.fetch, unit)
        ]
    return beats
