"""A component taken from cycle to cycle: what is driven in each, and what is seen in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.sim.harness.streams import reset


class Stepper:
    """Steps `dut` and keeps what its outputs were.

    Args:
        dut: the device under test.
        inputs: ports to drive, 0 at first; each keeps its value until it is driven anew.
        outputs: ports to look at.

    Attributes:
        cycle: the present cycle; 0 is the first one after the reset.
        seen: values of the outputs in each cycle, by name.
    """

    def __init__(self, dut: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        self.dut = dut
        self.inputs = inputs
        self.outputs = outputs
        self.cycle = 0
        self.seen: list[dict[str, int]] = []

    async def begin(self) -> None:
        for name in self.inputs:
            getattr(self.dut, name).value = 0
        await reset(self.dut)
        self.cycle = 0
        self.seen = []

    async def step(self, **driven: int) -> dict[str, int]:
        """One cycle with these inputs; the outputs in it."""
        for name, value in driven.items():
            getattr(self.dut, name).value = value
        await ReadOnly()
        seen = {name: int(getattr(self.dut, name).value) for name in self.outputs}
        self.seen.append(seen)
        await RisingEdge(self.dut.clk)
        self.cycle += 1
        return seen

    async def steps(self, cycles: int, **driven: int) -> None:
        for _ in range(cycles):
            await self.step(**driven)

    def cycles_of(self, name: str) -> list[int]:
        """Cycles in which an output was not 0."""
        return [cycle for cycle, seen in enumerate(self.seen) if seen[name]]
