"""Walks the input rows of a pass whose output rows need more of them than a row chain holds at a time."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.fetch.row_addresses import WINDOW_ROWS, FourRows
from hwgen.hw.isa.config import BANKS
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from hwgen.hw.memory.activation_memory import BANK_BITS, BankAddresses


class SteppedRowAddresses(wiring.Component):
    """Holds the places of four consecutive input rows as `hwgen.hw.fetch.row_addresses.RowAddresses` does, and goes on by taps and blocks.

    It keeps the output row's first input row, so that it can return there.

    Members:
        descriptor : In(Descriptor).
        restart : In(1), strobe: y = in_y.
        take : In(1), strobe: the present rows are used; go on by `tap_rows` rows (SUM: by one).
        back : In(1), with `take`: go to the output row's first input row instead (SUM: to in_y).
        onward : In(1), with `take` and not with `back`: go to the first input row of the following output row instead.
        ready, bank, addrs, outside : as in `RowAddresses`.

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
                "bank": Out(BANK_BITS),
                "addrs": Out(BankAddresses),
                "outside": Out(WINDOW_ROWS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d = self.descriptor
        is_sum = Signal()
        m.d.sync += is_sum.eq(d.mode == FeedMode.SUM)
        rows = FourRows(m, d)
        slot, y = (
            Signal.like(rows.slot, name="origin_slot"),
            Signal(signed(len(rows.y)), name="origin_y", reset_less=True),
        )
        addrs = Signal(BankAddresses, name="origin_addrs", reset_less=True)

        steps = Signal(len(d.tap_rows))
        waiting, moves = Signal(), Signal()  # a return takes a step that goes nowhere
        returns, step, keep = Signal(), Signal(), Signal()
        m.d.comb += [
            returns.eq(self.take & (self.back | self.onward)),
            step.eq((steps != 0) & moves),
            keep.eq((steps == 0) & waiting),
        ]
        m.d.sync += self.ready.eq((steps == 0) & ~self.take)
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

        with m.If(self.restart):
            m.d.sync += [rows.slot.eq(d.input.slot), rows.y.eq(d.in_y)]
        with m.Elif(returns):
            m.d.sync += [rows.slot.eq(slot), rows.y.eq(y)]
        with m.Elif(step):
            m.d.sync += [rows.slot.eq(rows.following_slot), rows.y.eq(rows.y + 1)]
        with m.If(keep):
            m.d.sync += [slot.eq(rows.slot), y.eq(rows.y)]
        late_restart, late_returns, late_step, late_keep = Signal(), Signal(), Signal(), Signal()
        m.d.sync += [late_restart.eq(self.restart), late_returns.eq(returns), late_step.eq(step), late_keep.eq(keep)]
        for b in range(BANKS):
            with m.If(late_restart):
                m.d.sync += rows.addrs[b].eq(rows.first_addrs[b])
            with m.Elif(late_returns):
                m.d.sync += rows.addrs[b].eq(addrs[b])
            with m.Elif(late_step & (rows.late_bank == b)):
                m.d.sync += rows.addrs[b].eq(rows.following_addr)
        with m.If(late_keep):
            m.d.sync += addrs.eq(rows.addrs)

        m.d.sync += [self.outside[i].eq(rows.outside(i)) for i in range(WINDOW_ROWS)]
        m.d.comb += [self.bank.eq(rows.bank), self.addrs.eq(rows.addrs)]
        return m
