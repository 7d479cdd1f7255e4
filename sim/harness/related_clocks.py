"""Drives the clocks of a core and of a memory beside it, which have a common edge every few cycles."""

from __future__ import annotations

from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from hwgen.hw.memory.clock_ratio import ClockRatio


def core_period_ns(ratio: ClockRatio) -> int:
    """Of the simulated core, ns: all edges of all clocks lie on whole nanoseconds."""
    return 2 * ratio.memory


def start_related_clocks(dut: Any, ratio: ClockRatio) -> None:
    """Start `clk`, `memory_clk` and `common_clk`, which all rise now for the first time, inside the simulator."""
    core = core_period_ns(ratio)
    periods = {"clk": core, "memory_clk": core * ratio.core // ratio.memory, "common_clk": core * ratio.core}
    for name, period in periods.items():
        Clock(getattr(dut, name), period, unit="ns", impl="gpi").start(start_high=True)


async def reset_related(dut: Any, ratio: ClockRatio, cycles: int = 8) -> None:
    """Start the clocks, hold the resets for some cycles of the core and return right after the edge that ends them."""
    start_related_clocks(dut, ratio)
    resets = [getattr(dut, name) for name in ("rst", "memory_rst", "common_rst") if hasattr(dut, name)]
    for signal in resets:
        signal.value = 1
    for _ in range(cycles):
        await RisingEdge(dut.clk)
    for signal in resets:
        signal.value = 0
