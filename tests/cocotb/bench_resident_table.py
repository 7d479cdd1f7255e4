"""cocotb test of tables that are there from power-on, two lanes."""

from __future__ import annotations

from typing import Any

import cocotb

from hwgen.sim.harness.streams import reset
from tests.support.resident_tables import entries
from tests.support.table_lanes import check_lanes

LANES = 2


@cocotb.test()
async def every_table(dut: Any) -> None:
    await reset(dut)
    for number in (0, 2, 1, 2, 0):
        dut.number.value = number
        # A write changes nothing: nobody writes resident tables.
        dut.write.value = 1 | number << 1 | 0x55AA << 8
        await check_lanes(dut, entries(number), number, LANES)
