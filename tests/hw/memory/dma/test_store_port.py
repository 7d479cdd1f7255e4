"""Store port: the command's fields, and the cycles in which the stream is held."""

from __future__ import annotations

import random
from typing import Any

from hwgen.hw.memory.dma.store_port import StorePort
from hwgen.hw.memory.dma.units import WRITE_DELAY
from tests.support.python_simulation import run_bench


def test_commands() -> None:
    rng = random.Random(8)
    dut = StorePort()

    async def bench(ctx: Any) -> None:
        for length in (3, 4, 9, 30):
            bank, addr = rng.getrandbits(2), rng.getrandbits(14)
            target, words = rng.getrandbits(24), rng.getrandbits(14)
            for cycle in range(length + 3):
                ctx.set(dut.entered, int(cycle == 0))
                ctx.set(dut.valid, int(cycle == WRITE_DELAY))
                ctx.set(dut.done, int(cycle == length))
                ctx.set(dut.place, dut.place.shape().const({"bank": bank, "addr": addr}))
                ctx.set(dut.unit, target | words << 32)
                assert ctx.get(dut.hold) == (0 < cycle <= length)
                assert ctx.get(dut.command.valid) == (cycle == WRITE_DELAY)
                if cycle == WRITE_DELAY:
                    fields = {name: ctx.get(dut.command[name]) for name in ("bank", "addr", "target", "words")}
                    assert fields == {"bank": bank, "addr": addr, "target": target, "words": words}
                await ctx.tick()

    run_bench(dut, bench)


def test_start_forgets_a_store() -> None:
    dut = StorePort()

    async def bench(ctx: Any) -> None:
        ctx.set(dut.entered, 1)
        await ctx.tick()
        ctx.set(dut.entered, 0)
        ctx.set(dut.start, 1)
        assert ctx.get(dut.hold) == 1
        await ctx.tick()
        assert ctx.get(dut.hold) == 0

    run_bench(dut, bench)
