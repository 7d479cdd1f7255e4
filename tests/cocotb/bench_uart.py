"""cocotb tests for `tests/hw/host/test_uart.py`."""

from __future__ import annotations

import os
import random
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.sim.harness.streams import StreamSource, never, reset
from hwgen.sim.harness.streams import random as randomly
from tests.support.serial_line import SerialLine

BIT_CYCLES = float(os.environ.get("UART_BIT_CYCLES", "10"))


async def collect(dut: Any, into: list[int]) -> None:
    while True:
        await ReadOnly()
        if int(dut.data_valid.value):
            into.append(int(dut.data.value))
        await RisingEdge(dut.clk)


@cocotb.test()
@cocotb.parametrize(drift=[0.97, 1.0, 1.03] if BIT_CYCLES >= 30 else [0.99, 1.0, 1.01])
async def receive(dut: Any, drift: float) -> None:
    line = SerialLine(dut, BIT_CYCLES, drift)
    await reset(dut)
    got: list[int] = []
    cocotb.start_soon(collect(dut, got))
    data = bytes([0x00, 0xFF, 0x55, 0xAA, 0x80, 0x01, *random.Random(1).randbytes(100)])
    await line.send(data)
    await line.pause(3)
    await line.send(b"\x12\x34")
    await line.pause(3)
    assert bytes(got) == data + b"\x12\x34"


@cocotb.test()
async def receive_errors(dut: Any) -> None:
    """A wrong stop bit loses its byte only; a break and a spike give nothing."""
    line = SerialLine(dut, BIT_CYCLES)
    await reset(dut)
    got: list[int] = []
    cocotb.start_soon(collect(dut, got))
    await line.send(b"\x11")
    await line.send(b"\x22", stop=0)
    await line.pause(2)
    await line.send(b"\x33")
    dut.rx.value = 0
    await line.pause(40)
    dut.rx.value = 1
    await line.pause(1)
    dut.rx.value = 0
    await line.pause(0.3)
    dut.rx.value = 1
    await line.pause(2)
    await line.send(b"\x44")
    await line.pause(3)
    assert bytes(got) == b"\x11\x33\x44"


@cocotb.test()
@cocotb.parametrize(idle=[never, randomly(3, 0.995)])
async def send(dut: Any, idle: Any) -> None:
    line = SerialLine(dut, BIT_CYCLES)
    await reset(dut)
    data = random.Random(2).randbytes(60)
    taken = await StreamSource(dut, "i", dut.clk).send(list(data), idle)
    await line.pause(11)
    assert bytes(line.received) == data
    assert line.bad_stop_bits == 0
    if idle is never:
        assert abs((taken[-1] - taken[0]) / (10 * BIT_CYCLES * (len(data) - 1)) - 1) < 0.002
