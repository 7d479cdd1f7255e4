"""Registers for the descriptor and `start` next to the element that uses them."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.descriptor import Descriptor


class DescriptorCopy(wiring.Component):
    """The descriptor, a cycle later: its registers may stand near the element, so that the way across the die is a cycle of its own.

    Synthesis must keep the copies of several elements apart (`COPY_PREFIX`), else it makes one of them; bits that an element does not
    use disappear.

    Members:
        i : In(Descriptor), o : Out(Descriptor).
        starting : In(1), start : Out(1).

    Timing: one cycle.
    """

    def __init__(self) -> None:
        super().__init__({"i": In(Descriptor), "o": Out(Descriptor), "starting": In(1), "start": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        copy = Signal(Descriptor, reset_less=True)
        m.d.sync += [copy.eq(self.i), self.start.eq(self.starting)]
        m.d.comb += self.o.eq(copy)
        return m
