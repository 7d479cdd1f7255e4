"""Operand fetch against its model: exact cycles, then refused reads and stalls; the bench plays the activation memory."""

from __future__ import annotations

import random as _random
from collections import deque
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import BANKS
from hwgen.hw.isa.descriptor_fields import DescriptorFields, RowPointerFields
from hwgen.hw.memory.activation_memory import ReadRequest
from hwgen.sim.elements.operand import operand_segments
from hwgen.sim.harness.streams import CycleCounter, Pattern, StreamMonitor, StreamSink, every, never, random, reset
from tests.support.descriptors import changed, descriptor_fields
from tests.support.passes import bench_config, bench_number

CONFIG = bench_config()
LATENCY = bench_number("LATENCY")
WORDS = 1 << 14


def case(seed: int) -> DescriptorFields:
    """A random pass: rows shorter and longer than a tile, last tiles of every size, tensors that wrap."""
    rng = np.random.default_rng(seed)
    out_rows, out_w, chunks = (int(rng.integers(1, high)) for high in (6, 20, 5))
    words = int(rng.integers(0, 3))
    pixel_words = words + ceil_div(chunks * CONFIG.cols, 8) + int(rng.integers(0, 3))
    row_words, depth = out_w * pixel_words, 4 * int(rng.integers(1, 4))
    slot, base = int(rng.integers(depth)), int(rng.integers(WORDS - depth // 4 * row_words))
    tiles, rest = divmod(out_rows * out_w, CONFIG.rows)
    combine = int(rng.integers(2)) if CONFIG.combine_lanes else 0
    return descriptor_fields(
        merge=1 - combine,
        combine=combine,
        still=combine * int(rng.integers(2)),
        out_rows=out_rows,
        out_w=out_w,
        tiles=tiles + (rest > 0),
        last_pixels=rest or CONFIG.rows,
        chunks=chunks,
        operand=RowPointerFields(slot, base + slot // 4 * row_words, base, depth, row_words),
        operand_pixel_words=pixel_words,
        operand_word=words,
    )


async def serve(dut: Any, memory: np.ndarray, refuse: Pattern) -> None:
    """Port B: refuses some reads and answers the others after LATENCY cycles; rubbish in between."""
    generator = _random.Random(0)
    pipe: deque[int | None] = deque([None] * LATENCY)
    refusals = refuse()
    while True:
        dut.memory__ready.value = ready = int(not next(refusals))
        await ReadOnly()
        request = ReadRequest.from_bits(int(dut.memory__request.value))
        word = None
        if request.valid and ready:
            word = int(memory[request.bank, request.addr])
        pipe.append(word)
        await RisingEdge(dut.clk)
        pipe.popleft()
        answer = pipe[0]
        dut.memory__read_valid.value = int(answer is not None)
        dut.memory__read_data.value = generator.getrandbits(64) if answer is None else answer


class Bench:
    """A started bench; runs passes one after the other."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.memory = np.random.default_rng(0).integers(0, 1 << 64, (BANKS, WORDS), dtype=np.uint64)

    async def begin(self, refuse: Pattern) -> None:
        dut = self.dut
        dut.start.value = dut.descriptor.value = 0
        dut.memory__read_valid.value = dut.memory__read_data.value = 0
        await reset(dut)
        self.sink, self.monitor = StreamSink(dut, "o", dut.clk), StreamMonitor(dut, "o", dut.clk)
        cocotb.start_soon(serve(dut, self.memory, refuse))

    async def start(self, d: DescriptorFields) -> None:
        """Strobe `start`; returns in the cycle after it, the sink's counter at 1."""
        self.dut.descriptor.value, self.dut.start.value = d.pack(), 1
        self.sink.counter = CycleCounter()
        await RisingEdge(self.dut.clk)
        self.dut.start.value = 0

    async def run(self, d: DescriptorFields, stall: Pattern, *, cycles: bool) -> None:
        expected = operand_segments(d, self.memory, rows=CONFIG.rows, cols=CONFIG.cols, latency=LATENCY)
        await self.start(d)
        got = await self.sink.receive(len(expected), stall, timeout=5000)
        await self.sink.expect_nothing(3 * LATENCY)
        for index, ((value, cycle), (due, wanted)) in enumerate(zip(got, expected, strict=True)):
            assert value == wanted, f"segment {index} of {len(got)}: {value:#x}, not {wanted:#x}; {d}"
            if cycles:
                assert cycle == due, f"segment {index} of {len(got)}: cycle {cycle}, not {due}; {d}"


@cocotb.test()
async def exact_cycles(dut: Any) -> None:
    bench = Bench(dut)
    await bench.begin(never)
    for seed in range(25):
        await bench.run(case(seed), never, cycles=True)


@cocotb.test()
@cocotb.parametrize(
    refuse=[never, random(1, 0.3), every(5)],
    stall=[every(2), every(13), random(2, 0.1), random(3, 0.5), random(4, 0.9)],
)
async def refusals_and_stalls(dut: Any, refuse: Any, stall: Any) -> None:
    bench = Bench(dut)
    await bench.begin(refuse)
    for seed in range(100, 106):
        await bench.run(case(seed), stall, cycles=False)
    assert bench.monitor.cycles_valid_unready > 0 or refuse is not never


@cocotb.test()
async def refusals_alone(dut: Any) -> None:
    bench = Bench(dut)
    await bench.begin(random(5, 0.5))
    for seed in range(200, 210):
        await bench.run(case(seed), never, cycles=False)


@cocotb.test()
async def prefetches_and_waits(dut: Any) -> None:
    """Segments are fetched before anybody asks for them, and none is lost however long nobody does."""
    bench = Bench(dut)
    await bench.begin(never)
    d = changed(case(1), out_rows=4, out_w=CONFIG.rows, tiles=4, last_pixels=CONFIG.rows)

    def late() -> Any:
        yield from [True] * 300
        yield from never()

    await bench.run(d, late, cycles=False)
    assert bench.monitor.cycles_valid_unready > 300 - 3 * LATENCY


@cocotb.test()
async def without_an_operand_nothing_comes(dut: Any) -> None:
    bench = Bench(dut)
    await bench.begin(never)
    await bench.start(changed(case(3), merge=0, combine=0))
    for _ in range(100):
        await ReadOnly()
        assert not int(dut.memory__request.value) & 1 and not int(dut.o__valid.value)
        await RisingEdge(dut.clk)
    await bench.run(case(4), never, cycles=True)
