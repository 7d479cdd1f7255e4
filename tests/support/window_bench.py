"""Drives the window through passes, and says what it must give."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from hwgen.compiler.int8.arithmetic import average_multiplier
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import FeedMode, WindowOp
from hwgen.hw.isa.descriptor_fields import ClampFields, DescriptorFields, FetchFields, WindowFields
from hwgen.sim.elements.window import Column, SubgroupParameters, WindowPass
from hwgen.sim.harness.streams import (
    CycleCounter,
    Pattern,
    StreamSink,
    StreamSource,
)
from tests.support.window_tables import window_tables

CONFIG = CoreConfig(
    window_lanes=int(os.environ["LANES"]),
    window_clamp_bits=int(os.environ["CLAMP_BITS"]),
    window_depth=int(os.environ["DEPTH"]),
    window_table=bool(int(os.environ["TABLE"])),
    table_slots=int(os.environ["TABLE_SLOTS"]),
    row_steps=bool(int(os.environ["PARTIAL_DEPTH"])),
    partial_depth=int(os.environ["PARTIAL_DEPTH"]),
    striped_sums=bool(int(os.environ["STRIPED_SUMS"])),
)


MUTATION = os.environ.get("MUTATION", "")


L = CONFIG.window_lanes


@dataclass(frozen=True)
class Case:
    """A pass, its parameters and where they lie."""

    one: WindowPass
    parameters: SubgroupParameters
    base: int

    @property
    def table(self) -> int:
        """Number of its table, among those that are there from power-on."""
        return self.one.x.shape[1] % (CONFIG.table_slots - 1)

    @property
    def descriptor(self) -> int:
        one = self.one
        fetch = FetchFields(
            mode=int(one.mode),
            op=int(one.op),
            groups=one.x.shape[2] // L,
            kernel_h=one.kernel[0],
            kernel_w=one.kernel[1],
            blocks=one.blocks[0] * one.blocks[1],
            columns=0 if one.mode == FeedMode.SUM else one.columns_per_block,
        )
        window = WindowFields(
            window_base=self.base,
            window_clamp=ClampFields(*one.clamp),
            average_scale=one.average_scale,
            window_table=self.table,
        )
        return DescriptorFields(fetch=fetch, window=window).pack()


def parameters_of(rng: np.random.Generator, one: WindowPass) -> SubgroupParameters:
    """Random parameters whose results are spread over the int8 range; 1 / n for averages."""
    entries = one.x.shape[2] // L * one.blocks[0] * one.blocks[1]
    shape = (entries, L)
    weights = rng.integers(-128, 128, (entries, *one.kernel, L))
    bias = rng.integers(-(1 << 12), 1 << 12, shape)
    shift = rng.integers(5, 11, shape)
    multiplier = rng.integers(1 << 30, 1 << 31, shape)
    if rng.random() < 0.3:  # large biases saturate the accumulator
        bias, shift = rng.integers(-(1 << 31), 1 << 31, shape), rng.integers(0, 32, shape)
    look_up = rng.integers(0, 2, shape)
    if one.op == WindowOp.AVERAGE or one.mode == FeedMode.SUM:
        weights = np.ones_like(weights) if one.mode == FeedMode.WINDOW else weights
        count = 36 if one.mode == FeedMode.WINDOW else one.x.shape[0] * one.x.shape[1]
        m, n = average_multiplier(count)
        bias, multiplier, shift = np.zeros_like(bias), np.full_like(bias, m), np.full_like(bias, n)
    return SubgroupParameters(weights, bias, multiplier, shift, look_up)


def tensor(rng: np.random.Generator, height: int, width: int, groups: int) -> np.ndarray:
    x = rng.integers(-128, 128, (height, width, groups * L))
    ends = rng.random(x.shape) < 0.1
    return np.where(ends, rng.choice([-128, 127], x.shape), x).astype(np.int64)


def table_of(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-128, 128, 256).astype(np.int64)


async def load(dut: Any, cases: list[Case], table: np.ndarray) -> None:
    bits = (CONFIG.window_depth - 1).bit_length()
    for case in cases:
        for i, word in enumerate(case.parameters.words(case.one.blocks[0] * case.one.blocks[1])):
            dut.write.value = 1 | (8 * case.base + i) << 1 | word << (1 + bits)
            await RisingEdge(dut.clk)
    dut.write.value = 0
    for address in range(128):
        low, high = (int(v) & 0xFF for v in table[2 * address : 2 * address + 2])
        dut.table_write.value = 1 | address << 1 | low << 8 | high << 16
        await RisingEdge(dut.clk)
    dut.table_write.value = 0


def packed(column: Column, rng: np.random.Generator) -> int:
    """Payload; what has no meaning is random."""
    data = int.from_bytes((column.rows.reshape(-1) & 0xFF).astype(np.uint8).tobytes(), "little")
    cols_cut = column.cols_cut if column.emit else bool(rng.integers(2))
    flags = column.start | column.emit << 1 | column.rows_cut << 2 | cols_cut << 3 | column.last << 4
    if CONFIG.partial_depth:
        flags |= column.opens << 5 | column.closes << 6
    return data | flags << (24 * L)


def expected(case: Case, table: np.ndarray) -> list[int]:
    """Payloads of the results."""
    one, parameters = case.one, case.parameters
    if MUTATION == "weight" and one.op == WindowOp.MAC:
        weights = parameters.weights.copy()
        weights[-1, -1, -1, -1] += 1
        parameters = replace(parameters, weights=weights)
    if MUTATION == "maximum" and one.op == WindowOp.MAX:
        one = replace(one, fill=one.fill + 1)
    if CONFIG.table_slots > 2:
        table = window_tables(CONFIG.table_slots)[case.table]
    found = table if CONFIG.window_table else None
    values = one.results(parameters, lanes=L, clamp_bits=CONFIG.window_clamp_bits, table=found)
    payloads = [int.from_bytes((row & 0xFF).astype(np.uint8).tobytes(), "little") for row in values]
    payloads[-1] |= 1 << (8 * L)
    return payloads


class Driver:
    """Runs passes one after the other on one instance."""

    def __init__(self, dut: Any, seed: int) -> None:
        self.dut, self.rng = dut, np.random.default_rng(seed)
        self.source, self.sink = StreamSource(dut, "i", dut.clk), StreamSink(dut, "o", dut.clk)
        self.sink.counter = self.counter = CycleCounter()
        self.origin = CycleCounter._now() - self.counter.cycle
        self.table = table_of(seed)

    async def run(
        self, case: Case, idle: Pattern, stall: Pattern, wait: int
    ) -> tuple[int, list[Column], list[int], list[int]]:
        """One pass: the cycle of its start, its columns, the cycles in which they were taken and the results were transferred."""
        dut = self.dut
        for _ in range(wait):
            await RisingEdge(dut.clk)
        dut.descriptor.value = case.descriptor
        dut.start.value = 1
        start = self.counter.cycle
        await RisingEdge(dut.clk)
        dut.start.value = 0
        columns = list(case.one.columns(L))
        wanted = expected(case, self.table)
        sending = cocotb.start_soon(self.source.send([packed(c, self.rng) for c in columns], idle=idle))
        got = await self.sink.receive(len(wanted), stall=stall)
        taken = [cycle - self.origin for cycle in await sending]
        for i, (payload, _) in enumerate(got):
            assert payload == wanted[i], f"result {i} of {case.one}: {payload:#x}, not {wanted[i]:#x}"
        # While nothing comes the descriptor may be anything.
        dut.descriptor.value = int(self.rng.integers(1 << 62)) | 1 << 300
        return start, columns, taken, [cycle for _, cycle in got]
