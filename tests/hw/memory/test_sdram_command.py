"""The timer between commands."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth import Module, Signal
from amaranth.sim import Simulator

from hwgen.hw.memory.sdram_command import CommandTimer


@pytest.mark.parametrize("loaded", range(8))
def test_timer(loaded: int) -> None:
    m = Module()
    timer = CommandTimer(m, "timer", 8)
    load = Signal()
    with m.If(load):
        m.d.sync += timer.load(loaded)

    async def bench(ctx: Any) -> None:
        for _ in range(3):
            assert ctx.get(timer.over)
            await ctx.tick()
        for again in (0, 2):  # a timer may be loaded anew while it runs
            ctx.set(load, 1)
            await ctx.tick()
            ctx.set(load, 0)
            for cycle in range(again if again < loaded else 0):
                assert ctx.get(timer.over) == (cycle >= loaded)
                await ctx.tick()
        ctx.set(load, 1)
        await ctx.tick()
        ctx.set(load, 0)
        seen = []
        for _ in range(12):
            seen.append(ctx.get(timer.over))
            await ctx.tick()
        assert seen == [int(cycle >= loaded) for cycle in range(12)]

    simulator = Simulator(m)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
