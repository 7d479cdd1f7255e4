"""Window: sums over a map that comes in stripes of rows, each stripe in a pass of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cocotb
import numpy as np

from hwgen.hw.isa.descriptor import FeedMode, SumOp, WindowOp
from hwgen.sim.elements.window import WindowPass, result_cycles, taken_cycles
from hwgen.sim.harness.streams import Pattern, every, never, random, reset
from tests.support.window_bench import CONFIG, Case, Driver, load, parameters_of, tensor


def stripes(rng: np.random.Generator, height: int, width: int, groups: int, sizes: list[int]) -> list[Case]:
    """The passes of one map; the results of each are those of all rows so far."""
    whole = WindowPass(tensor(rng, height, width, groups), mode=FeedMode.SUM)
    parameters = parameters_of(rng, whole)
    cases, first = [], 0
    for size in sizes:
        before = whole.x[:first].sum(axis=(0, 1)) if first else None
        op = WindowOp(SumOp.GO_ON if first else SumOp.ZERO)
        one = replace(whole, x=whole.x[first : first + size], op=op, before=before)
        cases.append(Case(one, parameters, 0))
        first += size
    assert first == height
    return cases


@cocotb.test()
@cocotb.parametrize(idle=[never, every(3), random(3, 0.6)], stall=[never, every(2), random(4, 0.8)])
async def sums_go_on(dut: Any, idle: Pattern, stall: Pattern) -> None:
    """Stripes of any height, subgroups of one column and of many, a depthwise pass of one block between them."""
    rng = np.random.default_rng(6)
    dut.start.value = 0
    await reset(dut)
    driver = Driver(dut, 6)
    plain = WindowPass(tensor(rng, 4, 5, 2), origin=(-1, -1), out_rows=4, out_w=5)
    between = Case(plain, parameters_of(rng, plain), 30)
    shapes = [(6, 5, 3, [2, 1, 3]), (3, 1, 1, [1, 1, 1]), (4, 3, 5, [4]), (7, 12, 2, [1, 6]), (5, 2, 4, [2, 2, 1])]
    for number, (height, width, groups, sizes) in enumerate(shapes):
        cases = stripes(rng, height, width, groups, sizes)
        await load(dut, [*cases[:1], between], driver.table)
        for case in cases:
            start, columns, taken, results = await driver.run(case, idle, stall, wait=number % 2)
            if stall is never:
                assert results == result_cycles(CONFIG, case.one, columns, taken)
                if idle is never:
                    assert taken == taken_cycles(columns, [start + 1 + i for i in range(len(columns))], start)
            await driver.run(between, idle, stall, wait=number % 3)
