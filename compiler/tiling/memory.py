"""Places the tensors in the activation memory by the lifetimes of their rows.

Two rows conflict if they share a word of a bank and a step.  Everything else follows: a tensor may lie over one that dies row by row
while it grows, and intermediate tensors of striped fusion groups are circular buffers of a few rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hwgen.compiler.lower.passes import Buffer
from hwgen.compiler.tiling.lifetimes import Lifetimes
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import BANKS

_MAX_DEPTH = 1020  # row slots that a descriptor can name, a multiple of BANKS
_SPARE = (0, BANKS, 2 * BANKS)
_MORE_SPARE = tuple(range(0, 9 * BANKS, BANKS))
_PAST_BITS = 20
"""Of a number that holds the base behind some others, in the low bits of another one."""

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


@dataclass(frozen=True, eq=False)
class _Bases:
    """Of every phase and of some rotations by BANKS slots the words up to the last slot, and lowest and highest base, -1: none; int64
    [BANKS, rotations] each.
    """

    extents: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray


class Search:
    """Finds places for one tensor among those already placed."""

    def __init__(self, buffer: Buffer, life: Lifetimes, taken: Rows, bank_words: int) -> None:
        self._buffer, self._bank_words = buffer, bank_words
        rows = np.flatnonzero(life.end >= 0)
        self._rows, self._start, self._end = rows, life.start[rows], life.end[rows]
        near = np.flatnonzero((taken.start <= self._end.max()) & (taken.end >= self._start.min()))
        near = near[np.lexsort((taken.low[near], taken.bank[near]))]
        together = (self._start[:, None] <= taken.end[near]) & (taken.start[near] <= self._end[:, None])
        new, old = np.nonzero(together)
        old = near[old]
        walls = _joined(rows[new], taken.bank[old], taken.low[old], taken.high[old], bank_words, buffer.row_words)
        self._walls = _by_phase(walls)
        self._circular: dict[int, bool] = {}
        self._found: dict[int, _Bases] = {}

    def places(self, depth: int, phase: int) -> tuple[tuple[int, Layout], tuple[int, Layout]] | None:
        """(past word, layout) of the lowest and of the highest place where no row conflicts."""
        if depth not in self._circular:
            # A slot is used by several rows of a circular buffer only one after the other.
            short = len(self._rows) <= depth
            self._circular[depth] = short or not (self._end[:-depth] >= self._start[depth:]).any()
        if not self._circular[depth]:
            return None
        rotation, rest = divmod(phase % depth, BANKS)
        found = self._found.get(depth)
        if found is None or rotation >= found.extents.shape[1]:
            # Often what is asked for first suits; else everything is.
            found = self._bases(depth, depth // BANKS if rotation or self._found else 1)
            self._found[depth] = found
        low, high = int(found.lowest[rest, rotation]), int(found.highest[rest, rotation])
        if low < 0:
            return None
        extent, words, pixel = int(found.extents[rest, rotation]), self._buffer.row_words, self._buffer.pixel_words
        layouts = (Layout(base, phase, depth, words, pixel) for base in (low, high))
        lowest, highest = ((layout.base + extent, layout) for layout in layouts)
        return lowest, highest

    def _bases(self, depth: int, count: int) -> _Bases:
        """For all phases less than BANKS and the first `count` rotations of each.

        With a phase a row has its walls in one bank, since depths are multiples of BANKS: [phase, rotation, wall] below.
        """
        words, turns, walls = self._buffer.row_words, depth // BANKS, self._walls
        phases, rotations = np.arange(BANKS)[:, None, None], np.arange(count)[:, None]
        last = ((self._rows + phases) // BANKS + rotations) % turns
        extents = (last.max(axis=2) + 1) * words
        bases = np.maximum(self._bank_words - extents + 1, 0)[
            :, :, None
        ]  # so many bases, from 0 on, are within the memory
        low = ((walls.row[:, None] + phases) // BANKS + rotations) % turns * words
        # Bases from taken low - new low - words + 1 to taken high - new low - 1 make the two rows overlap.
        first = np.minimum(np.maximum(walls.low[:, None] - low - words + 1, 0), bases)
        past = np.minimum(np.maximum(walls.high[:, None] - low, 0), bases)
        ordered = np.sort(first << _PAST_BITS | past, axis=2)
        edge = np.zeros((BANKS, count, 1), np.int64)
        begins = np.concatenate([ordered >> _PAST_BITS, bases], axis=2)
        reached = np.concatenate([edge, np.maximum.accumulate(ordered & ((1 << _PAST_BITS) - 1), axis=2)], axis=2)
        free = begins > reached
        gap = free.argmax(axis=2)[:, :, None], free.shape[2] - 1 - free[:, :, ::-1].argmax(axis=2)[:, :, None]
        lowest, highest = np.take_along_axis(reached, gap[0], 2), np.take_along_axis(begins, gap[1], 2) - 1
        there = free.any(axis=2)
        return _Bases(extents, np.where(there, lowest[:, :, 0], -1), np.where(there, highest[:, :, 0], -1))


@dataclass(frozen=True, eq=False)
class _Walls:
    """Words `low .. high - 1` of a bank that a row of the new tensor must not touch; int64 [walls], or [BANKS, walls], each."""

    row: np.ndarray
    bank: np.ndarray
    low: np.ndarray
    high: np.ndarray


def _joined(
    row: np.ndarray, bank: np.ndarray, low: np.ndarray, high: np.ndarray, bank_words: int, words: int
) -> _Walls:
    """Walls, in the order of row, bank and low, with those of one row and bank joined that leave no room for `words` between them."""
    span = bank_words + words  # from a row and bank to the next one
    base = (row * BANKS + bank) * span
    reached = np.maximum.accumulate(high + base)
    begins = np.ones(len(row), bool)
    begins[1:] = (low + base)[1:] >= reached[:-1] + words
    first = np.flatnonzero(begins)
    last = np.append(first, len(row))[1:] - 1
    return _Walls(row[first], bank[first], low[first], (reached - base)[last])


def _by_phase(walls: _Walls) -> _Walls:
    """For each phase the walls in the bank of their row with it, filled up with walls of no words."""
    chosen = [np.flatnonzero((walls.row + phase) % BANKS == walls.bank) for phase in range(BANKS)]
    fields = []
    for field in (walls.row, walls.bank, walls.low, walls.high):
        filled = np.zeros((BANKS, max(map(len, chosen))), np.int64)
        for values, some in zip(filled, chosen, strict=True):
            values[: len(some)] = field[some]
        fields.append(filled)
    return _Walls(*fields)
