"""cocotb tests of the table, three lanes."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from hwgen.hw.isa.memories import TABLE_WORDS
from hwgen.sim.harness.streams import reset
from tests.support.table_lanes import check_lanes


@cocotb.test()
async def values_and_latency(dut: Any) -> None:
    await reset(dut)
    dut.write.value = 0
    await check_lanes(dut, np.arange(256), 0)
    for seed in (1, 2):
        table = np.random.default_rng(seed).integers(0, 256, 256)
        for address in range(TABLE_WORDS):
            low, high = (int(v) for v in table[2 * address : 2 * address + 2])
            dut.write.value = 1 | address << 1 | low << 8 | high << 16
            await RisingEdge(dut.clk)
        dut.write.value = 0
        await check_lanes(dut, table, seed)
