"""Row addresses of a core without row steps: goes on by `stride_y` rows from an output row to the next."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.fetch.four_rows import FourRows, RowPlaces
from hwgen.hw.isa.descriptor import Descriptor, FeedMode

_STRIDE_BITS = 2


class RowAddresses(wiring.Component):
    """Holds the places of the rows that the present beats read, row y and the rows below it.

    Members:
        descriptor : In(Descriptor).
        restart : In(1), strobe: y = in_y.
        take : In(1), strobe: the present rows are used; go on by `stride_y` rows (SUM: by one).
        rewind : In(1), with `take`: go to in_y instead.
        ready : Out(1), the outputs hold for the present y.
        places : Out(RowPlaces), of row y.

    Timing: the descriptor must be stable one cycle before `restart` in cycle t; outputs hold from cycle t + 2 on. After `take` in
    cycle t they hold from cycle t + stride_y + 2 on (SUM and rewind: t + 3).
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "restart": In(1),
                "take": In(1),
                "rewind": In(1),
                "ready": Out(1),
                "places": Out(RowPlaces),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d = self.descriptor
        m.submodules.rows = rows = FourRows()
        stride = d.stride_y[:_STRIDE_BITS]
        steps = Signal(len(stride))
        rewinding = Signal()
        with m.If(self.restart):
            m.d.sync += steps.eq(0)
        with m.Elif(self.take):
            one = (d.mode == FeedMode.SUM) | self.rewind
            m.d.sync += [steps.eq(Mux(one, 1, stride)), rewinding.eq(self.rewind)]
        with m.Elif(steps != 0):
            m.d.sync += steps.eq(steps - 1)
        m.d.sync += self.ready.eq((steps == 0) & ~self.take)
        m.d.comb += [
            rows.descriptor.eq(d),
            rows.restart.eq(self.restart | ((steps != 0) & rewinding)),
            rows.step.eq((steps != 0) & ~rewinding),
            self.places.eq(rows.places),
        ]
        return m
