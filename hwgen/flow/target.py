"""Where a network is to run: a board, a clock, and what the machine is made for."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from hwgen.errors import ToolError
from hwgen.hw.isa.config import K_STEPS

if TYPE_CHECKING:
    from hwgen.boards.board import Board
    from hwgen.boards.family import ClockGenerator

MOST_FRAMES = 32
"""Of a batch: a user who waits for more wants results sooner."""

BEST_BATCH = -1
"""`Target.throughput`: as many frames as are worth it."""


CORE_CLOCK, OWN_CLOCK = SDRAM_CLOCKS = ("core", "own")
"""`Target.sdram_clock`: the SDRAM's clock is the machine's, or the fastest beside it."""

AUTO = "auto"
"""How `Target.k_steps` of None is written."""


@dataclass(frozen=True)
class Target:
    """What a plan is made for.

    Attributes:
        board: its name, or the board itself.
        clock_mhz: clock of the machine, MHz; None: the board's default.
        throughput: frames of a batch (throughput mode), or BEST_BATCH; None: one frame at a time (latency mode).
        fastest: take the core of the fewest cycles that the search finds, whatever logic it needs.
        k_steps: multiply-accumulates of a multiplier of the array in a cycle, 1 or 2; None: what suits network and board.
        sdram_clock: CORE_CLOCK or OWN_CLOCK.
    """

    board: str | Board = "ulx3s"
    clock_mhz: float | None = None
    throughput: int | None = None
    fastest: bool = False
    k_steps: int | None = 1
    sdram_clock: str = CORE_CLOCK

    @property
    def suffix(self) -> str:
        """What names of builds have behind the network's."""
        frames = {None: "", BEST_BATCH: "_throughput"}.get(self.throughput, f"_throughput_{self.throughput}")
        steps = "" if self.k_steps == 1 else f"_k{self.k_steps or AUTO}"
        return "_fastest" * self.fastest + steps + "_own" * (self.sdram_clock == OWN_CLOCK) + frames

    def resolve(self) -> tuple[Board, ClockGenerator]:
        """The board, and the setting of its clock generator for the clock asked for: the nearest one not above it.

        Raises:
            ToolError: there is no such board, or no such clock on it; a batch cannot have so many frames.
        """
        from hwgen.boards.registry import find_board

        if self.throughput not in (None, BEST_BATCH, *range(2, MOST_FRAMES + 1)):
            raise ToolError(f"throughput: a batch has 2 to {MOST_FRAMES} frames, not {self.throughput}")
        if self.k_steps not in (None, *K_STEPS):
            raise ToolError(f"k_steps: the array takes 1 or 2 steps of K a cycle, not {self.k_steps}")
        if self.sdram_clock not in SDRAM_CLOCKS:
            raise ToolError(f"sdram_clock: must be {' or '.join(SDRAM_CLOCKS)}, not {self.sdram_clock}")
        if self.clock_mhz is not None and not isfinite(self.clock_mhz):
            raise ToolError(f"clock: must be a number of MHz, not {self.clock_mhz}")
        board = find_board(self.board) if isinstance(self.board, str) else self.board
        asked = board.default_clock_hz if self.clock_mhz is None else round(self.clock_mhz * 1e6)
        if asked > board.max_clock_hz:
            raise ToolError(
                f"clock: the memory of {board.name} allows {board.max_clock_hz / 1e6:.1f} MHz at most, not {asked / 1e6:g}"
            )
        try:
            family = board.part.family
            if self.sdram_clock == OWN_CLOCK:
                return board, family.plan_clock_pair(board.oscillator_hz, asked, board.max_clock_hz)
            return board, family.plan_clock(board.oscillator_hz, asked)
        except ValueError as error:
            raise ToolError(str(error)) from None
