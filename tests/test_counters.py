"""Performance counters: a frame of more passes than are recorded overwrites nothing."""

from __future__ import annotations

import pytest
from amaranth.sim import Simulator

from hw.counters import RECORD_WORDS, RECORDED_PASSES, Counter, Counters, counter_words

PASS_CYCLES = RECORD_WORDS + 3


@pytest.mark.parametrize("recorded", [RECORDED_PASSES, 102, 103, 3])
def test_passes_beyond_the_memory(recorded: int) -> None:
    dut = Counters(recorded)
    found: list[int] = []

    async def frame(ctx) -> None:  # type: ignore[no-untyped-def]
        ctx.set(dut.frame_start, 1)
        await ctx.tick()
        ctx.set(dut.frame_start, 0)
        for index in range(recorded + 3):
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            await ctx.tick().repeat(PASS_CYCLES - 1 + index % 4)
            ctx.set(dut.done, 1)
            await ctx.tick()
            ctx.set(dut.done, 0)
        await ctx.tick().repeat(PASS_CYCLES)
        for index in range(recorded):
            ctx.set(dut.read_addr, index * RECORD_WORDS + Counter.CYCLES)
            await ctx.tick().repeat(2)
            found.append(ctx.get(dut.read_data))

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(frame)
    simulator.run()
    assert found == [PASS_CYCLES + index % 4 for index in range(recorded)]


def test_memory_is_as_large_as_needed() -> None:
    assert [counter_words(passes) for passes in (1, 102, 103, RECORDED_PASSES, 5000)] == [512, 512, 1024, 4096, 4096]
