"""Where a network is to run: a board, a clock, and what the machine is made for."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from hwgen.errors import ToolError

if TYPE_CHECKING:
    from hwgen.boards.board import Board
    from hwgen.boards.family import ClockGenerator

MOST_FRAMES = 32
"""Of a batch: a user who waits for more wants results sooner."""

BEST_BATCH = -1
"""`Target.throughput`: as many frames as are worth it."""


@dataclass(frozen=True)
class Target:
    """What a plan is made for.

    Attributes:
        board: its name, or the board itself.
        clock_mhz: clock of the machine, MHz; None: the board's default.
        throughput: frames of a batch (throughput mode), or BEST_BATCH; None: one frame at a time (latency mode).
        fastest: take the core of the fewest cycles that the search finds, whatever logic it needs.
    """

    board: str | Board = "ulx3s"
    clock_mhz: float | None = None
    throughput: int | None = None
    fastest: bool = False

    @property
    def suffix(self) -> str:
        """What names of builds have behind the network's."""
        frames = {None: "", BEST_BATCH: "_throughput"}.get(self.throughput, f"_throughput_{self.throughput}")
        return "_fastest" * self.fastest + frames

    def resolve(self) -> tuple[Board, ClockGenerator]:
        """The board, and the setting of its clock generator for the clock asked for: the nearest one not above it.

        Raises:
            ToolError: there is no such board, or no such clock on it; a batch cannot have so many frames.
        """
        from hwgen.boards.registry import find_board

        if self.throughput not in (None, BEST_BATCH, *range(2, MOST_FRAMES + 1)):
            raise ToolError(f"throughput: a batch has 2 to {MOST_FRAMES} frames, not {self.throughput}")
        if self.clock_mhz is not None and not isfinite(self.clock_mhz):
            raise ToolError(f"clock: must be a number of MHz, not {self.clock_mhz}")
        board = find_board(self.board) if isinstance(self.board, str) else self.board
        asked = board.default_clock_hz if self.clock_mhz is None else round(self.clock_mhz * 1e6)
        if asked > board.max_clock_hz:
            raise ToolError(
                f"clock: the memory of {board.name} allows {board.max_clock_hz / 1e6:.1f} MHz at most, not {asked / 1e6:g}"
            )
        try:
            return board, board.part.family.plan_clock(board.oscillator_hz, asked)
        except ValueError as error:
            raise ToolError(str(error)) from None
