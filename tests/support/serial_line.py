"""The other end of a serial line, with any ratio of bit time and clock, and with errors on demand."""

from __future__ import annotations

from collections import deque
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, Timer

from hwgen.sim.harness.streams import PERIOD_NS


class SerialLine:
    """Sends into `rx` and collects what comes from `tx`.

    Args:
        dut: has `rx` and `tx`.
        bit_cycles: cycles of the device's clock per bit.
        drift: ratio of this end's bit time to the nominal one.
    """

    def __init__(self, dut: Any, bit_cycles: float, drift: float = 1.0) -> None:
        self.dut = dut
        self.bit_ps = round(bit_cycles * PERIOD_NS * 1000 * drift)
        self.received: deque[int] = deque()
        self.bad_stop_bits = 0
        dut.rx.value = 1
        cocotb.start_soon(self._listen())

    async def send(self, data: bytes, *, stop: int = 1) -> None:
        """Bytes one behind the other."""
        for byte in data:
            for bit in (0, *((byte >> i) & 1 for i in range(8)), stop):
                self.dut.rx.value = bit
                await Timer(self.bit_ps, "ps")
        self.dut.rx.value = 1

    async def pause(self, bits: float) -> None:
        await Timer(round(self.bit_ps * bits), "ps")

    async def _listen(self) -> None:
        while True:
            await FallingEdge(self.dut.tx)
            await Timer(self.bit_ps * 3 // 2, "ps")
            value = 0
            for i in range(9):  # data and stop bit
                value |= int(self.dut.tx.value) << i
                if i < 8:
                    await Timer(self.bit_ps, "ps")
            self.received.append(value & 0xFF)
            self.bad_stop_bits += not value >> 8
