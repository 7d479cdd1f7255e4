"""Stream reader at a memory of any speed: every halfword in order, never more of them than fit, and what `busy` and `start` stop."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import pytest

from hwgen.hw.isa.memories import FIFO_DEPTH
from hwgen.hw.memory.dma.stream_reader import StreamReader
from hwgen.hw.memory.sdram_config import BURST
from tests.support.python_simulation import run_bench


def halfword(addr: int) -> int:
    """What the memory of this bench holds."""
    return addr * 40503 & 0xFFFF


class Memory:
    """Takes requests while `ready` says so and answers each with a burst, `latency` cycles later at the earliest."""

    def __init__(self, dut: StreamReader, latency: int, seed: int, busy: float) -> None:
        self._dut, self._latency, self._busy = dut, latency, busy
        self._rng = random.Random(seed)
        self._answers: deque[tuple[int, int]] = deque()  # (earliest cycle, address)
        self.requests: list[tuple[int, int]] = []
        self.arrivals: list[int] = []

    @property
    def quiet(self) -> bool:
        return not self._answers

    def drive(self, ctx: Any, cycle: int) -> None:
        ctx.set(self._dut.read.ready, int(self._rng.random() >= self._busy))
        some = bool(self._answers) and self._answers[0][0] <= cycle
        addr = self._answers.popleft()[1] if some else 0
        ctx.set(self._dut.data_valid, int(some))
        ctx.set(self._dut.data, halfword(addr) if some else self._rng.getrandbits(16))
        if some:
            self.arrivals.append(cycle)

    def take(self, ctx: Any, cycle: int) -> None:
        if ctx.get(self._dut.read.valid) and ctx.get(self._dut.read.ready):
            addr = ctx.get(self._dut.read.payload)
            self.requests.append((cycle, addr))
            self._answers += [(cycle + self._latency, addr + i) for i in range(BURST)]


@pytest.mark.parametrize(("idle", "busy"), [(0.0, 0.0), (0.3, 0.5), (0.9, 0.0), (0.1, 0.9)])
def test_halfwords_in_order(idle: float, busy: float) -> None:
    rng = random.Random(3)
    dut = StreamReader()

    async def bench(ctx: Any) -> None:
        for base in (0x1238, 0x40):
            memory = Memory(dut, 6, 5, busy)
            ctx.set(dut.start, 1)
            ctx.set(dut.base, base)
            await ctx.tick()
            ctx.set(dut.start, 0)
            ctx.set(dut.busy, 1)
            taken: list[tuple[int, int]] = []
            cycle = 1
            while len(taken) < 400:
                memory.drive(ctx, cycle)
                ctx.set(dut.o.ready, int(rng.random() >= idle))
                assert ctx.get(dut.read.valid) == 1 or cycle > 1, "the first request comes in the cycle after `start`"
                memory.take(ctx, cycle)
                waiting = BURST * len(memory.requests) - len(taken)
                assert waiting <= FIFO_DEPTH + 1  # one more in the output register
                if ctx.get(dut.o.valid) and ctx.get(dut.o.ready):
                    taken.append((cycle, ctx.get(dut.o.payload)))
                await ctx.tick()
                cycle += 1
            assert [value for _, value in taken] == [halfword(base + i) for i in range(400)]
            assert [addr for _, addr in memory.requests] == [base + BURST * i for i in range(len(memory.requests))]
            if not idle:
                free = 0
                for (given, _), arrival in zip(taken, memory.arrivals, strict=False):
                    free = max(arrival + StreamReader.LATENCY, free + 1)
                    assert given == free
            ctx.set(dut.busy, 0)
            while not memory.quiet or ctx.get(dut.read.valid):
                memory.drive(ctx, cycle)
                memory.take(ctx, cycle)
                await ctx.tick()
                cycle += 1
            # What waits is left there: the next `start` forgets it.

    run_bench(dut, bench)


def test_a_request_that_shows_stays_and_none_follows_it() -> None:
    dut = StreamReader()

    async def bench(ctx: Any) -> None:
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        ctx.set(dut.busy, 1)
        await ctx.tick()
        ctx.set(dut.busy, 0)
        for _ in range(5):
            assert ctx.get(dut.read.valid) == 1
            await ctx.tick()
        ctx.set(dut.read.ready, 1)
        await ctx.tick()
        for _ in range(5):
            assert ctx.get(dut.read.valid) == 0
            await ctx.tick()

    run_bench(dut, bench)
