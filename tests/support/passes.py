"""What the benches of elements that take part in a pass have in common."""

from __future__ import annotations

import json
import os
from typing import Any

from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.hw.isa.config import CoreConfig
from hwgen.sim.harness.streams import reset
from tests.support.descriptors import descriptor_fields


def bench_environment(config: dict[str, int], **others: int) -> dict[str, str]:
    """Environment by which a test hands the core's shape and more numbers to its bench."""
    return {"CONFIG": json.dumps(config), **{name: str(value) for name, value in others.items()}}


def bench_config() -> CoreConfig:
    """The core's shape, as `bench_environment` gave it (the default where cocotb's tests are only collected)."""
    return CoreConfig(**json.loads(os.environ.get("CONFIG", "{}")))


def bench_number(name: str) -> int:
    """A number given to `bench_environment`."""
    return int(os.environ.get(name, "0"))


def packed_descriptor(**fields: Any) -> int:
    """A descriptor with some fields set and 0 in the others."""
    return descriptor_fields(**fields).pack()


class Pass:
    """Steps through the cycles of one pass; `start` strobes in cycle 0, and the inputs are 0 until driven.

    Drive inputs, call `settle`, read outputs, call `next`.
    """

    def __init__(self, dut: Any, descriptor: int) -> None:
        self.dut, self.descriptor, self.cycle = dut, descriptor, 0

    async def begin(self, first: bool = True) -> None:
        """Reset (if this is the first pass of the test) and begin cycle 0."""
        if first:
            await reset(self.dut)
        self.dut.descriptor.value, self.dut.start.value = self.descriptor, 1
        self.cycle = 0

    async def settle(self) -> None:
        await ReadOnly()

    async def next(self) -> None:
        """Begin the next cycle."""
        await RisingEdge(self.dut.clk)
        self.dut.start.value = 0
        self.cycle += 1
