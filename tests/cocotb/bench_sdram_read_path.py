"""cocotb tests for `tests/hw/memory/test_sdram_read_path.py`: bursts one behind the other and apart."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from tests.support.passes import bench_number
from tests.support.stepper import Stepper

READ_LATENCY = bench_number("READ_LATENCY")
BURST = 8


@cocotb.test()
async def bursts(dut: Any) -> None:
    rng = random.Random(1)
    path = Stepper(dut, ("issue", "dq"), ("data", "data_valid"))
    await path.begin()
    issues, pins = set(), []
    following = 3
    for cycle in range(2000):
        if cycle == following:
            issues.add(cycle)
            following += BURST + rng.choice([0, 0, 0, 1, 2, 7, 30])
        pins.append(rng.getrandbits(16))
        await path.step(issue=int(cycle in issues), dq=pins[-1])
    valid = {issue + READ_LATENCY + i for issue in issues for i in range(BURST)}
    assert path.cycles_of("data_valid") == sorted(cycle for cycle in valid if cycle < 2000)
    assert [seen["data"] for seen in path.seen[2:]] == pins[:-2]
