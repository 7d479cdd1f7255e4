"""cocotb test for `tests/hw/control/test_sequencer.py`: resident descriptors, in order, frame after frame, in exact cycles."""

from __future__ import annotations

import os
import random
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.hw.control.sequencer import START_GAP, resident_load_cycles
from hwgen.hw.isa.descriptor import Descriptor
from hwgen.sim.harness.streams import reset
from tests.support.resident_descriptors import descriptors

PASSES = int(os.environ.get("PASSES", "1"))


async def play(dut: Any, durations: list[int]) -> tuple[list[int], list[int], list[int], int]:
    """One frame; cycles count from `frame_start`. Returns starts, descriptors, dones, cycle of `frame_done`."""
    starts: list[int] = []
    seen: list[int] = []
    dones: list[int] = []
    due = -1
    for cycle in range(100_000):
        dut.frame_start.value = int(cycle == 0)
        dut.done.value = int(cycle == due)
        if cycle == due:
            dones.append(cycle)
        await ReadOnly()
        if dut.start.value:
            starts.append(cycle)
            seen.append(int(dut.descriptor.value) & ((1 << Descriptor.size) - 1))
            due = cycle + durations[len(dones)]
        if dut.frame_done.value:
            return starts, seen, dones, cycle
        await RisingEdge(dut.clk)
    raise AssertionError("the frame does not end")


@cocotb.test()
async def frames(dut: Any) -> None:
    rng = random.Random(3)
    values, load = descriptors(PASSES), resident_load_cycles(PASSES)
    dut.done.value = dut.frame_start.value = dut.push.value = dut.issuing.value = 0
    await reset(dut)
    for _ in range(4):
        for _ in range(load):
            await RisingEdge(dut.clk)
        durations = [rng.choice([1, load - START_GAP - 1, load - START_GAP, load - START_GAP + 1, 90]) for _ in values]
        starts, seen, dones, end = await play(dut, durations)
        assert seen == values
        assert starts[0] == START_GAP
        for i in range(1, PASSES):
            assert starts[i] == max(dones[i - 1] + START_GAP, starts[i - 1] + load), i
        assert end == dones[-1] + 1
        await RisingEdge(dut.clk)
        assert int(dut.passes_done.value) == PASSES
