"""Accumulator of a window's lane against its formula, in every cycle."""

from __future__ import annotations

import os
from typing import Any

import cocotb
import numpy as np

from hwgen.hw.isa.memories import SUM_BITS
from hwgen.hw.window.accumulator import Accumulator
from hwgen.hw.window.multiply_accumulate import MAC_BITS
from tests.support.pipeline_stage import CYCLES, begin, compare, drive, signed

ADDS = os.environ.get("ADDS", "") == "1"


@cocotb.test()
async def accumulator(dut: Any) -> None:
    """Averages, sums that go on, sums with one of before; cycles that leave the sum as it is."""
    rng = np.random.default_rng(2)
    late = Accumulator.LATENCY
    kinds = rng.integers(0, 4, CYCLES)  # 0: plain, 1: scaled, 2: goes on with what is held, 3: with a sum of before
    mac = rng.integers(-(1 << 17), 1 << 17, CYCLES)
    scale = np.where(kinds == 1, rng.integers(0, 64, CYCLES), 1)
    mac = np.where(kinds == 1, rng.integers(-9 * 128, 9 * 127 + 1, CYCLES), mac)
    before = np.where(kinds == 3, rng.integers(-(1 << 23), 1 << 23, CYCLES), 0)
    accumulate = rng.random(CYCLES) < 0.8
    inputs = []
    for i in range(CYCLES):
        # `before` comes one cycle after `mac`, `accumulate` and `keep` two.
        inputs.append(
            {
                "mac": int(mac[i]) & (1 << MAC_BITS) - 1,
                "scale": int(scale[i]),
                "before": int(before[i - 1]) & (1 << SUM_BITS) - 1 if i >= 1 else 0,
                "accumulate": int(accumulate[i - 2]) if i >= 2 else 0,
                "keep": int(kinds[i - 2] == 2) if i >= 2 else 0,
            }
        )
    expected, held = {}, None
    for i in range(CYCLES - late):
        if accumulate[i] and (kinds[i] != 2 or held is not None):
            total = int(mac[i] * scale[i]) + (int(before[i]) if ADDS else 0) + (held if kinds[i] == 2 and held else 0)
            held = signed(total, SUM_BITS)
        if held is not None:
            expected[i + late] = held
    await begin(dut, inputs[0])
    got = await drive(dut, inputs, "acc")
    compare([signed(value, SUM_BITS) for value in got], expected, inputs)
