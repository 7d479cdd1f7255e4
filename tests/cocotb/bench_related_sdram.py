"""cocotb test for `tests/hw/memory/related/test_related_sdram.py`."""

from __future__ import annotations

import os
import random
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.hw.memory.sdram_config import BURST
from hwgen.sim.harness.related_clocks import reset_related
from tests.support.dma_system import MEMORIES

RATIO = MEMORIES[os.environ["CLOCKS"]].ratio


async def hand_over(dut: Any, name: str, payload: int) -> None:
    """A transfer of the stream `name`, after which it pauses."""
    valid, ready = getattr(dut, f"{name}__valid"), getattr(dut, f"{name}__ready")
    getattr(dut, f"{name}__payload").value = payload
    valid.value = 1
    for _ in range(200):
        await ReadOnly()
        taken = int(ready.value)
        await RisingEdge(dut.clk)
        if taken:
            valid.value = 0
            return
    raise AssertionError(f"{name} is not taken")


@cocotb.test()
async def written_and_read(dut: Any) -> None:
    dut.read__valid.value = dut.write__valid.value = 0
    await reset_related(dut, RATIO)
    while not int(dut.initialised.value):
        await RisingEdge(dut.clk)
    rng = random.Random(5)
    content = dict.fromkeys(range(1 << 11), 0)
    for addr in content:
        await hand_over(dut, "write", addr | content[addr] << 24 | 3 << 40)
    for _ in range(300):
        addr = rng.randrange(len(content))
        if rng.random() < 0.5:
            value, enable = rng.getrandbits(16), rng.randrange(1, 4)
            await hand_over(dut, "write", addr | value << 24 | enable << 40)
            mask = (enable & 1) * 0xFF | (enable >> 1) * 0xFF00
            content[addr] = content[addr] & ~mask | value & mask
            continue
        await hand_over(dut, "read", addr)
        found: list[int] = []
        for _ in range(200):
            await ReadOnly()
            if int(dut.data_valid.value):
                found.append(int(dut.data.value))
            await RisingEdge(dut.clk)
            if len(found) == BURST and rng.random() < 0.3:
                break
        first = addr & -BURST
        assert found == [content[first + i] for i in range(BURST)]
    assert int(dut.violations.value) == 0
