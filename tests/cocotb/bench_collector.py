"""Collector: exact values and cycles, then values and order under random stalls; several passes each."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.hw.isa.config import PARAMETER_BITS
from hwgen.hw.isa.descriptor import COMBINE_WORDS
from hwgen.hw.isa.descriptor_fields import ArrayFields, ClampFields, DescriptorFields
from hwgen.sim.elements.collector import ChannelTable, offered_cycles, segments
from hwgen.sim.harness.streams import CycleCounter, Pattern, StreamMonitor, StreamSink, never, random, reset

ROWS, COLS = int(os.environ["ROWS"]), int(os.environ["COLS"])
ACC_BITS, CLAMP_BITS = int(os.environ["ACC_BITS"]), int(os.environ["CLAMP_BITS"])
LATENCY, READY = int(os.environ["LATENCY"]), int(os.environ["READY"])
DEPTH, FIFO = int(os.environ["DEPTH"]), int(os.environ["FIFO"])
TABLE = bool(int(os.environ["TABLE"]))
COMBINE_READY = int(os.environ["COMBINE_READY"])  # 0: no combine element
SPACING = COLS + (COMBINE_WORDS if COMBINE_READY else 0)


@dataclass
class Pass:
    chunks: int
    tiles: int
    base: int
    clamp: tuple[int, int, int]
    acc: np.ndarray

    @property
    def descriptor(self) -> int:
        array = ArrayFields(
            chunks=self.chunks,
            tiles=self.tiles,
            parameter_base=self.base,
            array_clamp=ClampFields(*self.clamp),
        )
        return DescriptorFields(array=array).pack()


def passes(seed: int) -> tuple[ChannelTable, np.ndarray, list[Pass]]:
    rng = np.random.default_rng(seed)
    shift = rng.integers(0, 20, DEPTH)
    parameters = ChannelTable(
        bias=rng.integers(-(1 << 20), 1 << 20, DEPTH),
        multiplier=rng.integers(1 << 30, 1 << 31, DEPTH),
        shift=shift,
        look_up=rng.integers(0, 2, DEPTH),
    )
    table = rng.integers(-128, 128, 256)
    limit = 1 << (ACC_BITS - 1)
    made: list[Pass] = []
    for chunks, tiles in [(1, 3), (3, 2), (10, 1), (2, 4)]:
        size = 2.0 ** rng.integers(6, ACC_BITS - 1, (chunks * tiles, ROWS, COLS))
        acc = np.clip(np.round(rng.normal(size=size.shape) * size), -limit, limit - 1).astype(np.int64)
        base = int(rng.integers(COMBINE_WORDS, DEPTH - chunks * COLS))
        clamp = [(0, -128, 127), (-5, -5, 100), (-128, -128, 127), (17, -100, 90)][len(made)]
        made.append(Pass(chunks, tiles, base, clamp, acc))
    return parameters, table, made


async def load(dut: Any, parameters: ChannelTable, table: np.ndarray) -> None:
    for address, word in enumerate(parameters.words()):
        dut.parameter_write.value = 1 | address << 1 | word << 12
        await RisingEdge(dut.clk)
    dut.parameter_write.value = 0
    for address in range(128 if TABLE else 0):
        low, high = (int(v) & 0xFF for v in table[2 * address : 2 * address + 2])
        dut.table_write.value = 1 | address << 1 | low << 8 | high << 16
        await RisingEdge(dut.clk)
    dut.table_write.value = 0


class Array:
    """Plays the array: sends chunks' results in its skew, never closer than 2 R cycles nor beyond the FIFO's room."""

    def __init__(self, dut: Any, counter: CycleCounter, seed: int, *, late: bool) -> None:
        self.dut, self.counter, self.late = dut, counter, late
        self.rng = np.random.default_rng(seed)
        self.first: list[int] = []
        self.room = FIFO

    def check_combine(self, one: Pass, words: list[int]) -> None:
        """The combine element's words stand still, however many chunks come."""
        first, second = words[one.base - COMBINE_WORDS : one.base]
        assert int(self.dut.combine.value) == first | second << PARAMETER_BITS, f"cycle {self.counter.cycle}"

    async def play(self, one: Pass, words: list[int]) -> None:
        dut, rng = self.dut, self.rng
        dut.descriptor.value = one.descriptor
        dut.start.value = 1
        self.first = []
        planned: deque[tuple[int, int]] = deque()  # (cycle of the first result, chunk), parameters asked for
        asked = ended = 0
        last_ask = last_first = first_ask = -1000
        count = one.acc.shape[0]
        begun = 0
        starting = True
        while ended < count:
            cycle = self.counter.cycle
            # Ask for the next chunk's parameters as late as allowed, or well ahead.
            ahead = 1 if self.late else 3
            ask = asked < count and begun + ahead > asked and cycle >= last_ask + SPACING and not starting
            if ask and self.late:
                ask = cycle + READY >= last_first + 2 * ROWS
            if ask:
                last_ask = cycle
                first_ask = cycle if asked == 0 else first_ask
                planned.append((cycle + READY, asked))
                asked += 1
            dut.chunk_start.value = int(ask)
            if planned and begun == planned[0][1]:
                earliest = max(planned[0][0], last_first + 2 * ROWS)
                if cycle >= earliest and self.room >= ROWS and (self.late or rng.random() < 0.5):
                    planned.popleft()
                    self.first.append(cycle)
                    last_first = cycle
                    begun += 1
                    self.room -= ROWS
            results, valid = int.from_bytes(rng.bytes(COLS * 4), "little") >> (COLS * (32 - ACC_BITS)), 0
            for chunk, first in enumerate(self.first):
                for col in range(COLS):
                    row, odd = divmod(cycle - first - col, 2)
                    if 0 <= row < ROWS and not odd:
                        valid |= 1 << col
                        mask = (1 << ACC_BITS) - 1
                        results &= ~(mask << (col * ACC_BITS))
                        results |= (int(one.acc[chunk, row, col]) & mask) << (col * ACC_BITS)
                        if row == ROWS - 1 and col == COLS - 1:
                            ended = chunk + 1
            dut.results.value, dut.valid.value = results, valid
            await ReadOnly()
            if COMBINE_READY and asked and cycle >= first_ask + COMBINE_READY:
                self.check_combine(one, words)
            self.room += int(dut.segment_taken.value)
            await RisingEdge(dut.clk)
            dut.start.value, starting = 0, False
        dut.valid.value = 0


async def run(dut: Any, seed: int, stall: Pattern, *, exact: bool) -> int:
    await reset(dut)
    dut.valid.value = 0
    counter = CycleCounter()
    parameters, table, made = passes(seed)
    await load(dut, parameters, table)
    monitor = StreamMonitor(dut, "o", dut.clk)
    sink = StreamSink(dut, "o", dut.clk)
    sink.counter = counter
    array = Array(dut, counter, seed, late=exact and seed % 2 == 1)
    for one in made:
        receiving = cocotb.start_soon(sink.receive(one.acc.shape[0] * ROWS, stall))
        await array.play(one, parameters.words())
        got = await receiving
        expected = segments(
            one.acc,
            parameters,
            base=one.base,
            chunks=one.chunks,
            clamp_bits=CLAMP_BITS,
            clamp=one.clamp,
            table=table if TABLE else None,
        ).reshape(-1, COLS)
        values = np.array([np.frombuffer(v.to_bytes(COLS, "little"), np.int8) for v, _ in got]).astype(np.int64)
        np.testing.assert_array_equal(values, expected)
        if exact:
            cycles = offered_cycles(np.array(array.first), ROWS, LATENCY).reshape(-1)
            np.testing.assert_array_equal(np.array([cycle for _, cycle in got]), cycles)
        await sink.expect_nothing(40)
        await ReadOnly()
        await RisingEdge(dut.clk)
        array.room = FIFO
    return monitor.cycles_valid_unready


@cocotb.test()
@cocotb.parametrize(seed=[0, 1, 2, 3])
async def exact_cycles(dut: Any, seed: int) -> None:
    await run(dut, seed, never, exact=True)


@cocotb.test()
@cocotb.parametrize(stall=[random(1, 0.3), random(2, 0.8), random(3, 0.96)])
async def stalls(dut: Any, stall: Pattern) -> None:
    assert await run(dut, 5, stall, exact=False) > 0
