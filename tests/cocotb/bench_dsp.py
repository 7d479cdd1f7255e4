"""cocotb tests for `tests/hw/ecp5/test_dsp.py`: the multiplier block and its behavioural reference model on the same operands."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.sim.harness.streams import reset
from tests.support.passes import bench_number

LATENCY = 2
HALF = 1 << bench_number("BITS") - 1
RANDOM_PAIRS = 2000


@cocotb.test()
async def product_after_two_cycles(dut: Any) -> None:
    generator = random.Random(1)
    corners = [-HALF, 1 - HALF, -1, 0, 1, HALF - 1]
    pairs = [(a, b) for a in corners for b in corners]
    pairs += [(generator.randrange(-HALF, HALF), generator.randrange(-HALF, HALF)) for _ in range(RANDOM_PAIRS)]
    await reset(dut)
    for cycle in range(len(pairs) + LATENCY):
        dut.a.value, dut.b.value = pairs[min(cycle, len(pairs) - 1)]
        await ReadOnly()
        if cycle >= LATENCY:
            a, b = pairs[cycle - LATENCY]
            got = dut.p.value.to_signed(), dut.reference_p.value.to_signed()
            assert got == (a * b, a * b), f"cycle {cycle}: {a} * {b} gave {got}"
        await RisingEdge(dut.clk)
