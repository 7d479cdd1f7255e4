"""The ULX3S: an open board with an ECP5 of four sizes, all with the same pins, and 32 MB of SDR SDRAM.

The pins are those of the board's published schematic, versions 2.x and 3.x; signals carry the schematic's names.
"""

from __future__ import annotations

from dataclasses import replace

from hwgen.boards.board import Board
from hwgen.boards.ecp5.parts import LFE5U_12F, LFE5U_25F, LFE5U_45F, LFE5U_85F
from hwgen.boards.wiring import Memory, Pins, Wiring
from hwgen.hw.memory.sdram_config import SdramPart

SDRAM = SdramPart()
"""Slowest of the 32 MB parts that ULX3S boards carry: IS42S16160G-7, MT48LC16M16A2-75, AS4C16M16SA-7 (data sheets)."""


def _output(sites: str, drive: int = 4, slew: str | None = None) -> Pins:
    return Pins(tuple(sites.split()), drive=drive, slew=slew)


ULX3S = Board(
    name="ulx3s",
    title="ULX3S 85F",
    part=LFE5U_85F,
    package="CABGA381",
    speed_grade=6,
    oscillator_hz=25_000_000,
    default_clock_hz=90_000_000,
    memory=Memory(
        part=SDRAM,
        cas_latency=3,
        capture_delay=1,
        ports={
            "clk": "sdram_clk",
            "cke": "sdram_cke",
            "cs_n": "sdram_csn",
            "ras_n": "sdram_rasn",
            "cas_n": "sdram_casn",
            "we_n": "sdram_wen",
            "a": "sdram_a",
            "ba": "sdram_ba",
            "dqm": "sdram_dqm",
            "dq": "sdram_d",
        },
    ),
    # The serial line is named from the USB bridge's side: the FPGA drives the bridge's RXD and listens to its TXD.
    wiring=Wiring(clock="clk_25mhz", serial_in="ftdi_txd", serial_out="ftdi_rxd", leds="led"),
    pins={
        "clk_25mhz": Pins(("G2",)),
        "ftdi_rxd": Pins(("L4",), pull="UP", drive=4),
        "ftdi_txd": Pins(("M1",), pull="UP"),
        "led": _output("B2 C2 C1 D2 D1 E2 E1 H3"),
        # Button 0 (power) reads 0 when pressed, the others read 1.
        "btn_pwr": Pins(("D6",), pull="UP"),
        "btn": Pins(("R1", "T1", "R18", "V1", "U1", "H16"), pull="DOWN"),
        "sdram_clk": _output("F19", slew="FAST"),
        "sdram_cke": _output("F20", slew="FAST"),
        "sdram_csn": _output("P20", slew="FAST"),
        "sdram_rasn": _output("R20", slew="FAST"),
        "sdram_casn": _output("T19", slew="FAST"),
        "sdram_wen": _output("T20", slew="FAST"),
        "sdram_a": _output("M20 M19 L20 L19 K20 K19 K18 J20 J19 H20 N19 G20 G19", slew="FAST"),
        "sdram_ba": _output("P19 N20", slew="FAST"),
        "sdram_dqm": _output("U19 E20", slew="FAST"),
        "sdram_d": _output("J16 L18 M18 N18 P18 T18 T17 U20 E19 D20 D19 C20 E18 F18 J18 J17", slew="FAST"),
    },
    loader="openFPGALoader -b ulx3s",
)

ULX3S_45F = replace(ULX3S, name="ulx3s-45f", title="ULX3S 45F", part=LFE5U_45F)
ULX3S_25F = replace(ULX3S, name="ulx3s-25f", title="ULX3S 25F", part=LFE5U_25F)
ULX3S_12F = replace(ULX3S, name="ulx3s-12f", title="ULX3S 12F", part=LFE5U_12F)

BOARDS = (ULX3S, ULX3S_45F, ULX3S_25F, ULX3S_12F)
