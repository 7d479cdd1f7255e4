"""Drives a pipeline stage that never stalls with a new value in every cycle, and compares its output cycle by cycle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.sim.harness.streams import reset

CYCLES = 1500

Inputs = list[dict[str, int]]


def signed(value: int, bits: int) -> int:
    """The two's complement number in the low bits of `value`."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def packed(values: np.ndarray, bits: int = 8) -> int:
    """Elements in order, first one least significant."""
    return sum((int(value) & (1 << bits) - 1) << bits * i for i, value in enumerate(values.reshape(-1)))


def random_bytes(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """int8 values, a quarter of them extreme."""
    values = rng.integers(-128, 128, shape)
    return np.where(rng.random(shape) < 0.25, rng.choice([-128, 127], shape), values)


async def drive(dut: Any, inputs: Inputs, output: str) -> list[int]:
    """Drives the inputs of every cycle; returns what `output` was in each."""
    got = []
    for values in inputs:
        for name, value in values.items():
            getattr(dut, name).value = value
        await ReadOnly()
        got.append(int(getattr(dut, output).value))
        await RisingEdge(dut.clk)
    return got


def compare(got: list[int], expected: Mapping[int, int], inputs: Inputs) -> None:
    assert len(expected) > CYCLES // 2
    for cycle, value in expected.items():
        assert got[cycle] == value, (
            f"cycle {cycle}: {got[cycle]:#x}, not {value:#x}; {inputs[max(0, cycle - 7) : cycle]}"
        )


async def begin(dut: Any, first: dict[str, int]) -> None:
    for name in first:
        getattr(dut, name).value = 0
    await reset(dut)
