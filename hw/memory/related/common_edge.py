"""Where a clock stands between two edges that it has in common with another one."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.memory.clock_ratio import COMMON_DOMAIN


class Turn(wiring.Component):
    """Changes at every common edge. The only register of the domain `common`, whose clock has these edges and no others.

    Members:
        turn : Out(1).
    """

    def __init__(self) -> None:
        super().__init__({"turn": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domain[COMMON_DOMAIN] += self.turn.eq(~self.turn)
        return m


class CommonEdge(wiring.Component):
    """Counts the cycles of its clock from each common edge on, anew from every one, so that it needs no reset.

    Parameters:
        cycles: from one common edge to the next.

    Members:
        turn : In(1), of `Turn`: launched at a common edge, captured a cycle of this clock later.
        first, last : Out(1), this is the first or last cycle between two common edges.
    """

    def __init__(self, cycles: int) -> None:
        self._cycles = cycles
        super().__init__({"turn": In(1), "first": Out(1), "last": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        seen = Signal(reset_less=True)
        m.d.sync += seen.eq(self.turn)
        m.d.comb += self.first.eq(self.turn ^ seen)
        place = self.first
        for i in range(1, self._cycles):
            later = Signal(name=f"place_{i}", reset_less=True)
            m.d.sync += later.eq(place)
            place = later
        m.d.comb += self.last.eq(place)
        return m
