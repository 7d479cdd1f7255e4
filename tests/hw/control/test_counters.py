"""Performance counters: every cycle is counted once; a frame of more passes than are recorded overwrites nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from hwgen.hw.control.counters import Counters
from hwgen.hw.isa.counters import BY_CAUSE, RECORD_WORDS, RECORDED_PASSES, Counter, counter_words

PASS_CYCLES = RECORD_WORDS + 3


@pytest.mark.parametrize("recorded", [RECORDED_PASSES, 73, 74, 3])
def test_passes_beyond_the_memory(recorded: int) -> None:
    dut = Counters(recorded)
    found: list[int] = []

    async def frame(ctx: Any) -> None:
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
    assert RECORDED_PASSES == 585
    assert [counter_words(passes) for passes in (1, 73, 74, RECORDED_PASSES, 5000)] == [512, 512, 1024, 4096, 4096]


def test_every_cycle_has_its_cause() -> None:
    """Random passes and gaps: records as counted here, one after the other as written, with the causes' sum the frame's cycles."""
    rng = random.Random(5)
    dut = Counters(20)
    signals = {
        Counter.ISSUING: dut.issuing,
        Counter.PIXELS: dut.pixels,
        Counter.ROOM: dut.room,
        Counter.CHAINS: dut.chains,
        Counter.OUTSIDE: None,
    }
    expected: list[dict[Counter, int]] = []
    written: list[int] = []
    totals: list[int] = []

    async def frame(ctx: Any) -> None:
        async def cycle(start: int = 0, done: int = 0, cause: Counter = Counter.WAIT) -> None:
            ctx.set(dut.start, start)
            ctx.set(dut.done, done)
            for counter, signal in signals.items():
                if signal is not None:
                    ctx.set(signal, counter == cause)
            ctx.set(dut.working, cause not in (Counter.WAIT, Counter.OUTSIDE))
            if ctx.get(dut.record.valid):
                written.append(ctx.get(dut.record.data))
            await ctx.tick()

        for _ in range(2):
            for _ in range(rng.randrange(20)):
                await cycle()
            ctx.set(dut.frame_start, 1)
            await cycle()
            ctx.set(dut.frame_start, 0)
            expected.clear()
            written.clear()
            for _ in range(20):
                record = dict.fromkeys(Counter, 0)
                record[Counter.WAIT] = rng.randint(1, 30)
                for i in range(record[Counter.WAIT]):
                    await cycle(start=i == record[Counter.WAIT] - 1)
                record[Counter.CYCLES] = rng.randint(RECORD_WORDS, 60)
                for i in range(record[Counter.CYCLES]):
                    cause = rng.choice(list(signals))
                    record[cause] += 1
                    await cycle(done=i == record[Counter.CYCLES] - 1, cause=cause)
                expected.append(record)
            for _ in range(PASS_CYCLES):
                await cycle()
            totals.append(ctx.get(dut.frame_cycles))
            assert written == [record[counter] for record in expected for counter in Counter]
            assert totals[-1] == sum(record[counter] for record in expected for counter in BY_CAUSE)

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(frame)
    simulator.run()
    assert len(totals) == 2
