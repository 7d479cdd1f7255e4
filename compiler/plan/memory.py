"""Places the tensors in the activation memory by the lifetimes of their rows.

Two rows conflict if they share a word of a bank and a step.  Everything else follows: a tensor may lie over one that dies row by row
while it grows, and intermediate tensors of banded segments are circular buffers of a few rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compiler.plan.bands import Lifetimes
from compiler.plan.passes import Buffer
from hw.config import BANKS

_MAX_DEPTH = 1020  # row slots that a descriptor can name, a multiple of BANKS
_SPARE = (0, BANKS, 2 * BANKS)
_MORE_SPARE = tuple(range(3 * BANKS, 9 * BANKS, BANKS))
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


@dataclass(frozen=True)
class Placed:
    """Outcome of `allocate`: layouts by buffer, words in use per bank, or the buffer that found no place."""

    layouts: dict[str, Layout]
    used: int
    failed: str | None = None


def window_rows(life: Lifetimes) -> int:
    """Most rows between the oldest and the newest that are live in the same step, both included."""
    rows = np.flatnonzero(life.end >= 0)
    start, end = life.start[rows], np.maximum.accumulate(life.end[rows])
    # Row y and row y + d are live together if y's end is not before (y + d)'s start.
    newest = np.searchsorted(np.maximum.accumulate(start), end, side="right")
    return int((newest - np.arange(len(rows))).max())


def allocate(
    buffers: Mapping[str, Buffer],
    lives: Mapping[str, Lifetimes],
    operands: Sequence[tuple[str, str]],
    bank_words: int,
    order: Sequence[str],
) -> Placed:
    """First fit in the given order; `operands` are (output, operand) buffers of merges, whose phases must differ."""
    layouts: dict[str, Layout] = {}
    placed: list[Rows] = []
    used = 0
    for name in order:
        best: tuple[int, Layout] | None = None
        taken = _concatenate(placed)
        search = _Search(buffers[name], lives[name], taken, bank_words)
        phases = _phases(name, layouts, operands)
        for depth, phase in _shapes(buffers[name], lives[name], phases):
            candidate = search.first_fit(depth, phase)
            if candidate is not None and (best is None or candidate[0] < best[0]):
                best = candidate
                if best[0] <= used or best[0] <= bank_words // 2:
                    break
        if best is None:  # a tensor that follows a dying one of more slots
            shapes = _shapes(buffers[name], lives[name], phases, _MORE_SPARE)
            fits = (search.first_fit(*shape) for shape in shapes)
            best = min((fit for fit in fits if fit is not None), key=lambda fit: fit[0], default=None)
        if best is None:
            return Placed(layouts, used, failed=name)
        used = max(used, best[0])
        layouts[name] = best[1]
        placed.append(place_rows(best[1], lives[name]))
    return Placed(layouts, used)


def place_rows(layout: Layout, life: Lifetimes) -> Rows:
    """The rows of a placed tensor that are ever live."""
    rows = np.flatnonzero(life.end >= 0)
    slot = (rows + layout.phase) % layout.depth
    low = layout.base + slot // BANKS * layout.row_words
    return Rows(slot % BANKS, low, low + layout.row_words, life.start[rows], life.end[rows])


def _phases(name: str, layouts: Mapping[str, Layout], operands: Sequence[tuple[str, str]]) -> list[int]:
    """Phases mod 4 in order of preference."""
    phases = [0, 1, 2, 3]
    for output, operand in operands:
        if name == output and operand in layouts:
            allowed = [(layouts[operand].phase + d) % BANKS for d in OPERAND_PHASES]
        elif name == operand and output in layouts:
            allowed = [(layouts[output].phase - d) % BANKS for d in OPERAND_PHASES]
        else:
            continue
        phases = [p for p in allowed if p in phases]
    return phases


def _shapes(
    buffer: Buffer, life: Lifetimes, phases: Sequence[int], spares: Sequence[int] = _SPARE
) -> Iterator[tuple[int, int]]:
    """(depth, phase) worth trying: the least depth first, then more slots and rotations of the circular buffer."""
    least = -(-min(window_rows(life), buffer.height) // BANKS) * BANKS
    for phase in phases:
        yield least, phase
    for spare in spares:
        depth = least + spare
        if depth <= _MAX_DEPTH:
            for rotation in range(0, depth, BANKS):
                for phase in phases:
                    if rotation or spare:
                        yield depth, rotation + phase


def _concatenate(placed: Sequence[Rows]) -> Rows:
    fields = ("bank", "low", "high", "start", "end")
    empty = np.zeros(0, np.int64)
    return Rows(*(np.concatenate([empty, *(getattr(rows, field) for rows in placed)]) for field in fields))


class _Search:
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

    def first_fit(self, depth: int, phase: int) -> tuple[int, Layout] | None:
        """(past word, layout) of the lowest place where no row conflicts."""
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
        first = np.maximum(self._low[same] - new_low - words + 1, 0)
        past = np.maximum(self._high[same] - new_low, 0)
        size = limit - extent + 2
        starts = np.bincount(np.minimum(first, size - 1), minlength=size)
        ends = np.bincount(np.minimum(past, size - 1), minlength=size)
        free = np.cumsum(starts - ends)[: size - 1] == 0
        base = int(free.argmax())
        if not free[base]:
            return None
        return base + extent, Layout(base, phase, depth, words, self._buffer.pixel_words)
