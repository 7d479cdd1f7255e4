"""Pixel ring: where every arriving beat is stored, and when an output row is complete."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from hwgen.hw.array.pixel_ring import ROW_DONE

READABLE = ROW_DONE + 1
"""Cycles from an arriving beat to the first address (at array row 0) that reads it."""


class Place(NamedTuple):
    """Array row, word of its memory, and which halves of the word (bit 0: lower)."""

    row: int
    word: int
    halves: int


def places(
    *, rows: int, half_words: bool, out_rows: int, out_w: int, units: int, ring_words: int, ring_slots: int
) -> list[Place]:
    """Places of a pass's beats in the order of arrival: output row, unit, x.

    Args:
        rows: R.
        half_words: a beat is 4 bytes (window results of 4 lanes), not 8.
        out_rows, out_w: size of the output map.
        units: beats of one pixel.
        ring_words, ring_slots: as in the descriptor.
    """
    found = []
    for y in range(out_rows):
        for unit in range(units):
            for x in range(out_w):
                tile, row = divmod(y * out_w + x, rows)
                word = tile % ring_slots * ring_words + (unit // 2 if half_words else unit)
                found.append(Place(row, word, 1 << unit % 2 if half_words else 3))
    return found


def shared_places(
    *,
    rows: int,
    out_rows: int,
    out_w: int,
    kernel: tuple[int, int],
    stride_x: int,
    groups: int,
    ring_words: int,
    ring_slots: int,
) -> list[list[Place]]:
    """Places of every beat of a pass with shared taps in the order of arrival: output row, tap row, word of a tap, column.

    Args:
        rows: R.
        out_rows, out_w: size of the output map.
        kernel: rows and columns of taps.
        stride_x: columns from a pixel to the next.
        groups: words of a tap.
        ring_words, ring_slots: as in the descriptor.
    """
    found = []
    for y, ky, group, column in product(
        range(out_rows), range(kernel[0]), range(groups), range((out_w - 1) * stride_x + kernel[1])
    ):
        of_beat = []
        for x in range(out_w):
            kx = column - x * stride_x
            if 0 <= kx < kernel[1]:
                tile, row = divmod(y * out_w + x, rows)
                unit = (ky * kernel[1] + kx) * groups + group
                of_beat.append(Place(row, tile % ring_slots * ring_words + unit, 3))
        found.append(of_beat)
    return found


def row_done_cycles(beats: Sequence[int], beats_per_row: int) -> list[int]:
    """Cycle of `row_done` of every output row, from the cycle in which each beat arrives."""
    return [cycle + ROW_DONE for cycle in beats[beats_per_row - 1 :: beats_per_row]]
