"""Row writer: which words it writes."""

from __future__ import annotations

from collections.abc import Sequence

from hwgen.sim.elements.writer import Request

REQUEST_DELAY = 1
"""Cycles from a beat's transfer to its request."""


def row_requests(
    beats: Sequence[tuple[int, bytes]],
    *,
    lanes: int,
    pool: bool,
    groups: int,
    out_w: int,
    out_pixel_words: int,
    out_word: int,
    slot: int,
    base: int,
    depth: int,
    row_words: int,
) -> list[Request]:
    """Write requests of the window's results.

    Args:
        beats: (cycle, L bytes) of every transfer; order row, subgroup, x, and with `pool` only subgroup.
        lanes: L.
        pool: SUM pass, a single output pixel.
        groups, out_w, out_pixel_words, out_word: as in the descriptor.
        slot, base, depth, row_words: of the output's RowPointer.
    """
    found = []
    for index, (cycle, values) in enumerate(beats):
        columns = 1 if pool else out_w
        line, x = divmod(index, columns)
        y, subgroup = divmod(line, groups)
        row = (slot + y) % depth
        byte = subgroup * lanes
        found.append(
            Request(
                cycle + REQUEST_DELAY,
                row % 4,
                base + row // 4 * row_words + x * out_pixel_words + out_word + byte // 8,
                ((1 << lanes) - 1) << byte % 8,
                int.from_bytes(values, "little") << 8 * (byte % 8),
            )
        )
    return found
