"""Image port: words in order, unpacked where asked, with exact flags; no word is lost when the memory takes its time."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import pytest

from hwgen.hw.lib.fifo import StreamFifo
from hwgen.hw.memory.dma.image_port import IMAGE_DELAY, IMAGE_WORDS, ImagePort
from hwgen.hw.memory.dma.units import WRITE_DELAY
from tests.support.python_simulation import run_bench

Word = tuple[int, int, int, int]
"""(bank, addr, unpack, unit)."""


def written(word: Word) -> tuple[int, int, int]:
    """(bank, addr, data) as the activation memory gets it."""
    bank, addr, unpack, unit = word
    pixels = unit >> 16
    return bank, addr, pixels & 0xFFFFFF | pixels >> 24 << 32 if unpack else unit


@pytest.mark.parametrize("often", [1.0, 0.3])
@pytest.mark.parametrize("ready", [1.0, 0.6, 0.1])
def test_words(often: float, ready: float) -> None:
    rng = random.Random(6)
    dut = ImagePort()
    assert IMAGE_DELAY == WRITE_DELAY + StreamFifo.LATENCY
    sent: list[Word] = []
    entered: list[int] = []
    got: list[tuple[int, tuple[int, int, int]]] = []
    filled = False

    async def bench(ctx: Any) -> None:
        nonlocal filled
        coming: deque[Word | None] = deque([None] * WRITE_DELAY)
        full = 0
        for cycle in range(1500):
            enters = cycle < 1200 and not full and rng.random() < often
            ctx.set(dut.entered, int(enters))
            word = coming.popleft()
            ctx.set(dut.valid, int(word is not None))
            bank, addr, unpack, unit = word or (rng.getrandbits(2), rng.getrandbits(14), 1, rng.getrandbits(64))
            ctx.set(dut.place, dut.place.shape().const({"bank": bank, "addr": addr, "unpack": unpack}))
            ctx.set(dut.unit, unit)
            ctx.set(dut.o.ready, int(rng.random() < ready))
            there = len(sent) - len(got)
            assert ctx.get(dut.waits) == (there > 0)
            full = ctx.get(dut.full)  # of which the counter knows a cycle later
            assert full == (there >= IMAGE_WORDS)
            filled |= bool(full)
            if ctx.get(dut.o.valid) and ctx.get(dut.o.ready):
                payload = dut.o.payload
                got.append((cycle, (ctx.get(payload.bank), ctx.get(payload.addr), ctx.get(payload.data))))
            entering: Word | None = None
            if enters:
                entering = rng.getrandbits(2), rng.getrandbits(14), rng.getrandbits(1), rng.getrandbits(64)
                sent.append(entering)
                entered.append(cycle)
            coming.append(entering)
            await ctx.tick()

    run_bench(dut, bench)
    assert len(sent) > 100
    assert [word for _, word in got] == [written(word) for word in sent]
    assert filled == (ready < often)
    if ready == 1.0:
        assert [cycle for cycle, _ in got] == [cycle + IMAGE_DELAY for cycle in entered]
