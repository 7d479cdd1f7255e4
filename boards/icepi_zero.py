"""The Icepi Zero: an open board of the Raspberry Pi Zero's size with an LFE5U-25F and 32 MB of SDR SDRAM.

The pins are those of the board's published schematic, versions 1.2 to 1.4, as amaranth-boards has them too; signals carry the names of the
project's own constraints. The bill of materials (`hardware/v2.0/production/bom.csv` of the project, and those before) names the FPGA
(LFE5U-25F-6BG256C), the USB bridge (FT231XQ), the oscillator of 50 MHz and the memory (Winbond W9825G6KH-6).
"""

from __future__ import annotations

from hwgen.boards.board import Board
from hwgen.boards.ecp5.parts import LFE5U_25F
from hwgen.boards.wiring import Memory, Pins, Wiring
from hwgen.hw.memory.sdram_config import SdramPart

W9825G6KH_6 = SdramPart(
    rcd=15_000,
    rp=15_000,
    rc=60_000,
    ras=42_000,
    ras_max=100_000_000,
    rrd=0,
    rrd_cycles=2,
    rfc=60_000,
    wr=0,
    wr_cycles=2,
    mrd_cycles=2,
    refresh=7_812_500,
    init=200_000_000,
    cl2=7_500,
    cl3=6_000,
    column_bits=9,
    bank_bits=2,
    row_bits=13,
)
"""Winbond W9825G6KH, speed grade -6: 4 banks x 8192 rows x 512 columns x 16 bits. The limits are those of its predecessor's data sheet
(W9825G6JH-6), "AC characteristics and operating condition": tRC (also REFRESH to REFRESH), tRAS, tRCD, tRP in ns; tRRD, tWR and tRSC in
clocks; tCK at CAS latency 2 and 3; tREF 64 ms for 8192 rows."""


def _output(sites: str, slew: str | None = None) -> Pins:
    return Pins(tuple(sites.split()), drive=4, slew=slew)


ICEPI_ZERO = Board(
    name="icepi-zero",
    title="Icepi Zero",
    part=LFE5U_25F,
    package="CABGA256",
    speed_grade=6,
    oscillator_hz=50_000_000,
    default_clock_hz=90_000_000,
    memory=Memory(
        part=W9825G6KH_6,
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
    wiring=Wiring(clock="clock", serial_in="usb_txd", serial_out="usb_rxd", leds="led"),
    pins={
        "clock": Pins(("M1",)),
        "usb_rxd": Pins(("K15",), pull="UP", drive=4),
        "usb_txd": Pins(("K16",), pull="UP"),
        "led": _output("E13 D14 E12 C13 D13"),
        "button": Pins(("C4", "C5"), pull="UP"),  # both read 0 when pressed
        "sdram_clk": _output("A3", slew="FAST"),
        "sdram_cke": _output("B4", slew="FAST"),
        "sdram_csn": _output("B12", slew="FAST"),
        "sdram_rasn": _output("A12", slew="FAST"),
        "sdram_casn": _output("B13", slew="FAST"),
        "sdram_wen": _output("A13", slew="FAST"),
        "sdram_a": _output("B10 A9 B9 A8 B8 A7 B7 A6 B6 A5 A10 B5 A4", slew="FAST"),
        "sdram_ba": _output("A11 B11", slew="FAST"),
        "sdram_dqm": _output("B14 B3", slew="FAST"),
        "sdram_d": _output("B16 C14 C16 C15 D16 A15 B15 A14 A2 B2 E2 D1 C2 C1 C3 B1", slew="FAST"),
    },
    loader="openFPGALoader -b icepi-zero",
)

BOARDS = (ICEPI_ZERO,)
