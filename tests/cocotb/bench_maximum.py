"""Maximum of a window's lane: of the last columns that were taken, clamped, exactly its latency later."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np

from hwgen.hw.isa.descriptor import Clamp
from hwgen.hw.window.maximum import Maximum
from hwgen.hw.window.taps import KERNEL
from tests.support.pipeline_stage import CYCLES, begin, compare, drive, packed, random_bytes, signed


@cocotb.test()
@cocotb.parametrize(kernel_w=[1, 2, 3], low=[-128, -20], high=[127, 30])
async def maximum(dut: Any, kernel_w: int, low: int, high: int) -> None:
    """The last kernel_w columns that were taken, clamped; other columns do not count."""
    rng = np.random.default_rng([3, kernel_w])
    late = Maximum.LATENCY
    rows, taken = random_bytes(rng, CYCLES, KERNEL), rng.random(CYCLES) < 0.8
    rows[rng.random((CYCLES, KERNEL)) < 0.4] = -128  # else nearly every maximum is one of the highest
    rows[:, rng.integers(KERNEL)] = -128
    clamp = Clamp.const({"zero_point": 5, "low": low, "high": high}).as_bits()
    inputs = [
        {
            "rows": packed(rows[i]),
            "taken": int(taken[i - 1]) if i else 0,
            "kernel_w": kernel_w,
            "clamp": clamp,
        }
        for i in range(CYCLES)
    ]
    columns: list[int] = []
    expected = {}
    for i in range(CYCLES - late):
        if taken[i]:
            columns.append(int(rows[i].max()))
        if taken[i] and len(columns) >= KERNEL:
            expected[i + late] = min(max(max(columns[-kernel_w:]), low), high)
    await begin(dut, inputs[0])
    got = await drive(dut, inputs, "o")
    compare([signed(value, 8) for value in got], expected, inputs)
