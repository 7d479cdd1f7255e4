"""cocotb tests of the stream FIFOs, 13 bits wide."""

from __future__ import annotations

import os
import random as python_random
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.sim.harness.streams import Pattern, StreamMonitor, StreamSink, StreamSource, every, never, random, reset

CAPACITY, LATENCY = int(os.environ["CAPACITY"]), int(os.environ["LATENCY"])


async def transfer(dut: Any, idle: Pattern, stall: Pattern) -> tuple[list[int], list[int]]:
    """Cycles in which 200 payloads were taken and given."""
    await reset(dut)
    source, sink = StreamSource(dut, "i", dut.clk), StreamSink(dut, "o", dut.clk)
    sink.counter._origin = 0
    monitor = StreamMonitor(dut, "o", dut.clk)
    payloads = [python_random.Random(3).getrandbits(13) for _ in range(200)]
    sending = cocotb.start_soon(source.send(payloads, idle))
    got = await sink.receive(len(payloads), stall)
    taken = await sending
    assert [payload for payload, _ in got] == payloads
    await sink.expect_nothing(20)
    assert monitor.transfers == len(payloads)
    return taken, [cycle for _, cycle in got]


@cocotb.test()
@cocotb.parametrize(idle=[never, every(3), random(1, 0.5)])
async def exact_cycles(dut: Any, idle: Pattern) -> None:
    taken, given = await transfer(dut, idle, never)
    assert given == [cycle + LATENCY for cycle in taken]
    if idle is never:
        assert taken == list(range(taken[0], taken[0] + len(taken)))


@cocotb.test()
@cocotb.parametrize(idle=[never, random(2, 0.4)], stall=[every(2), every(7), random(3, 0.4), random(4, 0.9)])
async def stalls(dut: Any, idle: Pattern, stall: Pattern) -> None:
    await transfer(dut, idle, stall)


@cocotb.test()
async def capacity(dut: Any) -> None:
    await reset(dut)
    dut.o__ready.value = 0
    dut.i__valid.value = 1
    taken = 0
    for _ in range(CAPACITY + 10):
        dut.i__payload.value = taken
        await ReadOnly()
        taken += int(dut.i__ready.value)
        await RisingEdge(dut.clk)
    assert taken == CAPACITY
    assert int(dut.o__valid.value) == 1
