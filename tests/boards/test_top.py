"""The top level is what the board declares: its ports, a register in each pad of the memory, as many lights as there are."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from hwgen.boards.bitstream import board_verilog
from hwgen.boards.board import Board
from hwgen.boards.registry import BOARDS
from tests.support.echo import Echo


def top_of(board: Board, *, sdram: bool) -> str:
    """The module `top`."""
    clock = board.part.family.plan_clock(board.oscillator_hz, board.default_clock_hz)
    text = board_verilog(board, Echo(part=board.memory.part), clock, sdram=sdram).text
    (found,) = re.findall(r"^module top *\(.*?^endmodule", text, re.MULTILINE | re.DOTALL)
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize("sdram", [True, False])
@pytest.mark.parametrize("name", ["icepi-zero", "ulx3s", "ulx3s-12f"])
def test_ports(name: str, sdram: bool) -> None:
    board = BOARDS[name]
    top = top_of(board, sdram=sdram)
    found = {
        port: 1 if not high else int(high) + 1
        for high, port in re.findall(r"^  (?:input|output|inout) (?:\[(\d+):0\] )?(\w+);", top, re.MULTILINE)
    }
    assert found == board.ports(sdram=sdram)


def test_more_lights_than_the_machine_has() -> None:
    board = BOARDS["icepi-zero"]
    lights = replace(board.pins["led"], sites=("E13", "D14", "E12", "C13", "D13", "L1", "L2", "M2", "P1", "P2"))
    top = top_of(replace(board, pins={**board.pins, "led": lights}), sdram=False)
    assert len(re.findall(r"^  OFS1P3DX led_register\d+ ", top, re.MULTILINE)) == 10
    assert len(re.findall(r"\.D\(1'h0\)", top)) == 2


def test_pads_of_a_memory_with_a_clock_of_its_own() -> None:
    """Its pads, and nothing else, have the clock that the PLL feeds back; the common edges come over a global net."""
    board = BOARDS["ulx3s"]
    clock = board.part.family.plan_clock_pair(board.oscillator_hz, 105_000_000, board.max_clock_hz)
    text = board_verilog(board, Echo(part=board.memory.part), clock).text
    (fed_back,) = re.findall(r"\.CLKFB\((.*?)\)", text)
    same = {fed_back.strip(), *re.findall(r"assign (\S+) *= *" + re.escape(fed_back.strip()) + ";", text)}
    pads = re.findall(r"(?:[OI]FS1P3DX|ODDRX1F) (\w+) \((.*?)\);", text, re.DOTALL)
    clocks = {name: re.findall(r"\.SCLK\((.*?)\)", body)[0].strip() for name, body in pads}
    of_memory = {name for name, found in clocks.items() if found in same}
    assert of_memory == {name for name in clocks if name.startswith("sdram_")} and len(of_memory) < len(clocks)
    assert len(re.findall(r"^  DCCA common_buffer ", text, re.MULTILINE)) == 1


@pytest.mark.parametrize("name", ["icepi-zero", "ulx3s"])
def test_every_pad_but_those_of_the_clock_and_the_serial_input_is_registered(name: str) -> None:
    board = BOARDS[name]
    top = top_of(board, sdram=True)
    data = board.memory.part.width
    ports = board.ports(sdram=True)
    outputs = (
        sum(ports.values()) - data - 2 - 1
    )  # without the oscillator's and the receiver's pads, and the memory's clock
    assert len(re.findall(r"^  OFS1P3DX ", top, re.MULTILINE)) == outputs + 2 * data, "data and its enable"
    assert len(re.findall(r"^  IFS1P3DX ", top, re.MULTILINE)) == data
    assert len(re.findall(r"^  ODDRX1F ", top, re.MULTILINE)) == 1
