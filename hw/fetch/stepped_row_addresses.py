"""Row addresses of a core with row steps: an output row needs more rows than four, so they are visited in turn."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.fetch.four_rows import FourRows, RowPlace, RowPlaces
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from hwgen.hw.memory.activation_memory import BankAddresses


class SteppedRowAddresses(wiring.Component):
    """Holds the places of the rows that the present beats read, as `hwgen.hw.fetch.row_addresses.RowAddresses` does, and goes on by rows of
    taps and blocks. It keeps the output row's first input row, so that it can return there.

    Members:
        descriptor : In(Descriptor).
        restart : In(1), strobe: y = in_y.
        take : In(1), strobe: the present rows are used; go on by `tap_rows` rows (SUM: by one).
        back : In(1), with `take`: go to the output row's first input row instead (SUM: to in_y).
        onward : In(1), with `take` and not with `back`: go to the first input row of the following output row instead.
        ready : Out(1), the outputs hold for the present y.
        places : Out(RowPlaces), of row y.

    Timing: the descriptor must be stable one cycle before `restart` in cycle t; outputs hold from cycle t + 2 on. After `take` in
    cycle t they hold from cycle t + n + 2 on, n = tap_rows, with `onward` stride_y, in SUM and with `back` 1.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "restart": In(1),
                "take": In(1),
                "back": In(1),
                "onward": In(1),
                "ready": Out(1),
                "places": Out(RowPlaces),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d = self.descriptor
        is_sum = Signal()
        m.d.sync += is_sum.eq(d.mode == FeedMode.SUM)
        m.submodules.rows = rows = FourRows()

        steps = Signal(len(d.tap_rows))
        waiting, moves = Signal(), Signal()  # a return takes a step that goes nowhere
        keep = Signal()
        with m.If(self.restart):
            m.d.sync += [steps.eq(0), waiting.eq(1)]
        with m.Elif(self.take):
            m.d.sync += [
                steps.eq(Mux(is_sum | self.back, 1, Mux(self.onward, d.stride_y, d.tap_rows))),
                moves.eq(~self.back),
                waiting.eq(self.onward & ~self.back),
            ]
        with m.Elif(steps != 0):
            m.d.sync += steps.eq(steps - 1)
        with m.Else():
            m.d.sync += waiting.eq(0)
        m.d.sync += self.ready.eq((steps == 0) & ~self.take)
        m.d.comb += [
            keep.eq((steps == 0) & waiting),
            rows.descriptor.eq(d),
            rows.restart.eq(self.restart),
            rows.restore.eq(self.take & (self.back | self.onward)),
            rows.step.eq((steps != 0) & moves),
            self.places.eq(rows.places),
        ]

        # The output row's first input row; the addresses follow a cycle late, as in `FourRows`.
        kept, kept_addrs = Signal(RowPlace, reset_less=True), Signal(BankAddresses, reset_less=True)
        late_keep = Signal()
        m.d.sync += late_keep.eq(keep)
        with m.If(keep):
            m.d.sync += kept.eq(rows.first)
        with m.If(late_keep):
            m.d.sync += kept_addrs.eq(rows.places.addrs)
        m.d.comb += [rows.kept.eq(kept), rows.kept_addrs.eq(kept_addrs)]
        return m
