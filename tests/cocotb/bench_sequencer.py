"""cocotb tests for `tests/hw/control/test_sequencer.py`: descriptors in order, exact start cycles, counter records."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.hw.control.sequencer import LOAD_CYCLES, START_GAP
from hwgen.hw.isa.counters import RECORD_WORDS, Counter
from hwgen.hw.isa.descriptor import DESCRIPTOR_HALFWORDS, Descriptor, halfwords
from hwgen.hw.isa.memories import QUEUE_DEPTH
from hwgen.sim.harness.streams import reset


def descriptor(rng: random.Random, *, last: bool) -> int:
    value = rng.getrandbits(Descriptor.size)
    bit = 1 << Descriptor["last"].offset
    return value | bit if last else value & ~bit


class Frame:
    """Plays a frame: pushes descriptors when there is room, answers starts with `done` after given times."""

    def __init__(self, dut: Any, descriptors: list[int], durations: list[int], pause: int) -> None:
        self.dut = dut
        self.descriptors = descriptors
        self.durations = durations
        self.pause = pause
        self.cycle = 0
        self.starts: list[int] = []
        self.seen: list[int] = []
        self.most_ahead = 0

    async def feed(self) -> None:
        dut = self.dut
        for count, value in enumerate(self.descriptors):
            while not dut.room.value:
                await RisingEdge(dut.clk)
            self.most_ahead = max(self.most_ahead, count - len(self.starts))
            for word in halfwords(value, DESCRIPTOR_HALFWORDS):
                dut.push.value = word << 1 | 1
                await RisingEdge(dut.clk)
            dut.push.value = 0
            for _ in range(self.pause + 1):
                await RisingEdge(dut.clk)

    async def play(self) -> tuple[list[int], int]:
        """Returns the cycle of every `done` and of `frame_done`."""
        dut = self.dut
        dut.frame_start.value = 1
        await RisingEdge(dut.clk)
        dut.frame_start.value = 0
        cocotb.start_soon(self.feed())
        dones: list[int] = []
        due = -1
        while True:
            await ReadOnly()
            if dut.start.value:
                self.starts.append(self.cycle)
                self.seen.append(int(dut.descriptor.value) & ((1 << Descriptor.size) - 1))
                due = self.cycle + self.durations[len(dones)]
            if dut.frame_done.value:
                return dones, self.cycle
            await RisingEdge(dut.clk)
            self.cycle += 1
            dut.done.value = int(self.cycle == due)
            dut.issuing.value = int(due - 2 <= self.cycle <= due)
            if self.cycle == due:
                dones.append(self.cycle)
            assert self.cycle < 20000, "the frame does not end"


async def counter(dut: Any, record: int, word: int) -> int:
    dut.read_addr.value = record * RECORD_WORDS + word
    for _ in range(3):
        await RisingEdge(dut.clk)
    return int(dut.read_data.value)


@cocotb.test()
@cocotb.parametrize(seed=[1, 2, 3, 4], pause=[0, 60, 200])
async def frames(dut: Any, seed: int, pause: int) -> None:
    rng = random.Random(seed)
    dut.done.value = 0
    dut.push.value = 0
    dut.frame_start.value = 0
    dut.issuing.value = 0
    await reset(dut)
    for count in (1, 3, 40):
        values = [descriptor(rng, last=i == count - 1) for i in range(count)]
        durations = [rng.choice([5, 30, 50, 120]) for _ in range(count)]
        frame = Frame(dut, values, durations, pause)
        dones, end = await frame.play()
        assert frame.seen == values
        assert end == dones[-1] + 1
        assert int(dut.passes_done.value) == count
        gaps = [start - done for start, done in zip(frame.starts[1:], dones, strict=False)]
        assert min(gaps, default=START_GAP) >= START_GAP
        if pause == 0:
            for i in range(1, count - 1):  # the queue is ahead: only the background load can be late
                loaded = frame.starts[i] + LOAD_CYCLES
                if frame.most_ahead > 2 and i > QUEUE_DEPTH:
                    assert frame.starts[i + 1] == max(dones[i] + START_GAP, loaded), i
            assert frame.most_ahead <= QUEUE_DEPTH + 1
        for _ in range(10):
            await RisingEdge(dut.clk)
        total = int(dut.frame_cycles.value)
        assert total == dones[-1] + 1  # cycle 0 here is the one after `frame_start`
        for i in range(count):
            record = {word: await counter(dut, i, word) for word in Counter}
            assert record[Counter.CYCLES] == durations[i]
            assert record[Counter.WAIT] == frame.starts[i] - (dones[i - 1] if i else -1)
            assert (record[Counter.ISSUING], record[Counter.OUTSIDE]) == (3, durations[i] - 3)
            total -= record[Counter.CYCLES] + record[Counter.WAIT]
        assert total == 0
