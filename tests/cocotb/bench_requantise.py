"""Requantiser against the two-step model: values and exact latency, thousands of vectors back to back."""

from __future__ import annotations

import os
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.sim.elements.requantise import requantise
from hwgen.sim.harness.streams import reset

IN_BITS = int(os.environ.get("IN_BITS", "26"))
CLAMP_BITS = int(os.environ.get("CLAMP_BITS", "24"))
LATENCY = int(os.environ["LATENCY"])
VECTORS = 3000

CLAMPS = [
    (0, -128, 127),
    (-128, -128, 127),
    (127, -128, 127),
    (-128, -128, 5),
    (3, 3, 90),
    (-7, -7, -7),
    (45, -100, 101),
]


def vectors(seed: int) -> tuple[np.ndarray, ...]:
    """acc, bias, multiplier, shift: ordinary values, ties, extremes, every shift."""
    rng = np.random.default_rng(seed)
    n = VECTORS
    shift = rng.integers(0, 32, n)
    multiplier = rng.integers(1 << 30, 1 << 31, n)
    kind = rng.integers(0, 8, n)
    multiplier = np.where(kind == 0, 1 << 30, multiplier)  # half of the accumulators are ties of some rounding
    multiplier = np.where(kind == 1, (1 << 31) - 1, multiplier)
    multiplier = np.where(kind == 2, (1 << 31) // rng.integers(1, 4097, n) + 1, multiplier)  # averages, equation 12
    multiplier = np.where((kind == 3) & (rng.random(n) < 0.2), rng.integers(0, 2, n), multiplier)
    multiplier = np.minimum(multiplier, (1 << 31) - 1)
    # Results of every size: the total is around r * 2^(n + 1).
    size = np.minimum(shift + 1 + rng.integers(0, 10, n), 33)
    total = np.round((rng.random(n) * 2 - 1) * 2.0**size).astype(np.int64) + rng.integers(-1, 2, n)
    tie = ((2 * rng.integers(-200, 200, n) + 1) << np.minimum(shift, 22)) + rng.choice([0, 0, -1, 1], n)
    total = np.where(kind < 3, tie, total)
    edge = 1 << (CLAMP_BITS - 1)
    ends = np.array([0, 1, -1, edge - 1, -edge, edge, -edge - 1])
    total = np.where(rng.random(n) < 0.1, rng.choice(ends, n), total)
    bias = rng.integers(-(1 << 31), 1 << 31, n) >> rng.integers(0, 31, n)
    limit = 1 << (IN_BITS - 1)
    acc = np.where(rng.random(n) < 0.05, rng.choice([-limit, limit - 1], n), np.clip(total - bias, -limit, limit - 1))
    bias = np.clip(np.where(kind < 6, total - acc, bias), -(1 << 31), (1 << 31) - 1)
    return acc, bias, multiplier, shift


@cocotb.test()
async def values_and_latency(dut: Any) -> None:
    await reset(dut)
    inside = 0
    for number, (zero_point, low, high) in enumerate(CLAMPS):
        acc, bias, multiplier, shift = vectors(number)
        expected = requantise(
            acc, bias, multiplier, shift, clamp_bits=CLAMP_BITS, zero_point=zero_point, low=low, high=high
        )
        inside += int(((expected > low) & (expected < high)).sum())
        dut.clamp.value = (zero_point & 0xFF) | (low & 0xFF) << 8 | (high & 0xFF) << 16
        mask = (1 << IN_BITS) - 1
        inputs = [int(a) & mask for a in acc]
        packed = [
            (int(b) & 0xFFFFFFFF) | int(f) << 32 | int(n) << 63 for b, f, n in zip(bias, multiplier, shift, strict=True)
        ]
        got = []
        for t in range(VECTORS + LATENCY):
            k = min(t, VECTORS - 1)
            dut.acc.value = inputs[k]
            dut.parameters.value = packed[k]
            await ReadOnly()
            if t >= LATENCY:
                got.append(int(dut.o.value))
            await RisingEdge(dut.clk)
        wrong = np.flatnonzero((np.array(got) ^ 0x80) - 0x80 != expected)
        assert wrong.size == 0, (
            f"clamp {zero_point, low, high}: {wrong.size} wrong, first {wrong[0]}: acc {acc[wrong[0]]}, bias "
            f"{bias[wrong[0]]}, M {multiplier[wrong[0]]}, n {shift[wrong[0]]}: {got[wrong[0]]}, not {expected[wrong[0]]}"
        )
    assert inside > VECTORS, "too few results that no clamp decides"
