"""The design that goes into the FPGA: the machine, its clock and the board's pads, as Verilog and constraints."""

from __future__ import annotations

import os

from amaranth.hdl import Elaboratable

from hwgen.boards.board import Board
from hwgen.boards.ecp5.equal_modules import MergedVerilog, merge_equal_modules
from hwgen.boards.ecp5.names import plain_names
from hwgen.boards.ecp5.pll import Pll
from hwgen.boards.ulx3s_top import Ulx3sTop, ports
from hwgen.hw.memory.sdram_config import SdramConfig


def sdram_config(board: Board, clock_hz: int) -> SdramConfig:
    """The board's memory behind a controller of this clock, with a register in each pad."""
    return SdramConfig(clock_hz=clock_hz, cas_latency=3, capture_delay=1, pad_registers=2, part=board.sdram)


def board_verilog(board: Board, machine: Elaboratable, pll: Pll, *, sdram: bool = True) -> MergedVerilog:
    """The module `top`: `machine` between the pads of the board, those of its SDRAM too if it has `sdram`."""
    os.environ["AMARANTH_USE_YOSYS"] = "builtin"
    from amaranth.back import verilog

    top = Ulx3sTop(machine, pll, sdram=sdram, global_reset=board.part.global_reset)
    text: str = verilog.convert(
        top,
        name="top",
        # Any platform but None makes the multipliers in LUTs instantiate carry cells (hw/ecp5/carry.py).
        platform="ecp5",
        ports=list(top.ports.values()),
        emit_src=False,
        strip_internal_attrs=True,
    )
    return merge_equal_modules(plain_names(text))


def constraints(board: Board, *, sdram: bool = True) -> str:
    """Constraints of that module."""
    return board.lpf(ports(sdram))
