"""cocotb tests for `tests/hw/array/test_element.py`: the sweep to its end, and with a fault."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.triggers import ClockCycles

from hwgen.sim.harness.streams import reset
from tests.support.element_sweep import SWEEPS


@cocotb.test()
async def every_product(dut: Any) -> None:
    dut.spoil.value = 0
    await reset(dut)
    await ClockCycles(dut.clk, sum(SWEEPS) + 20)
    assert (int(dut.checked.value), int(dut.wrong.value)) == (sum(SWEEPS), 0)


@cocotb.test()
async def a_fault_is_seen(dut: Any) -> None:
    dut.spoil.value = 1
    await reset(dut)
    await ClockCycles(dut.clk, 1000)
    assert int(dut.wrong.value) == int(dut.checked.value) > 900
