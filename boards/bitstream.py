"""The design that goes into the FPGA: the machine, its clock and the board's pads, as Verilog and constraints."""

from __future__ import annotations

import os

from amaranth.hdl import Elaboratable

from hwgen.boards.board import Board
from hwgen.boards.equal_modules import MergedVerilog, merge_equal_modules
from hwgen.boards.family import ClockGenerator
from hwgen.boards.names import plain_names
from hwgen.boards.top import BoardTop


def board_verilog(board: Board, machine: Elaboratable, clock: ClockGenerator, *, sdram: bool = True) -> MergedVerilog:
    """The module `top`: `machine` between the pads of the board, those of its SDRAM too if it has `sdram`."""
    os.environ["AMARANTH_USE_YOSYS"] = "builtin"
    from amaranth.back import verilog

    top = BoardTop(machine, board, clock, sdram=sdram)
    text: str = verilog.convert(
        top,
        name="top",
        # Any platform but None makes the multipliers in LUTs instantiate the family's carry cells.
        platform=board.part.family.name,
        ports=list(top.ports.values()),
        emit_src=False,
        strip_internal_attrs=True,
    )
    return merge_equal_modules(plain_names(text))


def constraints(board: Board, *, sdram: bool = True) -> str:
    """Constraints of that module."""
    return board.part.family.constraints(board, board.ports(sdram=sdram))
