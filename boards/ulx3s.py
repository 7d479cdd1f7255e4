"""The ULX3S: an open board with an ECP5 of four sizes, all with the same pins, and 32 MB of SDR SDRAM.

The pins are those of the board's published schematic, versions 2.x and 3.x; signals carry the schematic's names.
"""

from __future__ import annotations

from dataclasses import replace

from hwgen.boards.board import Board, Part, Pins
from hwgen.boards.ecp5.planning import ECP5
from hwgen.hw.memory.sdram_config import ULX3S_PART

LFE5U_85F = Part(name="LFE5U-85F", device="85k", lut=83_640, ff=83_640, dsp=156, ebr=208, family=ECP5)
LFE5U_45F = Part(name="LFE5U-45F", device="45k", lut=43_848, ff=43_848, dsp=72, ebr=108, family=ECP5)
LFE5U_25F = Part(name="LFE5U-25F", device="25k", lut=24_288, ff=24_288, dsp=28, ebr=56, family=ECP5, global_reset=False)
LFE5U_12F = replace(LFE5U_25F, name="LFE5U-12F", device="12k")  # the same die


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
    sdram=ULX3S_PART,
    sdram_bytes=32 << 20,
    clock_port="clk_25mhz",
    pins={
        "clk_25mhz": Pins(("G2",)),
        # Named from the USB bridge's side: the FPGA drives the bridge's RXD and listens to its TXD.
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
)

ULX3S_45F = replace(ULX3S, name="ulx3s-45f", title="ULX3S 45F", part=LFE5U_45F)
ULX3S_25F = replace(ULX3S, name="ulx3s-25f", title="ULX3S 25F", part=LFE5U_25F)
ULX3S_12F = replace(ULX3S, name="ulx3s-12f", title="ULX3S 12F", part=LFE5U_12F)
