"""Combine element against its model: exact cycles, then idle sources and a sink that stalls."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from hwgen.hw.isa.descriptor import CombineOp
from hwgen.hw.isa.descriptor_fields import ArrayFields, CombineFields, DescriptorFields
from hwgen.sim.elements.combine import CombineNumbers, operand_wanted
from hwgen.sim.harness.streams import (
    CycleCounter,
    Pattern,
    StreamMonitor,
    StreamSink,
    StreamSource,
    every,
    never,
    random,
    reset,
)
from tests.support.passes import bench_config, bench_number

CONFIG = bench_config()
ROWS, COLS = CONFIG.rows, CONFIG.cols
CYCLES, LATENCY = bench_number("CYCLES"), bench_number("LATENCY")


def numbers(rng: np.random.Generator) -> CombineNumbers:
    """Parameters as the compiler makes them, and extreme ones: the scaled input's factor is at most 1/2."""
    shift = int(rng.choice([0, 1, 1, 1, 2, 3, int(rng.integers(4, 32))]))
    multiplier = (
        1 << 30 if shift == 0 else int(rng.choice([1 << 30, (1 << 31) - 1, int(rng.integers(1 << 30, 1 << 31))]))
    )
    low = int(rng.choice([-128, -128, int(rng.integers(-128, 0))]))
    high = int(rng.choice([127, 127, int(rng.integers(0, 128))]))
    zeros = [int(rng.choice([-128, 127, 0, int(rng.integers(-128, 128))])) for _ in range(3)]
    return CombineNumbers(
        zero_scaled=zeros[0],
        zero_other=zeros[1],
        swap=int(rng.integers(2)),
        multiplier=multiplier,
        shift=shift,
        clamp=(zeros[2], low, high),
        out_multiplier=int(rng.integers(1 << 30, 1 << 31)),
        out_shift=0,
    )


def case(seed: int, op: CombineOp | None = None) -> tuple[DescriptorFields, CombineNumbers]:
    """A random pass."""
    rng = np.random.default_rng(seed)
    made = numbers(rng)
    if op is None:
        op = CombineOp.MUL if CONFIG.combine_multiply and rng.integers(2) else CombineOp.ADD
    # The shift that brings most results into int8, and a few others.
    usual = 20 if op == CombineOp.ADD else 7
    out_shift = int(np.clip(usual + rng.choice([-usual, -2, -1, 0, 0, 0, 1, 31]), 0, 31))
    made = CombineNumbers(**{**made.__dict__, "out_shift": out_shift})
    combine = CombineFields(combine=int(op), still=int(rng.integers(2)))
    array = ArrayFields(
        tiles=int(rng.integers(1, 4)),
        chunks=int(rng.integers(1, 5)),
        last_pixels=int(rng.integers(1, ROWS + 1)),
    )
    return DescriptorFields(array=array, combine=combine), made


def packed(values: np.ndarray) -> int:
    return int.from_bytes(values.astype(np.int8).tobytes(), "little")


class Bench:
    """A started bench; runs passes one after the other."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut

    async def begin(self) -> None:
        dut = self.dut
        dut.start.value = dut.descriptor.value = dut.parameters.value = 0
        await reset(dut)
        self.segments, self.operands = (StreamSource(dut, name, dut.clk) for name in ("segments", "operands"))
        self.sink, self.monitor = StreamSink(dut, "o", dut.clk), StreamMonitor(dut, "o", dut.clk)

    async def run(
        self,
        d: DescriptorFields,
        made: CombineNumbers,
        seed: int,
        idle: Pattern = never,
        late: Pattern = never,
        stall: Pattern = never,
        *,
        cycles: bool = False,
    ) -> None:
        dut, rng = self.dut, np.random.default_rng(seed)
        wanted = list(operand_wanted(d, ROWS))
        segments = rng.integers(-128, 128, (len(wanted), COLS))
        operands = rng.integers(-128, 128, (sum(wanted), COLS))
        if made.out_shift < 12 and d.combine.combine == CombineOp.ADD:
            # Sums near 0 keep large factors out of saturation.
            segments, operands = np.clip(segments, -2, 2), np.clip(operands, -2, 2)
        used = operands[np.cumsum(wanted) - 1]
        expected = made.results(CombineOp(d.combine.combine), segments, used)
        pixels = [
            not (index // (ROWS * d.array.chunks) == d.array.tiles - 1 and index % ROWS >= d.array.last_pixels)
            for index in range(len(wanted))
        ]
        dut.descriptor.value, dut.parameters.value, dut.start.value = d.pack(), made.word(), 1
        await RisingEdge(dut.clk)
        dut.start.value = 0
        await RisingEdge(dut.clk)  # a pass's segments come later than that
        self.sink.counter = counter = CycleCounter()
        begun = CycleCounter._now()
        sending = cocotb.start_soon(self.segments.send([packed(row) for row in segments], idle))
        giving = cocotb.start_soon(self.operands.send([packed(row) for row in operands], late))
        got = await self.sink.receive(len(wanted), stall, timeout=3000)
        taken = [cycle - begun for cycle in await sending]
        await giving
        assert counter is self.sink.counter
        values = np.array([np.frombuffer(value.to_bytes(COLS, "little"), np.int8) for value, _ in got])
        # What comes of a missing pixel is never written.
        bad = [i for i, pixel in enumerate(pixels) if pixel and (values[i] != expected[i]).any()]
        assert not bad, f"segment {bad[0]} of {len(wanted)}: {values[bad[0]]}, not {expected[bad[0]]}; {d} {made}"
        if cycles:
            assert taken == [i * CYCLES for i in range(len(wanted))], f"{d}"
            assert [cycle for _, cycle in got] == [cycle + LATENCY for cycle in taken], f"{d}"
        await self.sink.expect_nothing(LATENCY + CYCLES)


@cocotb.test()
async def exact_cycles(dut: Any) -> None:
    bench = Bench(dut)
    await bench.begin()
    for seed in range(40):
        await bench.run(*case(seed), seed, cycles=True)


@cocotb.test()
@cocotb.parametrize(
    idle=[never, random(1, 0.8)], late=[never, random(2, 0.9), every(7)], stall=[never, random(3, 0.95)]
)
async def idle_and_stalls(dut: Any, idle: Any, late: Any, stall: Any) -> None:
    bench = Bench(dut)
    await bench.begin()
    for seed in range(100, 106):
        await bench.run(*case(seed), seed, idle, late, stall)
    assert stall is never or bench.monitor.cycles_valid_unready > 0


@cocotb.test()
async def every_pair_of_bytes(dut: Any) -> None:
    """All 65536 pairs of an ADD, and of a MUL if there is one, with parameters of real networks."""
    bench = Bench(dut)
    await bench.begin()
    adds = CombineNumbers(-3, -7, 1, 1461228360, 1, (-1, -128, 127), 1923320302, 19)
    products = CombineNumbers(-128, 1, 0, 0, 0, (0, -128, 127), 1143373440, 7)
    every = np.stack(np.meshgrid(np.arange(-128, 128), np.arange(-128, 128)), axis=-1).reshape(-1, 2)
    pairs = np.pad(every, ((0, -len(every) % COLS), (0, 0))).reshape(-1, COLS, 2)
    for op, made in ((CombineOp.ADD, adds), (CombineOp.MUL, products)):
        if op == CombineOp.MUL and not CONFIG.combine_multiply:
            continue
        tiles, rest = divmod(len(pairs), ROWS)
        d = DescriptorFields(
            array=ArrayFields(tiles=tiles + (rest > 0), chunks=1, last_pixels=rest or ROWS),
            combine=CombineFields(combine=int(op)),
        )
        dut.descriptor.value, dut.parameters.value, dut.start.value = d.pack(), made.word(), 1
        await RisingEdge(dut.clk)
        dut.start.value = 0
        cocotb.start_soon(bench.segments.send([packed(row[:, 0]) for row in pairs] + [0] * (-len(pairs) % ROWS)))
        cocotb.start_soon(bench.operands.send([packed(row[:, 1]) for row in pairs]))
        got = await bench.sink.receive(len(pairs) + -len(pairs) % ROWS)
        values = np.array([np.frombuffer(value.to_bytes(COLS, "little"), np.int8) for value, _ in got[: len(pairs)]])
        np.testing.assert_array_equal(values, made.results(op, pairs[..., 0], pairs[..., 1]))
