"""Burst requester: consecutive bursts, as many as there is room for, the earliest that they may come."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hwgen.hw.isa.memories import FIFO_DEPTH
from hwgen.hw.memory.related.burst_requester import REQUEST_PERIOD, ROOM_DELAY, BurstRequester
from hwgen.hw.memory.sdram_config import BURST
from tests.support.python_simulation import run_bench


@pytest.mark.parametrize("word", [2, 4, 8])
def test_requests(word: int) -> None:
    rng = random.Random(word)
    dut = BurstRequester(word)

    async def bench(ctx: Any) -> None:
        taken = 0  # words, of all streams
        cycle = 0
        for base in (0x1F8, 0xABCDE8 & ~7):
            ctx.set(dut.base, base)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            asked, begun = 0, taken
            earliest = cycle = cycle + 1
            roomy = cycle
            for _ in range(600):
                waiting = asked * BURST - (taken - begun) * word
                room = waiting <= FIFO_DEPTH - BURST
                valid = room and cycle >= max(earliest, roomy)
                assert ctx.get(dut.read.valid) == valid, cycle
                assert ctx.get(dut.reading) == 1
                ready = int(rng.random() < 0.3)
                ctx.set(dut.read.ready, ready)
                if valid:
                    assert ctx.get(dut.read.payload) == base + asked * BURST
                if valid and ready:
                    asked += 1
                    earliest = cycle + REQUEST_PERIOD
                if rng.random() < 0.05 * word and taken - begun < asked * BURST // word:
                    was_full = asked * BURST - (taken - begun) * word > FIFO_DEPTH - BURST
                    taken += 1
                    ctx.set(dut.taken, taken % (2 * FIFO_DEPTH // word))
                    if was_full:
                        roomy = cycle + ROOM_DELAY
                await ctx.tick()
                cycle += 1
            ctx.set(dut.stop, 1)
            ctx.set(dut.read.ready, 0)
            await ctx.tick()
            ctx.set(dut.stop, 0)
            shown = ctx.get(dut.read.valid)
            await ctx.tick()
            await ctx.tick()
            assert ctx.get(dut.read.valid) == ctx.get(dut.reading) == shown, "a request that shows stays"
            ctx.set(dut.read.ready, 1)
            asked += shown
            await ctx.tick()
            ctx.set(dut.read.ready, 0)
            await ctx.tick()
            assert ctx.get(dut.read.valid) == ctx.get(dut.reading) == 0
            taken = begun + asked * BURST // word
            ctx.set(dut.taken, taken % (2 * FIFO_DEPTH // word))
            cycle += 5
            for _ in range(3):
                await ctx.tick()
                cycle += 1

    run_bench(dut, bench)
