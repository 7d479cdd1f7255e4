"""cocotb tests for `tests/sim/harness/test_harness.py`: a queue with one register stage."""

from __future__ import annotations

import os
import sys
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from hwgen.sim.harness.streams import StreamMonitor, StreamSink, StreamSource, every, never, random, reset

COUNT = 50
LATENCY = int(os.environ.get("LATENCY", "1"))
PAYLOADS = [(i * 37 + 11) & 0xFF for i in range(COUNT)]


@cocotb.test()
async def one_name_for_every_module(dut: Any) -> None:
    """In the simulator's process too the project's folders are imported below `hwgen` alone: else every class would exist twice."""
    assert "hwgen.sim.harness.streams" in sys.modules
    assert not {"hw", "sim", "compiler", "boards"} & sys.modules.keys()


@cocotb.test()
async def exact_cycles(dut: Any) -> None:
    source, sink = StreamSource(dut, "i", dut.clk), StreamSink(dut, "o", dut.clk)
    await reset(dut)
    while "ENDLESS" in os.environ:
        await RisingEdge(dut.clk)
    StreamMonitor(dut, "o", dut.clk)
    sink.counter.restart()
    sending = cocotb.start_soon(source.send(PAYLOADS, timeout=200))
    got = await sink.receive(COUNT, timeout=200)
    taken = await sending
    assert got == [(value, i + LATENCY) for i, value in enumerate(PAYLOADS)]
    assert [cycle - taken[0] for cycle in taken] == list(range(COUNT))
    await sink.expect_nothing(5)


@cocotb.test()
@cocotb.parametrize(idle=[never, every(3), random(1, 0.5)], stall=[never, every(2), random(2, 0.7)])
async def stress(dut: Any, idle: Any, stall: Any) -> None:
    source, sink = StreamSource(dut, "i", dut.clk), StreamSink(dut, "o", dut.clk)
    await reset(dut)
    monitors = [StreamMonitor(dut, prefix, dut.clk) for prefix in ("i", "o")]
    cocotb.start_soon(source.send(PAYLOADS, idle=idle))
    got = await sink.receive(COUNT, stall=stall, timeout=200)
    assert [value for value, _ in got] == PAYLOADS
    await sink.expect_nothing(5)
    assert [monitor.transfers for monitor in monitors] == [COUNT, COUNT]
    assert stall is never or monitors[1].cycles_valid_unready > 0
