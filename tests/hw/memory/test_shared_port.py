"""The read port of the activation memory that the row store and the host share: every answer goes to whom it belongs."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hwgen.hw.memory.shared_port import SharedPort
from tests.support.python_simulation import run_bench

LATENCY = 5


def word(bank: int, addr: int) -> int:
    """What the memory of this test holds."""
    return (addr * 2654435761 + bank) & (1 << 64) - 1


@pytest.mark.parametrize(("store_busy", "host_busy", "ready"), [(1.0, 1.0, 1.0), (0.4, 0.9, 1.0), (0.6, 0.6, 0.5)])
def test_answers(store_busy: float, host_busy: float, ready: float) -> None:
    rng = random.Random(7)
    dut = SharedPort(LATENCY)
    answers: dict[str, list[tuple[int, int]]] = {"store": [], "host": []}
    expected: dict[str, list[tuple[int, int]]] = {"store": [], "host": []}

    async def bench(ctx: Any) -> None:
        pipeline: list[int | None] = [None] * LATENCY
        for cycle in range(600):
            wanted = {"store": rng.random() < store_busy, "host": rng.random() < host_busy}
            places = {name: (rng.randrange(4), rng.randrange(1 << 14)) for name in wanted}
            for name, valid in wanted.items():
                request = getattr(dut, name).request
                ctx.set(request.valid, int(valid))
                ctx.set(request.bank, places[name][0])
                ctx.set(request.addr, places[name][1])
            answer = pipeline.pop(0)
            ctx.set(dut.memory.read_valid, int(answer is not None))
            ctx.set(dut.memory.read_data, answer or 0)
            ctx.set(dut.memory.ready, int(rng.random() < ready))
            for name, found in answers.items():
                if ctx.get(getattr(dut, name).read_valid):
                    found.append((cycle, ctx.get(getattr(dut, name).read_data)))
            taken = [name for name in wanted if wanted[name] and ctx.get(getattr(dut, name).ready)]
            assert len(taken) <= 1 and not (taken == ["host"] and wanted["store"])
            request = dut.memory.request
            assert ctx.get(request.valid) == any(wanted.values())
            if taken:
                assert (ctx.get(request.bank), ctx.get(request.addr)) == places[taken[0]]
                assert not ctx.get(request.write)
                expected[taken[0]].append((cycle + LATENCY, word(*places[taken[0]])))
            pipeline.append(word(*places[taken[0]]) if taken else None)
            await ctx.tick()

    run_bench(dut, bench)
    for name, found in answers.items():
        assert found == [item for item in expected[name] if item[0] < 600]
    assert answers["store"] and (answers["host"] or store_busy == 1.0)
