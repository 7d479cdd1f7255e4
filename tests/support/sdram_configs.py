"""SDRAM controllers that are tested."""

from __future__ import annotations

from dataclasses import replace

from hwgen.boards.icepi_zero import ICEPI_ZERO
from hwgen.hw.memory.sdram_config import SdramConfig, SdramPart

DEPTH = 1 << 16


CONFIGS = {
    "100": SdramConfig(100_000_000, 2, pad_registers=2, init_us=2),
    "90": SdramConfig(90_000_000, 3, 0, init_us=2),
    "115": SdramConfig(
        115_000_000, 3, 1, init_us=2
    ),  # between 112 and 118 MHz tRAS alone decides how soon after a write a page closes
    "125": SdramConfig(125_000_000, 3, 1, init_us=2),
    "105": SdramConfig(105_000_000, 3, 1, init_us=2),
    "113": SdramConfig(113_000_000, 3, 1, init_us=2),
    "130": SdramConfig(130_000_000, 3, 1, init_us=2),
    "142": SdramConfig(142_000_000, 3, 2, init_us=2),
    # 128 Mbit, 64 Mbit, 16 Mbit with two banks, and pages so long that a row has fewer bits.
    "8mb": SdramConfig(100_000_000, 3, 1, part=SdramPart(column_bits=8, row_bits=12), init_us=2),
    "2mb": SdramConfig(100_000_000, 3, 1, part=SdramPart(column_bits=8, bank_bits=1, row_bits=11), init_us=2),
    "long_pages": SdramConfig(100_000_000, 2, 0, part=SdramPart(column_bits=10, row_bits=12), init_us=2),
    "icepi_zero": replace(ICEPI_ZERO.memory.config(90_000_000), init_us=2),
}

WITHOUT_RAS = "115_without_ras"

BROKEN = {WITHOUT_RAS: replace(CONFIGS["115"], part=SdramPart(ras=0))}
"""A controller that does not know of tRAS."""
