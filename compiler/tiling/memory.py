"""Places the tensors in the activation memory by the lifetimes of their rows.

Two rows conflict if they share a word of a bank and a step.  Everything else follows: a tensor may lie over one that dies row by row
while it grows, and intermediate tensors of striped fusion groups are circular buffers of a few rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hwgen.compiler.lower.passes import Buffer
from hwgen.compiler.tiling.stripes import Lifetimes
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import BANKS

_MAX_DEPTH = 1020  # row slots that a descriptor can name, a multiple of BANKS
_SPARE = (0, BANKS, 2 * BANKS)
_MORE_SPARE = tuple(range(0, 9 * BANKS, BANKS))
OPERAND_PHASES = (2, 3)
"""(phase of the output - phase of the operand) mod 4, best first: the operand's bank is not written in the same or the next row."""


@dataclass(frozen=True)
class Layout:
    """Place of a tensor: row y lies in slot `(y + phase) % depth`, bank `slot % 4`, from word `base + slot // 4 * row_words` on."""

    base: int
    phase: int
    depth: int
    row_words: int
    pixel_words: int

    def locate(self, row: int) -> tuple[int, int]:
        """(bank, word address) of a row."""
        slot = (row + self.phase) % self.depth
        return slot % BANKS, self.base + slot // BANKS * self.row_words


@dataclass(frozen=True, eq=False)
class Rows:
    """Placed rows: bank, first word, past word, first step, last step; int64 [rows] each."""

    bank: np.ndarray
    low: np.ndarray
    high: np.ndarray
    start: np.ndarray
    end: np.ndarray


def window_rows(life: Lifetimes) -> int:
    """Most rows between the oldest and the newest that are live in the same step, both included."""
    rows = np.flatnonzero(life.end >= 0)
    start, end = life.start[rows], np.maximum.accumulate(life.end[rows])
    # Row y and row y + d are live together if y's end is not before (y + d)'s start.
    newest = np.searchsorted(np.maximum.accumulate(start), end, side="right")
    return int((rows[newest - 1] - rows + 1).max())


def place_rows(layout: Layout, life: Lifetimes) -> Rows:
    """The rows of a placed tensor that are ever live."""
    rows = np.flatnonzero(life.end >= 0)
    slot = (rows + layout.phase) % layout.depth
    low = layout.base + slot // BANKS * layout.row_words
    return Rows(slot % BANKS, low, low + layout.row_words, life.start[rows], life.end[rows])


def output_phases(operand: Layout) -> list[int]:
    """Phases mod 4 that an output may have beside its operand, best first."""
    return [(operand.phase + difference) % BANKS for difference in OPERAND_PHASES]


def operand_phases(output: Layout) -> list[int]:
    """Phases mod 4 that an operand may have beside the output that it goes into, best first."""
    return [(output.phase - difference) % BANKS for difference in OPERAND_PHASES]


def shapes(least: int, phases: Sequence[int], *, thorough: bool = False) -> Iterator[tuple[int, int]]:
    """(depth, phase) worth trying for a tensor of `least` live rows: the fewest slots first, then more slots and all rotations.

    `thorough`: with many more slots than rows too; such a tensor can follow a dying one of more rows round the circle.
    """
    least = ceil_div(least, BANKS) * BANKS
    for phase in phases:
        yield least, phase
    for spare in _MORE_SPARE if thorough else _SPARE:
        depth = least + spare
        if depth <= _MAX_DEPTH:
            for rotation in range(0, depth, BANKS):
                for phase in phases:
                    if rotation or spare:
                        yield depth, rotation + phase


def concatenate(placed: Sequence[Rows]) -> Rows:
    """Rows of several tensors."""
    fields = ("bank", "low", "high", "start", "end")
    empty = np.zeros(0, np.int64)
    return Rows(*(np.concatenate([empty, *(getattr(rows, field) for rows in placed)]) for field in fields))


class Search:
    """Finds places for one tensor among those already placed."""

    def __init__(self, buffer: Buffer, life: Lifetimes, taken: Rows, bank_words: int) -> None:
        self._buffer, self._bank_words = buffer, bank_words
        rows = np.flatnonzero(life.end >= 0)
        self._rows, self._start, self._end = rows, life.start[rows], life.end[rows]
        near = np.flatnonzero((taken.start <= self._end.max()) & (taken.end >= self._start.min()))
        together = (self._start[:, None] <= taken.end[near]) & (taken.start[near] <= self._end[:, None])
        self._new, old = np.nonzero(together)
        old = near[old]
        self._bank, self._low, self._high = taken.bank[old], taken.low[old], taken.high[old]

    def places(self, depth: int, phase: int) -> tuple[tuple[int, Layout], tuple[int, Layout]] | None:
        """(past word, layout) of the lowest and of the highest place where no row conflicts."""
        words, limit = self._buffer.row_words, self._bank_words
        # A slot is used by several rows of a circular buffer only one after the other.
        if len(self._rows) > depth and (self._end[:-depth] >= self._start[depth:]).any():
            return None
        slot = (self._rows + phase) % depth
        low = slot // BANKS * words
        extent = int(low.max()) + words
        if extent > limit:
            return None
        same = slot[self._new] % BANKS == self._bank
        new_low = low[self._new[same]]
        # Bases from taken low - new high + 1 to taken high - new low - 1 make the two rows overlap.
        size = limit - extent + 2
        first = np.minimum(np.maximum(self._low[same] - new_low - words + 1, 0), size - 1)
        past = np.minimum(np.maximum(self._high[same] - new_low, 0), size - 1)
        blocked = np.bincount(first, minlength=size) - np.bincount(past, minlength=size)
        free = np.flatnonzero(np.cumsum(blocked)[: size - 1] == 0)
        if not free.size:
            return None
        lowest, highest = int(free[0]), int(free[-1])
        pixel = self._buffer.pixel_words
        return (
            (lowest + extent, Layout(lowest, phase, depth, words, pixel)),
            (highest + extent, Layout(highest, phase, depth, words, pixel)),
        )
