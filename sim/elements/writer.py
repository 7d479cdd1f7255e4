"""Writer: when it takes each segment, and which words it writes when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

REQUEST_DELAY = 2
"""Cycles from a segment's transfer to the request of its first word."""

Int64 = npt.NDArray[np.int64]


class Request(NamedTuple):
    """A write request; `data` has 0 in the bytes that are not enabled."""

    cycle: int
    bank: int
    addr: int
    enable: int
    data: int


def segment_cost(cols: int, spread: bool) -> int:
    """Cycles that a segment with a pixel takes."""
    if spread:
        return cols // 4
    return {4: 1, 8: 1, 12: 2, 16: 2}[cols]


def taken_cycles(available: Int64, costs: Int64, free: int = 0) -> Int64:
    """Cycle in which each segment is taken: taken[i] = max(available[i], taken[i - 1] + costs[i - 1]).

    Args:
        available: cycle in which segment i (and its operand segment, if it has one) would be valid if the writer were idle.
        costs: cycles that each segment takes.
        free: first cycle in which segment 0 may be taken.
    """
    before = np.concatenate(([0], np.cumsum(costs[:-1])))
    return before + np.maximum(np.maximum.accumulate(available - before), free)


def done_cycle(taken: int, cost: int, write_to_read: int) -> int:
    """Cycle of `done`, from the cycle in which the last segment of a pass is taken and its cost (1 without a pixel)."""
    return taken + REQUEST_DELAY + cost - 1 + write_to_read


@dataclass(frozen=True)
class WriterModel:
    """One pass through the writer.

    Attributes:
        rows, cols: R and C.
        tiles, last_pixels, chunks, out_w, out_pixel_words, out_word, out_half, spread, odd, merge, channels: as in the descriptor.
        slot, base, depth, row_words: of the output's RowPointer.
    """

    rows: int
    cols: int
    tiles: int
    last_pixels: int
    chunks: int
    out_w: int
    out_pixel_words: int
    out_word: int
    out_half: int
    spread: int
    odd: int
    merge: int
    channels: int
    slot: int
    base: int
    depth: int
    row_words: int

    def pixels(self) -> list[tuple[int, int | None]]:
        """(chunk, pixel) of every segment in order; pixel None where there is none."""
        filled = (self.tiles - 1) * self.rows + self.last_pixels
        order = []
        for tile in range(self.tiles):
            for chunk in range(self.chunks):
                for row in range(self.rows):
                    pixel = tile * self.rows + row
                    order.append((chunk, pixel if pixel < filled else None))
        return order

    def costs(self) -> Int64:
        """Cycles that each segment takes."""
        cost = segment_cost(self.cols, bool(self.spread))
        return np.array([1 if pixel is None else cost for _, pixel in self.pixels()], dtype=np.int64)

    def requests(self, taken: Sequence[int], segments: Sequence[bytes], operands: Sequence[bytes]) -> list[Request]:
        """All write requests of the pass, from the cycles in which the segments are taken and their bytes."""
        found = []
        left = iter(operands)
        for cycle, segment, (chunk, pixel) in zip(taken, segments, self.pixels(), strict=True):
            if pixel is None:
                continue
            places = self._bytes(chunk, segment, next(left) if self.merge else None)
            y, x = divmod(pixel, self.out_w)
            slot = (self.slot + y) % self.depth
            word = self.base + slot // 4 * self.row_words + x * self.out_pixel_words
            first = 8 * self.out_word + (
                2 * self.cols * chunk if self.spread else 4 * self.out_half + self.cols * chunk
            )
            for i in range(segment_cost(self.cols, bool(self.spread))):
                byte = 8 * (first // 8 + i)
                present = [b for b in range(8) if byte + b in places]
                found.append(
                    Request(
                        cycle + REQUEST_DELAY + i,
                        slot % 4,
                        word + byte // 8,
                        sum(1 << b for b in present),
                        sum(places[byte + b] << 8 * b for b in present),
                    )
                )
        return found

    def _bytes(self, chunk: int, segment: bytes, operand: bytes | None) -> dict[int, int]:
        """Values of the bytes of the pixel that one segment writes, by their place in the pixel."""
        places = {}
        for i in range(self.cols):
            channel = chunk * self.cols + i
            if channel >= self.channels:
                continue
            if self.spread:
                places[8 * self.out_word + 2 * channel + self.odd] = segment[i]
                if operand is not None:
                    places[8 * self.out_word + 2 * channel + 1 - self.odd] = operand[i]
            else:
                places[8 * self.out_word + 4 * self.out_half + channel] = segment[i]
        return places
