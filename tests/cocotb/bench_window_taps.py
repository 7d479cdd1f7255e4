"""Taps of the window: the last three columns that were taken."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np

from hwgen.hw.window.taps import KERNEL, taps_layout
from tests.support.pipeline_stage import CYCLES, begin, compare, drive, packed, random_bytes

LANES = 4


@cocotb.test()
async def taps(dut: Any) -> None:
    """The last three columns that were taken."""
    rng = np.random.default_rng(4)
    rows, taken = random_bytes(rng, CYCLES, KERNEL, LANES), rng.random(CYCLES) < 0.7
    # `taken` comes a cycle before the column.
    inputs = [{"rows": packed(rows[i]), "taken": int(taken[(i + 1) % CYCLES])} for i in range(CYCLES)]
    columns: list[np.ndarray] = []
    expected = {}
    for i in range(CYCLES - 1):
        if taken[i] and i:
            columns.append(rows[i])
        if len(columns) >= KERNEL:
            expected[i + 1] = packed(np.stack(columns[-KERNEL:]).transpose(1, 0, 2))
    await begin(dut, inputs[0])
    got = await drive(dut, inputs, "taps")
    assert taps_layout(LANES).size == 8 * KERNEL * KERNEL * LANES
    compare(got, expected, inputs)
