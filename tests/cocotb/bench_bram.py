"""cocotb tests for `tests/hw/ecp5/test_bram.py`: block RAMs and their behavioural reference model, the same random accesses."""

from __future__ import annotations

import os
import random
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.hw.ecp5.bram import TRUE_SHAPES, segments
from hwgen.sim.harness.streams import reset
from tests.support.initial_words import initial_words

WIDTH, DEPTH, LATENCY, INIT_SEED = (
    int(os.environ.get(name, "8")) for name in ("WIDTH", "DEPTH", "LATENCY", "INIT_SEED")
)
SIMPLE = os.environ.get("KIND") == "simple"
CYCLES = 2500


def addresses(seed: int) -> Any:
    """Endless addresses: both sides of every segment border often, so that reads meet writes, else any."""
    generator = random.Random(seed)
    borders = {0, DEPTH - 1} | {n + d for n in range(0, DEPTH, 512) for d in (-1, 0, 1)}
    near = sorted(address for address in borders if 0 <= address < DEPTH)
    some = generator.sample(near, min(12, len(near)))
    while True:
        yield generator.choice(some) if generator.random() < 0.7 else generator.randrange(DEPTH)


class Port:
    """One port of the memory: what it is asked now, and what its output must be LATENCY cycles later."""

    def __init__(self, dut: Any, prefix: str) -> None:
        self.output, self.reference = getattr(dut, f"{prefix}_data"), getattr(dut, f"reference_{prefix}_data")
        self.due: list[tuple[int, int | None] | None] = [None] * LATENCY
        self.compared = 0

    def check(self, cycle: int) -> None:
        """Compare the output with the word that the read LATENCY cycles ago asked for (and, where defined, the reference model with it)."""
        expected = self.due.pop(0)
        if expected is not None:
            word, defined = expected
            got = int(self.output.value)
            assert got == word, f"cycle {cycle}: read {got:#x}, expected {word:#x}"
            if defined:
                assert int(self.reference.value) == word, (
                    f"cycle {cycle}: reference model read {int(self.reference.value):#x}, expected {word:#x}"
                )
                self.compared += 1


def undefined(mask: int, addr: int) -> int:
    """Bits of a word that a read does not deliver while those of `mask` are written: all bits of the same blocks."""
    if SIMPLE or segments(DEPTH, TRUE_SHAPES)[-1] != min(TRUE_SHAPES):
        return mask
    if addr < sum(segments(DEPTH, TRUE_SHAPES)[:-1]):
        return mask
    pair = (1 << 16) - 1  # two bytes are one block
    touched = sum(pair << low for low in range(0, WIDTH, 16) if mask >> low & pair)
    return touched & ((1 << WIDTH) - 1)


async def access(dut: Any, first: int) -> None:
    """Random accesses; `first` cycles only read, which shows the initial content."""
    generator, next_a, next_b = random.Random(7), addresses(1), addresses(2)
    memory = dict(enumerate(initial_words(WIDTH, DEPTH, INIT_SEED)))
    reader, writer = ("r", "w") if SIMPLE else ("a", "b")
    ports = [Port(dut, reader)] if SIMPLE else [Port(dut, reader), Port(dut, writer)]
    lanes = 1 if SIMPLE else WIDTH // 8
    lane_bits = WIDTH // lanes
    await reset(dut)
    for cycle in range(CYCLES):
        read_en, other_en = (generator.random() < 0.8, generator.random() < 0.8) if SIMPLE else (True, True)
        read_addr, other_addr = next(next_a), next(next_b)
        if generator.random() < 0.2:
            other_addr = read_addr
        data = generator.randrange(1 << WIDTH)
        write = 0
        if cycle >= first and (SIMPLE or generator.random() < 0.5):
            write = generator.choice(
                [(1 << lanes) - 1, generator.randrange(1 << lanes), 1 << generator.randrange(lanes)]
            )
        getattr(dut, f"{reader}_addr").value = read_addr
        getattr(dut, f"{writer}_addr").value = other_addr
        if SIMPLE:
            write = int(other_en and bool(write))
            dut.r_en.value, dut.w_en.value, dut.w_data.value = read_en, write, data
        else:
            dut.b_we.value, dut.b_wdata.value = write, data
        await ReadOnly()
        for port in ports:
            port.check(cycle)
        mask = sum(((1 << lane_bits) - 1) << (lane_bits * lane) for lane in range(lanes) if write >> lane & 1)
        old = memory.get(read_addr, 0)
        collision = undefined(mask, read_addr) if read_addr == other_addr else 0
        ports[0].due.append((old ^ collision, collision == 0) if read_en else None)
        if not SIMPLE:
            ports[1].due.append((memory.get(other_addr, 0), True) if other_en and not write else None)
        if mask:
            memory[other_addr] = (memory.get(other_addr, 0) & ~mask) | (data & mask)
        await RisingEdge(dut.clk)
    for port in ports:
        assert port.compared > CYCLES // 8, "too few reads were compared"


@cocotb.test()
async def initial_content(dut: Any) -> None:
    await access(dut, first=CYCLES)


@cocotb.test()
async def reads_and_writes(dut: Any) -> None:
    await access(dut, first=0)
