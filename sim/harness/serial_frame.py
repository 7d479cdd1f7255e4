"""cocotb test that runs one frame of the simulated system (`hwgen.sim.frame.system.System`): power-on, START over the serial line, end.

Environment: BIT_PS, length of a bit on the line; CORE_CYCLES and MEMORY_CYCLES, the ratio of the clocks, default 1;
MAX_CYCLES, when to give up; BASE, halfword address of the command stream.
"""

from __future__ import annotations

import binascii
import os
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, First, RisingEdge, Timer

from hwgen.hw.isa.counters import RECORD_WORDS
from hwgen.hw.isa.host_protocol import CRC_INIT, FRAME_SHIFT, REQUEST_SYNC, Command
from hwgen.hw.memory.clock_ratio import ClockRatio
from hwgen.sim.harness.related_clocks import core_period_ns, reset_related
from hwgen.sim.harness.streams import PERIOD_NS, reset


def start_request(base: int) -> bytes:
    """The request that starts the first frame after power-on, whose command stream begins at halfword `base`."""
    header = bytes([Command.START, 0, 0, 0]) + (1 << FRAME_SHIFT | base).to_bytes(4, "little")
    return bytes([REQUEST_SYNC]) + header + binascii.crc_hqx(header, CRC_INIT).to_bytes(2, "big")


async def send(line: Any, octets: bytes, bit_ps: int) -> None:
    """Bytes on a serial line, 8N1."""
    for octet in octets:
        for bit in [0, *(octet >> i & 1 for i in range(8)), 1]:
            line.value = bit
            await Timer(bit_ps, unit="ps")


@cocotb.test()
async def frame(dut: Any) -> None:
    dut.rx.value = 1
    ratio = ClockRatio(int(os.environ.get("CORE_CYCLES", "1")), int(os.environ.get("MEMORY_CYCLES", "1")))
    period_ns = PERIOD_NS if ratio.same else core_period_ns(ratio)
    await (reset(dut) if ratio.same else reset_related(dut, ratio))
    if not dut.initialised.value:
        await RisingEdge(dut.initialised)
    await send(dut.rx, start_request(int(os.environ["BASE"])), int(os.environ["BIT_PS"]))
    limit = int(os.environ["MAX_CYCLES"])
    ended = RisingEdge(dut.frame_done)
    timeout = Timer(limit * period_ns, unit="ns")
    passes = int(dut.passes_done.value)
    if await First(ended, timeout) is timeout:
        passes = int(dut.passes_done.value)
        raise AssertionError(f"the frame has not ended after {limit} cycles: {passes} passes done")
    await ClockCycles(dut.clk, RECORD_WORDS + 4)  # the last pass's counters come after its end
    assert int(dut.violations.value) == 0, f"SDRAM rules broken: {int(dut.violations.value):#x}"
