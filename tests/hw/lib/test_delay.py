"""Chains of registers: the value so many cycles later, its sign, and what a reset leaves of it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import Fragment, Module, ResetInserter, Shape, Signal, Value, signed, unsigned

from hwgen.hw.lib.delay import delay_line, delayed
from tests.support.python_simulation import run_bench


@pytest.mark.parametrize("control", [False, True])
@pytest.mark.parametrize("cycles", [0, 1, 2, 7])
@pytest.mark.parametrize("shape", [unsigned(1), unsigned(5), signed(5)])
def test_value_of_so_many_cycles_ago(shape: Shape, cycles: int, control: bool) -> None:
    m = Module()
    i, o = Signal(shape), Signal(signed(8))
    late = delayed(m, i, cycles, "late", control=control)
    assert Value.cast(late).shape() == shape
    m.d.comb += o.eq(late)
    m.d.sync += Signal(name="clocked").eq(1)  # without a register there is no clock to simulate
    rng = random.Random(cycles)
    low, high = (-(1 << shape.width - 1), (1 << shape.width - 1) - 1) if shape.signed else (0, (1 << shape.width) - 1)

    async def bench(ctx: Any) -> None:
        sent = []
        for cycle in range(60):
            sent.append(rng.randint(low, high))
            ctx.set(i, sent[-1])
            assert ctx.get(o) == (sent[cycle - cycles] if cycle >= cycles else 0)
            await ctx.tick()

    run_bench(m, bench)


@pytest.mark.parametrize("control", [False, True])
def test_reset_clears_control_alone(control: bool) -> None:
    m = Module()
    i, o, rst = Signal(), Signal(), Signal()
    m.d.comb += o.eq(delayed(m, i, 3, control=control))

    async def bench(ctx: Any) -> None:
        ctx.set(i, 1)
        await ctx.tick().repeat(4)
        ctx.set(i, 0)
        ctx.set(rst, 1)
        await ctx.tick()
        assert ctx.get(o) == (0 if control else 1)

    run_bench(ResetInserter(rst)(m), bench)


def test_a_line_has_every_delay() -> None:
    m = Module()
    i = Signal(8)
    line = delay_line(m, i, 4)
    assert len(line) == 5

    async def bench(ctx: Any) -> None:
        for cycle in range(20):
            ctx.set(i, cycle)
            assert [ctx.get(value) for value in line] == [max(cycle - delay, 0) for delay in range(5)]
            await ctx.tick()

    run_bench(m, bench)


def test_cannot_look_ahead() -> None:
    m = Module()
    with pytest.raises(ValueError, match="cycles must be at least 0, not -1"):
        delayed(m, Signal(), -1)
    Fragment.get(m, None)
