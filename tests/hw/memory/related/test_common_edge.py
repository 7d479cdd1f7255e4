"""The cycle between two common edges, found anew from every one of them."""

from __future__ import annotations

from typing import Any

import pytest

from hwgen.hw.memory.related.common_edge import CommonEdge
from tests.support.python_simulation import run_bench


@pytest.mark.parametrize("cycles", [1, 3, 4, 5, 8])
def test_first_and_last_cycle(cycles: int) -> None:
    dut = CommonEdge(cycles)

    async def bench(ctx: Any) -> None:
        turn = 0
        for period in range(6):
            turn ^= 1
            ctx.set(dut.turn, turn)
            for cycle in range(cycles):
                if period:
                    assert (ctx.get(dut.first), ctx.get(dut.last)) == (cycle == 0, cycle == cycles - 1)
                await ctx.tick()

    run_bench(dut, bench)
