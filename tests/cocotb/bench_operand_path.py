"""Operand fetch, combine element and writer at one activation memory: when each segment is taken and when the pass is done."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from hwgen.hw.isa.descriptor_fields import DescriptorFields
from hwgen.hw.memory.activation_memory import ActivationMemory, port_b_latency
from hwgen.sim.elements.operand_reads import SEGMENT_GAP
from hwgen.sim.elements.output import prompt_way, segment_way
from hwgen.sim.elements.writer import done_cycle, segment_cost
from tests.support.operand_passes import chunk_times, narrow_passes
from tests.support.passes import Pass, bench_config

CONFIG = bench_config()
LATENCY = port_b_latency(CONFIG.activation_depth)


def predicted(d: DescriptorFields, times: list[int], way: Any) -> list[int]:
    """Cycles in which segments are taken, and that of `done`."""
    taken: list[int] = []
    for number, first in enumerate(times):
        last_tile = number >= len(times) - d.array.chunks
        way.take(taken, first, d.array.last_pixels if last_tile else CONFIG.rows)
    cost = segment_cost(CONFIG.cols, bool(d.writer.spread)) if d.array.last_pixels == CONFIG.rows else 1
    return [*(cycle - 1 for cycle in taken), done_cycle(way.last_written, cost, ActivationMemory.WRITE_TO_READ)]


async def measured(dut: Any, d: DescriptorFields, times: list[int], *, first: bool) -> list[int]:
    """The same, of the elements."""
    offers = [time + SEGMENT_GAP * row for time in times for row in range(CONFIG.rows)]
    found: list[int] = []
    dut.segments__payload.value = 0
    steps = Pass(dut, d.pack())
    await steps.begin(first)
    while True:
        number = len(found)
        dut.segments__valid.value = valid = int(number < len(offers) and offers[number] <= steps.cycle)
        await steps.settle()
        if valid and dut.segments__ready.value:
            found.append(steps.cycle)
        if dut.done.value:
            return [*found, steps.cycle]
        assert steps.cycle < 20_000, f"the pass does not end: {d}"
        await steps.next()


@cocotb.test()
async def exact_cycles(dut: Any) -> None:
    rng, late = random.Random(1), {"combine": 0, "merge": 0}
    dut.start.value = dut.descriptor.value = dut.segments__valid.value = 0
    for number, d in enumerate(narrow_passes(CONFIG)):
        times = chunk_times(rng, d, CONFIG.rows)
        expected = predicted(d, times, segment_way(d, CONFIG, LATENCY))
        found = await measured(dut, d, times, first=number == 0)
        assert found == expected, f"pass {number}: {found}, not {expected}; {d}"
        late["merge" if d.writer.merge else "combine"] += expected != predicted(
            d, times, prompt_way(d, CONFIG, LATENCY)
        )
        for _ in range(4):
            await RisingEdge(dut.clk)
    # Without refusals the passes would not have shown much.
    assert late["merge"] and (late["combine"] or not CONFIG.combine_lanes), late
