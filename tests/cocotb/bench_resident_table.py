"""cocotb test of tables that are there from power-on, two lanes."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np

from hwgen.sim.harness.streams import reset
from tests.cocotb.bench_table import check_lanes

LANES = 2


def entries(number: int) -> np.ndarray:
    """A table's 256 bytes."""
    return np.random.default_rng(number).integers(0, 256, 256)


def resident_tables(count: int) -> list[list[int]]:
    """Words of the first `count` tables."""
    return [(table[::2] | table[1::2] << 8).tolist() for table in map(entries, range(count))]


@cocotb.test()
async def every_table(dut: Any) -> None:
    await reset(dut)
    for number in (0, 2, 1, 2, 0):
        dut.number.value = number
        # A write changes nothing: nobody writes resident tables.
        dut.write.value = 1 | number << 1 | 0x55AA << 8
        await check_lanes(dut, entries(number), number, LANES)
