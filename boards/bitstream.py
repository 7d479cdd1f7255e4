"""The design that goes into the FPGA: the machine, its clock and the board's pads, as Verilog and constraints."""

from __future__ import annotations

from amaranth.hdl import Elaboratable

from hwgen.boards.board import Board
from hwgen.boards.equal_modules import MergedVerilog, merge_equal_modules
from hwgen.boards.family import ClockGenerator
from hwgen.boards.names import plain_names
from hwgen.boards.top import BoardTop
from hwgen.hw.verilog import to_verilog


def board_verilog(board: Board, machine: Elaboratable, clock: ClockGenerator, *, sdram: bool = True) -> MergedVerilog:
    """The module `top`: `machine` between the pads of the board, those of its SDRAM too if it has `sdram`."""
    top = BoardTop(machine, board, clock, sdram=sdram)
    # Any platform but None makes the multipliers in LUTs instantiate the family's carry cells.
    text = to_verilog(top, platform=board.part.family.name, ports=list(top.ports.values()))
    return merge_equal_modules(plain_names(text))


def constraints(board: Board, clock: ClockGenerator | None = None, *, sdram: bool = True) -> str:
    """Constraints of that module."""
    return board.part.family.constraints(board, board.ports(sdram=sdram), clock)
