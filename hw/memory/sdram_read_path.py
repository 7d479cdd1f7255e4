"""From the data pins of an SDRAM to the halfwords of read bursts."""

from __future__ import annotations

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.memory.sdram_config import BURST, SdramConfig


class ReadPath(wiring.Component):
    """Takes the halfwords of every burst from the pins when they are there.

    Parameters:
        config: clock and timing.

    Members:
        issue : In(1), strobe: decision to issue a READ, at least 8 cycles after the one before.
        dq : In(16), data pins.
        data : Out(16), data_valid : Out(1), halfwords of the bursts in order.

    Timing: `issue` in cycle t makes `data_valid` 1 from t + read_latency to t + read_latency + 7. `data` is `dq` of two cycles before: one
        register in the pad, one in the fabric.
    """

    def __init__(self, config: SdramConfig) -> None:
        self._config = config
        super().__init__({"issue": In(1), "dq": In(16), "data": Out(16), "data_valid": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        captured, delivered = Signal(16, reset_less=True), Signal(16, reset_less=True)
        m.d.sync += [captured.eq(self.dq), delivered.eq(captured)]
        m.d.comb += self.data.eq(delivered)
        started = Signal(self._config.read_latency - 1)
        left = Signal(range(BURST))
        m.d.sync += started.eq(Cat(self.issue, started))
        with m.If(started[-1]):
            m.d.sync += [self.data_valid.eq(1), left.eq(BURST - 1)]
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.Else():
            m.d.sync += self.data_valid.eq(0)
        return m
