"""Multiply-accumulate of a window's lane: the sum of nine products, exactly its latency later."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np

from hwgen.hw.window.multiply_accumulate import MAC_BITS, MultiplyAccumulate
from hwgen.hw.window.parameters import TAPS
from tests.support.pipeline_stage import CYCLES, begin, compare, drive, packed, random_bytes, signed


@cocotb.test()
async def multiply_accumulate(dut: Any) -> None:
    """The sum of nine products, for random and extreme factors."""
    rng = np.random.default_rng(1)
    taps, weights = random_bytes(rng, CYCLES, TAPS), random_bytes(rng, CYCLES, TAPS)
    taps[:2], weights[:2] = -128, np.array([[-128], [127]])  # the ends of the sum's range
    inputs = [{"taps": packed(t), "weights": packed(w)} for t, w in zip(taps, weights, strict=True)]
    await begin(dut, inputs[0])
    got = await drive(dut, inputs, "o")
    late = MultiplyAccumulate.LATENCY
    sums = (taps * weights).sum(axis=1)
    compare([signed(value, MAC_BITS) for value in got], {i + late: int(sums[i]) for i in range(CYCLES - late)}, inputs)
