"""From a plan to the Verilog of the whole design."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from hwgen.digests import digest

if TYPE_CHECKING:
    from hwgen.boards.board import Board
    from hwgen.boards.equal_modules import MergedVerilog
    from hwgen.boards.family import ClockGenerator
    from hwgen.compiler.plan.result import Plan


def design_of(plan: Plan, board: Board, clock: ClockGenerator) -> MergedVerilog:
    """The whole design of a plan on a board: core, sequencer, DMA and SDRAM controller if any, host link, clock generator, pads."""
    from hwgen.boards.bitstream import board_verilog
    from hwgen.hw.machine import Machine
    from hwgen.hw.resident_machine import ResidentMachine

    clock_hz, number, resident = int(clock.output_hz), build_number(plan, clock), plan.program.resident
    machine: Machine | ResidentMachine
    if resident is None:
        machine = Machine(plan.config, board.memory.config(clock_hz, clock.ratio), build=number, baud=board.baud)
    else:
        machine = ResidentMachine(plan.config, resident, clock_hz, build=number, baud=board.baud)
    return board_verilog(board, machine, clock, sdram=not plan.on_chip)


def build_number(plan: Plan, clock: ClockGenerator) -> int:
    """32 bits by which the host tells one machine from another; other weights make another machine only where they are in block RAM."""
    content = [plan.digest()] if plan.on_chip else []
    parameters = json.dumps([asdict(plan.config), asdict(clock)])
    return int(digest(parameters, *content)[:8], 16)
