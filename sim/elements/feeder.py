"""Feeder: the cycles of every chunk, in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hwgen.hw.isa.ceil_div import ceil_div

PIXELS_DELAY = 3
"""Cycles from the `row_done` that completes a tile to its first step."""

TILE_GAP = 4
"""Least cycles between the first steps of two tiles."""

ROOM_DELAY = 2
"""Cycles from the `segment_taken` that makes room to the last step of a chunk."""


@dataclass
class FeederModel:
    """One pass through the feeder, chunk by chunk, so that its neighbours' models can run in step with it.

    Attributes:
        rows: R.
        segment_fifo: segments that the collector holds.
        steps: K = inner * outer of the pass.
        chunks, tiles, out_rows, out_w: as in the descriptor.
        start: cycle of `start`.
        first, last: cycles of the first and the last step of every chunk so far.
    """

    rows: int
    segment_fifo: int
    steps: int
    chunks: int
    tiles: int
    out_rows: int
    out_w: int
    start: int = 0
    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)

    def rows_needed(self, tile: int) -> int:
        """Output rows that must be done before a tile begins."""
        return min(self.out_rows, ceil_div((tile + 1) * self.rows, self.out_w))

    def segments_needed(self, chunk: int) -> int:
        """Segments that must have been taken before the pass's chunk number `chunk` ends; 0 or less: none."""
        return (chunk + 1) * self.rows - self.segment_fifo

    def next_chunk(self, row_done: Sequence[int], taken: Sequence[int]) -> tuple[int, int]:
        """Add one chunk.

        Args:
            row_done: cycles of `row_done`, at least `rows_needed` of them.
            taken: cycles of `segment_taken` in this pass, at least `segments_needed` of them (all of earlier chunks).

        Returns:
            Cycles of its first and of its last step.
        """
        index = len(self.last)
        before = self.last[-1] if self.last else self.start
        begin = before + 1
        if index % self.chunks == 0:
            begin = max(begin, row_done[self.rows_needed(index // self.chunks) - 1] + PIXELS_DELAY)
            if index:
                begin = max(begin, self.first[index - self.chunks] + TILE_GAP)
        end = max(begin + self.steps - 1, before + 2 * self.rows)
        needed = self.segments_needed(index)
        if needed > 0:
            end = max(end, taken[needed - 1] + ROOM_DELAY)
        if self.steps == 1:
            begin = end
        self.first.append(begin)
        self.last.append(end)
        return begin, end

    def tile_free(self, tile: int, read_delay: int = 0) -> int:
        """Cycle of `tile_free` of a finished tile."""
        return self.last[(tile + 1) * self.chunks - 1] + read_delay + self.rows

    def chunk_starts(self) -> list[int]:
        """Cycles of `chunk_start`, of all chunks so far and of the one behind them if there is one."""
        return [self.start + 1, *(cycle + 1 for cycle in self.last)][: self.tiles * self.chunks]
