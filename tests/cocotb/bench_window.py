"""Window: exact values and cycles in all modes, then values and stream rules under idle and stall patterns; many passes, one reset."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.compiler.int8.arithmetic import divide_half_away
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.descriptor import FeedMode, SumOp, WindowOp
from hwgen.hw.window.parameters import WindowParameters
from hwgen.sim.elements.window import WindowPass, result_cycles, taken_cycles
from hwgen.sim.harness.streams import (
    StreamMonitor,
    every,
    never,
    random,
    reset,
)
from tests.support.window_bench import (
    CONFIG,
    MUTATION,
    Case,
    Driver,
    L,
    expected,
    load,
    packed,
    parameters_of,
    tensor,
)

GROUPS_IN_MEMORY = CONFIG.window_depth // 8
CLAMPS = [(0, -128, 127), (-128, -128, 127), (3, 3, 90), (-7, -100, 101), (127, -128, 127)]


def passes(seed: int, count: int) -> list[Case]:
    """Every operation with kernels of every size, then random ones; the memory holds the parameters of all of them."""
    rng = np.random.default_rng(seed)
    made: list[WindowPass] = []
    shapes = [(op, (kh, kw)) for op in WindowOp for kh in (1, 2, 3) for kw in (1, 2, 3)]
    rng.shuffle(shapes)
    for _ in range(100):
        shapes.append((WindowOp(rng.choice(list(WindowOp))), (int(rng.integers(1, 4)), int(rng.integers(1, 4)))))
    for i, (op, kernel) in enumerate(shapes[:count]):
        if i % 5 == 4:
            height, width = int(rng.integers(1, 6)), int(rng.integers(1, 8))
            x = tensor(rng, height, width, int(rng.integers(1, 4)))
            # Rows 1 and 2 of a sum read as `fill`; the operation must not matter where sums never go on.
            operation = WindowOp(SumOp.ZERO if CONFIG.striped_sums else op)
            made.append(WindowPass(x, mode=FeedMode.SUM, op=operation, fill=int(rng.integers(-128, 128))))
        stride = int(rng.integers(1, 3)), int(rng.integers(1, 3))
        # Subgroups of 1 to 20 columns; 9 are exactly the period of the parameters.
        out_w = int(rng.integers(1, 9)) if i % 3 else max(1, (9 - kernel[1]) // stride[1] + 1)
        out_rows = int(rng.integers(1, 4))
        in_h, in_w = int(rng.integers(2, 8)), max(2, (out_w - 1) * stride[1] + kernel[1] - int(rng.integers(0, 3)))
        fill = {WindowOp.MAC: int(rng.integers(-128, 128)), WindowOp.MAX: -128, WindowOp.AVERAGE: 0}[op]
        origin = -int(rng.integers(0, kernel[0])), -int(rng.integers(0, kernel[1]))
        groups = int(rng.integers(1, 5))
        several = CONFIG.partial_depth and op == WindowOp.MAC and i % 4
        blocks = (int(rng.integers(1, 4)), int(rng.integers(1, 3))) if several else (1, 1)
        step = (int(rng.integers(1, 7)), int(rng.integers(1, 7))) if several else (1, 1)
        # Averages by 36: 9, 6, 6, 4 valid taps of a 3 x 3 kernel; for the others any scale will do.
        a, b, c, d = (4, 6, 6, 9) if kernel == (3, 3) else rng.integers(0, 64, 4).tolist()
        made.append(
            WindowPass(
                tensor(rng, in_h, in_w, groups),
                op=op,
                kernel=kernel,
                stride=stride,
                origin=origin,
                out_rows=out_rows,
                out_w=out_w,
                fill=fill,
                clamp=CLAMPS[int(rng.integers(len(CLAMPS)))],
                average_scale=(a, b, c, d),
                blocks=blocks,
                step=step,
            )
        )
    cases, base = [], int(rng.integers(0, 4))
    for one in made:
        cases.append(Case(one, parameters_of(rng, one), base))
        base += ceil_div(ceil_div(one.x.shape[2], L) * (one.blocks[0] * one.blocks[1] + 1), 2)
    assert base <= GROUPS_IN_MEMORY, f"{base} subgroups"
    return cases


@cocotb.test()
async def exact_cycles(dut: Any) -> None:
    """Source and sink never wait, or the source is slow: every column and every result in the very cycle of the model."""
    dut.start.value = 0
    await reset(dut)
    driver = Driver(dut, 1)
    cases = passes(1, 36)
    await load(dut, cases, driver.table)
    late = 1 if MUTATION == "latency" else 0
    period_bound = full_rate = 0
    for round_, idle in enumerate((never, every(2), random(5, 0.3))):
        for number, case in enumerate(cases):
            # The next pass begins in the cycle after the last result, or some cycles later.
            start, columns, taken, results = await driver.run(case, idle, never, wait=number % 3)
            if round_ == 0:
                offered = [start + 1 + i for i in range(len(columns))]
                wanted = taken_cycles(columns, offered, start)
                if MUTATION == "period":
                    wanted = [cycle + 1 for cycle in wanted]
                assert taken == wanted, f"columns of {case.one}: {taken}, not {wanted}"
                first = [cycle for cycle, column in zip(taken, columns, strict=True) if column.start]
                assert first[0] == start + WindowParameters.PERIOD == start + 9
                gaps = np.diff(first)
                assert (gaps >= 9).all()
                period_bound += int((gaps == 9).sum())
                full_rate += int((gaps > 9).sum())
            wanted = [cycle + late for cycle in result_cycles(CONFIG, case.one, columns, taken)]
            assert results == wanted, f"results of {case.one}: {results}, not {wanted}"
    assert period_bound > 20 and full_rate > 20


@cocotb.test()
async def idle_and_stall(dut: Any) -> None:
    """Values under every pair of patterns, with the rules of the output stream checked in every cycle."""
    dut.start.value = 0
    await reset(dut)
    driver = Driver(dut, 2)
    cases = passes(2, 30)
    await load(dut, cases, driver.table)
    monitor = StreamMonitor(dut, "o", dut.clk)
    patterns = [never, every(3), random(7, 0.5), random(8, 0.9)]
    pairs = [(idle, stall) for idle in patterns for stall in patterns]
    for number, case in enumerate(cases):
        idle, stall = pairs[number % len(pairs)]
        await driver.run(case, idle, stall, wait=number % 4)
    assert monitor.cycles_valid_unready > 100


@cocotb.test()
async def held_output(dut: Any) -> None:
    """With the output held the window takes 32 outputs' columns and no more, and offers the first; then everything comes in order."""
    dut.start.value = 0
    await reset(dut)
    driver = Driver(dut, 3)
    rng = np.random.default_rng(3)
    one = WindowPass(tensor(rng, 4, 12, 2), kernel=(3, 3), origin=(-1, -1), out_rows=4, out_w=12, fill=5)
    for op, fill in ((WindowOp.MAC, 5), (WindowOp.MAX, -128)):
        chosen = replace(one, op=op, fill=fill)
        case = Case(chosen, parameters_of(rng, chosen), 3)
        await load(dut, [case], driver.table)
        dut.descriptor.value = case.descriptor
        dut.start.value = 1
        await RisingEdge(dut.clk)
        dut.start.value = 0
        columns = list(case.one.columns(L))
        sending = cocotb.start_soon(driver.source.send([packed(c, rng) for c in columns]))
        for _ in range(150):
            await RisingEdge(dut.clk)
        await ReadOnly()
        assert int(dut.o__valid.value) == 1 and int(dut.i__ready.value) == 0
        await RisingEdge(dut.clk)
        wanted = expected(case, driver.table)
        got = await driver.sink.receive(len(wanted))
        taken = await sending
        assert [payload for payload, _ in got] == wanted
        first = got[0][1] + driver.origin
        before = [column for column, cycle in zip(columns, taken, strict=True) if cycle < first]
        assert sum(column.emit for column in before) == 32


@cocotb.test()
async def averages(dut: Any) -> None:
    """The model's pooling results are the exact means over the valid elements, so the window's are too."""
    rng = np.random.default_rng(4)
    one = WindowPass(
        tensor(rng, 6, 5, 2), op=WindowOp.AVERAGE, origin=(-1, -1), out_rows=6, out_w=5, average_scale=(4, 6, 6, 9)
    )
    valid = np.zeros((8, 7), dtype=np.int64)
    valid[1:-1, 1:-1] = 1
    padded = np.pad(one.x, ((1, 1), (1, 1), (0, 0)))
    total, count = (
        np.sum([of[ky : ky + 6, kx : kx + 5] for ky in range(3) for kx in range(3)], axis=0) for of in (padded, valid)
    )
    means = divide_half_away(total, count[:, :, None]).reshape(6, 5, 2, L).transpose(0, 2, 1, 3).reshape(-1, L)
    dut.start.value = 0
    await reset(dut)
    driver = Driver(dut, 4)
    case = Case(one, parameters_of(rng, one), 0)
    case = replace(case, parameters=replace(case.parameters, look_up=np.zeros_like(case.parameters.look_up)))
    await load(dut, [case], driver.table)
    np.testing.assert_array_equal(one.results(case.parameters, lanes=L, clamp_bits=CONFIG.window_clamp_bits), means)
    await driver.run(case, never, never, wait=0)
