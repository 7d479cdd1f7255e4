"""Fetch against its model: payload and exact cycle of every beat, then payloads under stalls; the bench plays the activation memory."""

from __future__ import annotations

from collections import deque
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import BANKS
from hwgen.hw.isa.descriptor import FeedMode
from hwgen.hw.isa.descriptor_fields import DescriptorFields, RowPointerFields
from hwgen.sim.elements.fetch import FetchModel, fetch_beats, unit_count
from hwgen.sim.harness.streams import CycleCounter, Pattern, StreamMonitor, StreamSink, every, never, random, reset
from tests.support.descriptors import descriptor_fields
from tests.support.passes import bench_config, bench_number

CONFIG = bench_config()
READ_LATENCY = bench_number("READ_LATENCY")
WORDS = 1 << 14
Case = tuple[DescriptorFields, list[int]]  # descriptor, cycles of tile_free


def pointer(rng: np.random.Generator, row_words: int, depth: int | None = None) -> RowPointerFields:
    """Row pointer of a tensor that fits the memory."""
    depth = depth or 4 * int(rng.integers(1, max(2, min(6, WORDS // row_words - 1))))
    slot, base = int(rng.integers(depth)), int(rng.integers(WORDS - depth // 4 * row_words))
    return RowPointerFields(slot, base + slot // 4 * row_words, base, depth, row_words)


def complete(rng: np.random.Generator, d: dict[str, Any], late: float) -> Case:
    """Adds what does not depend on the case, and strobes of `tile_free`: `late` is their mean distance."""
    rows = CONFIG.rows
    d = {"fill": int(rng.integers(256)), "kernel_h": 1, "kernel_w": 1, "stride_y": 1, "stride_x": 1, **d}
    d.setdefault("columns", (d["out_w"] - 1) * d["stride_x"] + d["kernel_w"])
    d.setdefault("ring_pixels", ceil_div(d["out_w"], rows) * rows + rows * int(rng.choice([0, 0, 1, 2])))
    d["input"] = pointer(rng, d["in_w"] * d["pixel_words"])
    if CONFIG.row_steps:
        d = {"tap_rows": 1, "tap_columns": 1, "blocks_h": 1, "blocks_w": 1, **d}
        d["tap_words"] = d["tap_columns"] * d["pixel_words"]
    free: list[int] = []
    cycle = 3  # no tile is free before the first row has come
    for _ in range(ceil_div(d["out_rows"] * d["out_w"], rows)):
        cycle += 1 + int(rng.exponential(late))
        free.append(cycle)
    return descriptor_fields(**d), free


def ordinary(mode: FeedMode, seed: int, late: float) -> Case:
    """A random small pass, sizes from 1 on."""
    rng = np.random.default_rng([seed, mode])

    def integers(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    d: dict[str, Any] = {
        "mode": mode,
        "op": integers(0, 2),
        "to_rows": 0 if mode == FeedMode.TAP else integers(0, 1),
        "in_h": integers(1, 9),
        "in_w": integers(1, 9),
        "pixel_words": integers(1, 6),
        "first_word": integers(0, 5),
        "groups": integers(1, 5),
        "out_rows": integers(1, 9),
        "out_w": integers(1, 9),
        "stride_y": integers(1, 3),
        "stride_x": integers(1, 3),
    }
    if mode == FeedMode.SUM:
        d |= {"in_y": 0, "in_x": 0, "out_rows": d["in_h"], "out_w": d["in_w"], "kernel_h": integers(0, 3)}
    else:
        d |= {"kernel_h": integers(1, 3), "kernel_w": integers(1, 7 if mode == FeedMode.TAP else 3)}
        if seed % 2:  # short rows, so that room for them is what they wait for
            d |= {"kernel_h": 1, "kernel_w": 1, "groups": integers(1, 2)}
        if CONFIG.row_steps and seed % 3:
            d |= stepping(mode, rng)
        if CONFIG.shared_taps and mode == FeedMode.TAP and seed % 4:
            d |= {"shared": 1, "tap_columns": int(CONFIG.row_steps)}
        d |= {"in_y": integers(-d["kernel_h"], d["in_h"]), "in_x": integers(-d["kernel_w"], 2)}
    return complete(rng, d, late)


def stepping(mode: FeedMode, rng: np.random.Generator) -> dict[str, Any]:
    """Tall, wide and dilated kernels, windows of several blocks."""
    strides = {"stride_y": int(rng.integers(1, 8)), "stride_x": int(rng.integers(1, 8))}
    steps = {**strides, "tap_rows": int(rng.choice([1, 2, 3, 6, 15])), "tap_columns": int(rng.choice([1, 2, 3, 7]))}
    if mode == FeedMode.TAP:
        return {
            **steps,
            "kernel_h": int(rng.integers(1, 7)),
            "kernel_w": int(rng.integers(1, 5)),
            "out_w": int(rng.integers(1, 5)),
        }
    return {
        **steps,
        "blocks_h": int(rng.integers(1, 4)),
        "blocks_w": int(rng.integers(1, 4)),
        "groups": int(rng.integers(1, 4)),
    }


def real(seed: int, late: float = 0.0) -> list[Case]:
    """Layers as networks have them, and fields near the ends of their ranges."""
    rng = np.random.default_rng(seed)
    same3: dict[str, Any] = {"in_y": -1, "in_x": -1, "kernel_h": 3, "kernel_w": 3}
    half = {"stride_y": 2, "stride_x": 2}
    layers: list[dict[str, Any]] = [
        {"mode": 0, "in_y": 0, "in_x": 0, "in_h": 14, "in_w": 14, "pixel_words": 15, "groups": 15, "out_rows": 3, "out_w": 14},
        {"mode": 0, **same3, "in_h": 32, "in_w": 32, "pixel_words": 1, "groups": 1, "out_rows": 4, "out_w": 16, **half},
        {"mode": 1, **same3, "in_h": 12, "in_w": 12, "pixel_words": 8, "groups": 7, "out_rows": 4, "out_w": 12, "first_word": 3},
        {"mode": 1, **same3, "in_h": 33, "in_w": 33, "pixel_words": 4, "groups": 4, "out_rows": 3, "out_w": 16, **half},
        {"mode": 1, **same3, "in_h": 3, "in_w": 3, "pixel_words": 16, "groups": 16, "out_rows": 3, "out_w": 3, "to_rows": 1},
        {"mode": 2, "in_y": 0, "in_x": 0, "in_h": 7, "in_w": 7, "pixel_words": 9, "groups": 17, "out_rows": 7, "out_w": 7, "to_rows": 1},
        {"mode": 2, "in_y": 0, "in_x": 0, "in_h": 1, "in_w": 1, "pixel_words": 9, "groups": 9, "out_rows": 1, "out_w": 1, "to_rows": 1},
        # Wide pixels, far left, above the tensor; the last column of the widest tensor; the last row of the highest.
        {"mode": 0, "in_y": -500, "in_x": -16, "in_h": 9, "in_w": 6, "pixel_words": 511, "groups": 2, "out_rows": 2, "out_w": 9,
         "kernel_w": 7, "kernel_h": 3, "stride_y": 2, "stride_x": 3, "first_word": 511},
        {"mode": 1, "in_y": 1, "in_x": -1, "in_h": 3, "in_w": 1023, "pixel_words": 2, "groups": 1, "out_rows": 1, "out_w": 1023,
         "kernel_w": 3, "kernel_h": 3, "to_rows": 1},
        {"mode": 1, "in_y": 1020, "in_x": 0, "in_h": 1023, "in_w": 2, "pixel_words": 1, "groups": 2, "out_rows": 4, "out_w": 1,
         "kernel_w": 2, "kernel_h": 3},
        {"mode": 0, "in_y": 0, "in_x": 0, "in_h": 1, "in_w": 1, "pixel_words": 128, "groups": 128, "out_rows": 1, "out_w": 1},
    ]  # fmt: skip
    if CONFIG.row_steps:
        layers += [
            # 10 x 4 of a spectrum; 15 x 15; 5 x 5 and 7 x 7 of a window in blocks of 3 x 3, dilation 15.
            {"mode": 0, "in_y": -4, "in_x": -1, "in_h": 49, "in_w": 10, "pixel_words": 1, "groups": 1, "out_rows": 3, "out_w": 5,
             "kernel_h": 10, "kernel_w": 4, **half},
            {"mode": 0, "in_y": -7, "in_x": -7, "in_h": 16, "in_w": 16, "pixel_words": 2, "groups": 1, "out_rows": 1, "out_w": 2,
             "kernel_h": 15, "kernel_w": 15},
            {"mode": 1, "in_y": -2, "in_x": -2, "in_h": 9, "in_w": 9, "pixel_words": 3, "groups": 3, "out_rows": 3, "out_w": 5,
             "kernel_h": 3, "kernel_w": 3, "tap_rows": 3, "tap_columns": 3, "blocks_h": 2, "blocks_w": 2, **half},
            {"mode": 1, "in_y": -15, "in_x": -15, "in_h": 9, "in_w": 9, "pixel_words": 3, "groups": 2, "out_rows": 2, "out_w": 4,
             "kernel_h": 1, "kernel_w": 1, "tap_rows": 15, "tap_columns": 15, "blocks_h": 3, "blocks_w": 3},
        ]  # fmt: skip
    if CONFIG.shared_taps:
        layers += [
            # Stems of stride 2 and 1, one of two pixels in a word; 7 x 7; the widest tensor.
            {"mode": 0, "shared": 1, **same3, "in_h": 32, "in_w": 32, "pixel_words": 1, "groups": 1, "out_rows": 4, "out_w": 16, **half},
            {"mode": 0, "shared": 1, **same3, "in_h": 8, "in_w": 8, "pixel_words": 8, "groups": 8, "out_rows": 8, "out_w": 8},
            {"mode": 0, "shared": 1, **same3, "in_h": 32, "in_w": 16, "pixel_words": 1, "groups": 1, "out_rows": 4, "out_w": 16,
             "kernel_w": 2, "stride_y": 2},
            {"mode": 0, "shared": 1, "in_y": -3, "in_x": -3, "in_h": 16, "in_w": 16, "pixel_words": 2, "groups": 2, "out_rows": 2,
             "out_w": 8, "kernel_h": 3, "kernel_w": 7, **half},
            {"mode": 0, "shared": 1, **same3, "in_h": 2, "in_w": 1023, "pixel_words": 1, "groups": 1, "out_rows": 1, "out_w": 1023},
        ]  # fmt: skip
    return [complete(rng, {"first_word": 0, "to_rows": 0, **layer}, late) for layer in layers]


async def serve(dut: Any, memory: np.ndarray) -> None:
    """Port A: the words of the addresses of READ_LATENCY cycles ago."""
    pipe = deque([0] * READ_LATENCY)
    while True:
        await ReadOnly()
        addresses = int(dut.read_addr.value)
        words = [int(memory[bank, addresses >> 14 * bank & WORDS - 1]) for bank in range(BANKS)]
        pipe.append(sum(word << 64 * bank for bank, word in enumerate(words)))
        await RisingEdge(dut.clk)
        dut.read_data.value = pipe[1]
        pipe.popleft()


async def strobe(dut: Any, counter: CycleCounter, cycles: list[int]) -> None:
    """`tile_free` in these cycles."""
    due = set(cycles)
    while due:
        dut.tile_free.value = int(counter.cycle in due)
        due.discard(counter.cycle)
        await RisingEdge(dut.clk)
    dut.tile_free.value = 0


class Bench:
    """A started bench; runs passes one after the other."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.memory = np.random.default_rng(0).integers(0, 1 << 64, (BANKS, WORDS), dtype=np.uint64)

    async def begin(self) -> None:
        dut = self.dut
        dut.start.value = dut.tile_free.value = dut.descriptor.value = 0
        await reset(dut)
        self.sinks = {name: StreamSink(dut, name, dut.clk) for name in ("o_word", "o_column")}
        self.monitors = {name: StreamMonitor(dut, name, dut.clk) for name in self.sinks}
        cocotb.start_soon(serve(dut, self.memory))

    async def run(self, case: Case, stall: Pattern) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """One pass: (beats got, beats of the model); both with the cycle counted from `start`."""
        d, free = case
        dut = self.dut
        name, other = ("o_word", "o_column") if d.fetch.mode == FeedMode.TAP else ("o_column", "o_word")
        expected = fetch_beats(
            d,
            self.memory,
            free,
            rows=CONFIG.rows,
            lanes=CONFIG.window_lanes,
            read_latency=READ_LATENCY,
            flagged=CONFIG.partial_depth > 0,
        )
        silent = self.monitors[other].transfers
        dut.descriptor.value, dut.start.value = d.pack(), 1
        sink = self.sinks[name]
        sink.counter = counter = CycleCounter()
        self.sinks[other].ready.value = 1
        strobes = cocotb.start_soon(strobe(dut, counter, free))
        cocotb.start_soon(self.end_start())
        got = await sink.receive(len(expected), stall, timeout=5000)
        await strobes
        await sink.expect_nothing(40)
        assert self.monitors[other].transfers == silent, f"{other} moved in a pass of {name}"
        return got, [(cycle, value) for cycle, value in expected]

    async def end_start(self) -> None:
        await RisingEdge(self.dut.clk)
        self.dut.start.value = 0


def compare(case: Case, got: list[tuple[int, int]], expected: list[tuple[int, int]], *, cycles: bool) -> None:
    for index, ((value, cycle), (due, wanted)) in enumerate(zip(got, expected, strict=True)):
        assert value == wanted, f"beat {index} of {len(got)}: {value:#x}, not {wanted:#x}; {case}"
        assert cycle == due if cycles else cycle >= due, f"beat {index} of {len(got)}: cycle {cycle}, not {due}; {case}"


@cocotb.test()
@cocotb.parametrize(mode=list(FeedMode), late=[0.0, 40.0, 200.0])
async def exact_cycles(dut: Any, mode: FeedMode, late: float) -> None:
    bench = Bench(dut)
    await bench.begin()
    delayed = 0
    for seed in range(25):
        case = ordinary(mode, seed, late)
        compare(case, *await bench.run(case, never), cycles=True)
        free, early = FetchModel(case[0], CONFIG.rows, READ_LATENCY), FetchModel(case[0], CONFIG.rows, READ_LATENCY)
        for _ in range(unit_count(case[0].fetch)):
            delayed += free.next_unit(case[1]) != early.next_unit([0] * len(case[1]))
    assert (delayed > 0) == (mode != FeedMode.SUM and late > 0), f"{delayed} rows waited for room"


@cocotb.test()
async def exact_cycles_of_layers(dut: Any) -> None:
    bench = Bench(dut)
    await bench.begin()
    for case in real(1):
        compare(case, *await bench.run(case, never), cycles=True)


@cocotb.test()
@cocotb.parametrize(stall=[every(2), every(13), random(1, 0.1), random(2, 0.5), random(3, 0.9)], mode=list(FeedMode))
async def stalls(dut: Any, stall: Any, mode: FeedMode) -> None:
    bench = Bench(dut)
    await bench.begin()
    for seed in range(8):
        case = ordinary(mode, 1000 + seed, 15.0 * (seed % 3))
        compare(case, *await bench.run(case, stall), cycles=False)
    assert bench.monitors["o_word" if mode == FeedMode.TAP else "o_column"].cycles_valid_unready > 0


@cocotb.test()
async def recovers_full_speed(dut: Any) -> None:
    """After a long stall the output FIFO is full; then the rest comes at a beat per cycle."""
    bench = Bench(dut)
    await bench.begin()
    case = real(2)[0]

    def pattern() -> Any:
        yield from [True] * 200
        yield from never()

    got, expected = await bench.run(case, pattern)
    compare(case, got, expected, cycles=False)
    cycles = [cycle for _, cycle in got]
    assert cycles == list(range(200, 200 + len(cycles))), "bubbles behind a stall"
