"""Compares the lanes of a table."""

from __future__ import annotations

from typing import Any

import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

LANES = 3


LATENCY = 3


async def check_lanes(dut: Any, table: np.ndarray, seed: int, lanes: int = LANES) -> None:
    """Every byte on every lane, in random order, with and without look-up."""
    rng = np.random.default_rng(seed)
    inputs = np.stack([rng.permutation(np.tile(np.arange(256), 4)) for _ in range(lanes)], axis=1)
    choose = rng.integers(0, 2, inputs.shape)
    expected = np.where(choose, table[inputs], inputs)
    for t in range(len(inputs) + LATENCY):
        k = min(t, len(inputs) - 1)
        dut.i.value = int.from_bytes(bytes(inputs[k].astype(np.uint8)), "little")
        dut.look_up.value = int(sum(int(bit) << lane for lane, bit in enumerate(choose[k])))
        await ReadOnly()
        if t >= LATENCY:
            got = np.frombuffer(int(dut.o.value).to_bytes(lanes, "little"), np.uint8)
            np.testing.assert_array_equal(got, expected[t - LATENCY])
        await RisingEdge(dut.clk)
