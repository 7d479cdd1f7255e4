"""CRC register against Python's own CRC-CCITT."""

from __future__ import annotations

import binascii
import random
from typing import Any

from amaranth.sim import Simulator

from hwgen.hw.lib.crc import Crc16


def test_crc() -> None:
    rng = random.Random(1)
    dut = Crc16(0x1021, 0xFFFF)
    assert len(dut.crc) == 16

    async def bench(ctx: Any) -> None:
        ctx.set(dut.clear, 1)
        await ctx.tick()
        expected = 0xFFFF
        for _ in range(2000):
            clear, valid, byte = rng.random() < 0.03, rng.random() < 0.6, rng.randrange(256)
            ctx.set(dut.clear, clear)
            ctx.set(dut.valid, valid)
            ctx.set(dut.byte, byte)
            assert ctx.get(dut.crc) == expected
            if clear:
                expected = 0xFFFF
            elif valid:
                expected = binascii.crc_hqx(bytes([byte]), expected)
            await ctx.tick()
        # Its own bytes: the second is at the top after the first, and 0 is left.
        ctx.set(dut.clear, 0)
        ctx.set(dut.valid, 1)
        high, low = ctx.get(dut.crc).to_bytes(2, "big")
        ctx.set(dut.byte, high)
        await ctx.tick()
        assert ctx.get(dut.crc) >> 8 == low
        ctx.set(dut.byte, low)
        await ctx.tick()
        assert ctx.get(dut.crc) == 0

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
