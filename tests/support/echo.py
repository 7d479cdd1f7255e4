"""A stand-in for the machine with the same pins and next to nothing inside: for tests of what is around it."""

from __future__ import annotations

from amaranth import Elaboratable, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.memory.sdram import sdram_pins
from hwgen.hw.memory.sdram_config import SdramPart

_PART = SdramPart()


class Echo(wiring.Component):
    """Sends back what it receives; a counter on the LEDs that begins at `first`."""

    def __init__(self, first: int = 0, part: SdramPart = _PART) -> None:
        self._first = first
        super().__init__({"rx": In(1), "tx": Out(1), "leds": Out(8), "sdram": Out(sdram_pins(part))})

    def elaborate(self, platform: object) -> Elaboratable:
        m = Module()
        count = Signal(24, init=self._first & 0xFFFFFF)
        m.d.sync += [count.eq(count + self.rx), self.tx.eq(self.rx), self.sdram.dq_o.eq(self.sdram.dq_i)]
        m.d.comb += self.leds.eq(count[16:])
        return m
