"""Loop counter: which turns are the last ones, for loops inside loops and counts of 1."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import pytest
from amaranth.hdl import Module, Signal

from hwgen.hw.lib.loop import Loop
from tests.support.python_simulation import run_bench


@pytest.mark.parametrize("often", [1.0, 0.5])
def test_nested_loops(often: float) -> None:
    rng = random.Random(5)
    m = Module()
    start, step = Signal(), Signal()
    inner_count, outer_count = Signal(4), Signal(4)
    inner, outer = Loop(m, "inner", inner_count), Loop(m, "outer", outer_count)
    with m.If(step):
        inner.advance()
        with m.If(inner.last):
            outer.advance()
    with m.If(start):
        inner.restart()
        outer.restart()

    async def bench(ctx: Any) -> None:
        for inner_turns, outer_turns in product((1, 2, 3, 15), repeat=2):
            ctx.set(inner_count, inner_turns)
            ctx.set(outer_count, outer_turns)
            ctx.set(start, 1)
            await ctx.tick()
            ctx.set(start, 0)
            # After the last turn comes the first one again; a new start may come in any turn.
            for turn in range(inner_turns * outer_turns * 2 + rng.randrange(3)):
                while rng.random() >= often:
                    await ctx.tick()
                assert ctx.get(inner.last) == (turn % inner_turns == inner_turns - 1)
                assert ctx.get(outer.last) == (turn // inner_turns % outer_turns == outer_turns - 1)
                ctx.set(step, 1)
                await ctx.tick()
                ctx.set(step, 0)

    run_bench(m, bench)
