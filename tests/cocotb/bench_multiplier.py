"""Every pair of operands, back to back, against Python's product."""

from __future__ import annotations

import os
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.sim.harness.streams import reset

A, B = int(os.environ["A"]), int(os.environ["B"])
B_SIGNED = bool(int(os.environ["B_SIGNED"]))
LATENCY = int(os.environ["LATENCY"])


def value(raw: int, width: int, is_signed: bool) -> int:
    return raw - (1 << width) if is_signed and raw >> (width - 1) else raw


@cocotb.test()
async def every_product(dut: Any) -> None:
    await reset(dut)
    mask = (1 << (A + B)) - 1
    pairs = [(a, b) for a in range(1 << A) for b in range(1 << B)]
    for t in range(len(pairs) + LATENCY):
        a, b = pairs[min(t, len(pairs) - 1)]
        dut.a.value, dut.b.value = a, b
        await ReadOnly()
        if t >= LATENCY:
            a, b = pairs[t - LATENCY]
            expected = value(a, A, True) * value(b, B, B_SIGNED) & mask
            assert int(dut.behavioural.value) == expected, f"{a} * {b}"
            assert int(dut.on_cells.value) == expected, f"{a} * {b} on carry cells"
        await RisingEdge(dut.clk)
