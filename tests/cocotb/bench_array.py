"""cocotb tests of `hw/array/systolic.py`: exact sums in exact cycles, then the same with random bubbles and a reset in between."""

from __future__ import annotations

import os
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.sim.harness.streams import Pattern, never, random, reset

ROWS, COLS, ACC_BITS, LATENCY, STEPS = (
    int(os.environ.get(name, "1")) for name in ("ROWS", "COLS", "ACC_BITS", "LATENCY", "STEPS")
)
MIN_CHUNK = 2 * ROWS

Step = tuple[np.ndarray, np.ndarray, bool, bool]
"""Activations [ROWS, STEPS] of all rows, weights [COLS, STEPS] of all columns, first, last."""


def packed(values: Any, bits: int = 8) -> int:
    return sum((int(value) & ((1 << bits) - 1)) << (bits * i) for i, value in enumerate(np.ravel(values)))


def signed_field(word: int, index: int, bits: int) -> int:
    value = word >> (bits * index) & ((1 << bits) - 1)
    return value - (1 << bits) if value >> (bits - 1) else value


def make_chunks(seed: int, lengths: list[int], extreme: bool = False) -> list[tuple[np.ndarray, np.ndarray]]:
    """Operands [K, ROWS, STEPS] and [K, COLS, STEPS] of successive sums."""
    generator = np.random.default_rng(seed)
    chunks = []
    for k in lengths:
        a, w = (generator.integers(-128, 128, (k, n, STEPS)) for n in (ROWS, COLS))
        chunks.append((np.full_like(a, -128), np.full_like(w, -128)) if extreme else (a, w))
    return chunks


def schedule(chunks: list[tuple[np.ndarray, np.ndarray]], idle: Pattern) -> list[Step | None]:
    """Steps cycle by cycle, None for a bubble; the last step of a sum waits until MIN_CHUNK cycles after the one before."""
    idles, previous = idle(), -MIN_CHUNK
    slots: list[Step | None] = []
    for a, w in chunks:
        for k in range(len(a)):
            last = k == len(a) - 1
            while next(idles) or (last and len(slots) < previous + MIN_CHUNK):
                slots.append(None)
            if last:
                previous = len(slots)
            slots.append((a[k], w[k], k == 0, last))
    return slots


async def run(dut: Any, chunks: list[tuple[np.ndarray, np.ndarray]], idle: Pattern, seed: int = 0) -> None:
    """Feed `chunks` and compare every cycle of every output with the exit formula."""
    generator = np.random.default_rng(seed)
    slots = schedule(chunks, idle)
    lasts = [t for t, step in enumerate(slots) if step is not None and step[3]]
    assert len(lasts) == len(chunks) and all(b - a >= MIN_CHUNK for a, b in zip(lasts, lasts[1:], strict=False))
    due: dict[tuple[int, int], int] = {}
    for t, (a, w) in zip(lasts, chunks, strict=True):
        sums = np.einsum("krs,kcs->rc", a, w) + (w.prod(axis=2).sum(axis=0) if STEPS == 2 else 0)
        for r in range(ROWS):
            for c in range(COLS):
                due[t + LATENCY + c + 2 * r, c] = int(sums[r, c])
    expected = len(due)
    for cycle in range(len(slots) + LATENCY + COLS + 2 * ROWS + 2):
        step = slots[cycle] if cycle < len(slots) else None
        activations = generator.integers(-128, 128, (ROWS, STEPS))  # rubbish in bubbles
        for r in range(ROWS):
            then = slots[cycle - r] if 0 <= cycle - r < len(slots) else None
            if then is not None:
                activations[r] = then[0][r]
        dut.a.value = packed(activations)
        dut.w.value = packed(generator.integers(-128, 128, (COLS, STEPS)) if step is None else step[1])
        # Without valid, the other two bits mean nothing.
        dut.ctl.value = int(generator.integers(4)) << 1 if step is None else 1 | step[2] << 1 | step[3] << 2
        await ReadOnly()
        valid, word = int(dut.o_valid.value), int(dut.o.value)
        for c in range(COLS):
            want = due.pop((cycle, c), None)
            assert (valid >> c & 1) == (want is not None), f"cycle {cycle}, column {c}: o_valid is {valid >> c & 1}"
            if want is not None:
                got = signed_field(word, c, ACC_BITS)
                assert got == want, f"cycle {cycle}, column {c}: {got}, expected {want}"
        await RisingEdge(dut.clk)
    assert not due, f"{len(due)} of {expected} sums never came"


LENGTHS = [MIN_CHUNK, MIN_CHUNK + 1, 1, 2, MIN_CHUNK - 1, 3 * MIN_CHUNK, MIN_CHUNK, 70, 1, 1]


@cocotb.test()
async def exact_cycles(dut: Any) -> None:
    await reset(dut)
    await run(dut, make_chunks(1, LENGTHS), never)


@cocotb.test()
@cocotb.parametrize(idle=[random(1, 0.1), random(2, 0.5), random(3, 0.9)])
async def bubbles(dut: Any, idle: Any) -> None:
    await reset(dut)
    await run(dut, make_chunks(2, LENGTHS), idle, seed=5)


@cocotb.test()
async def largest_sum(dut: Any) -> None:
    await reset(dut)
    k = ((1 << (ACC_BITS - 1)) - 1) // ((2 * STEPS - 1) << 14)  # (-128)^2 = 2^14 each, and that of the weights
    await run(dut, make_chunks(3, [k, k], extreme=True), never)


@cocotb.test()
async def reset_clears_sums_under_way(dut: Any) -> None:
    await reset(dut)
    dut.ctl.value, dut.a.value, dut.w.value = 0b001, packed([100] * ROWS * STEPS), packed([100] * COLS * STEPS)
    for _ in range(2 * (ROWS + COLS)):
        await RisingEdge(dut.clk)
    dut.ctl.value, dut.rst.value = 0b000, 1
    await RisingEdge(dut.clk)
    dut.rst.value = 0
    await run(dut, make_chunks(4, LENGTHS[:4]), never)
