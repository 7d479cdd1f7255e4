"""Walks the input rows of a pass: row addresses in every bank and which rows lie outside the tensor."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.config import BANKS
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from hwgen.hw.memory.activation_memory import ADDRESS_BITS, BANK_BITS, BankAddresses
from hwgen.hw.memory.row_pointer import next_row, precedes

_STRIDE_BITS = 2

WINDOW_ROWS = 3
"""Rows whose places are known at a time (one more is kept)."""


class FourRows:
    """Registers with the places of four consecutive rows, and what their next values may be.

    The addresses follow `slot` and `y` a cycle late: the cycle before, it is known from registers which of them changes and how.

    Parameters:
        m: module that gets the registers.
        d: descriptor, stable one cycle before its values are used.

    Attributes:
        slot, y, addrs: of the first row; addresses of the four rows by their banks.
        bank: of the first row.
        following_slot: slot of the second row.
        late_bank: `bank` of the cycle before.
        following_addr: address of the row behind the four of the cycle before, which lies in `late_bank`.
        first_addrs: addresses of the first rows of the pass; a cycle later than the descriptor's other values.
    """

    def __init__(self, m: Module, d: data.View) -> None:
        pointer = d.input
        self._in_h = d.in_h
        # Slot groups follow each other as the last slot of one and the first of the next do.
        last_of_group = Const(BANKS - 1, BANK_BITS)

        def next_group(addr: Value, wraps: Value) -> Value:
            """Address of the slot group behind the one at `addr`; `wraps` tells that it is the first one."""
            _, following = next_row(last_of_group, addr, pointer.base, pointer.depth, pointer.row_words, wraps)
            return following

        last_slot = Signal(len(pointer.slot), reset_less=True)
        second_wraps, second_group = Signal(reset_less=True), Signal(ADDRESS_BITS, reset_less=True)
        m.d.sync += [
            last_slot.eq(pointer.depth - 1),
            second_wraps.eq(precedes(pointer.slot[BANK_BITS:], pointer.depth[BANK_BITS:])),
            second_group.eq(next_group(pointer.addr, second_wraps)),
        ]

        self.slot = slot = Signal(len(pointer.slot), reset_less=True)
        self.y = Signal(signed(len(d.in_y) + 1), reset_less=True)
        self.addrs = addrs = Signal(BankAddresses, reset_less=True)
        self.bank = slot[:BANK_BITS]
        self.first_addrs = [Mux(pointer.slot[:BANK_BITS] <= b, pointer.addr, second_group) for b in range(BANKS)]
        self.following_slot, _ = next_row(
            slot, Const(0, ADDRESS_BITS), pointer.base, pointer.depth, pointer.row_words, slot == last_slot
        )
        self.late_bank = Signal(BANK_BITS, reset_less=True)
        late_wraps = Signal(reset_less=True)
        m.d.sync += [self.late_bank.eq(self.bank), late_wraps.eq(slot[BANK_BITS:] == last_slot[BANK_BITS:])]
        self.following_addr = next_group(addrs[self.late_bank], late_wraps)

    def outside(self, i: int) -> Value:
        """Whether row y + i lies outside the tensor."""
        row = (self.y + i)[: len(self.y)]  # a row above the tensor is a large number without its sign
        return row >= self._in_h


class RowAddresses(wiring.Component):
    """Holds the places of four consecutive input rows, the first of them in row y.

    Four consecutive rows lie in four different banks, so a row address per bank holds them all; moving on by one row replaces the
    address of the bank that held the first row by the one of the next slot group.

    Members:
        descriptor : In(Descriptor).
        restart : In(1), strobe: y = in_y.
        take : In(1), strobe: the present rows are used; go on by `stride_y` rows (SUM: by one).
        rewind : In(1), with `take`: go to in_y instead.
        ready : Out(1), the outputs hold for the present y.
        bank : Out(2), bank of row y; row y + i is in bank (bank + i) % 4.
        addrs : Out(BankAddresses), word addresses of the rows in their banks.
        outside : Out(3), bit i: row y + i is outside the tensor.

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
                "bank": Out(BANK_BITS),
                "addrs": Out(BankAddresses),
                "outside": Out(WINDOW_ROWS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d = self.descriptor
        is_sum = Signal()
        m.d.comb += is_sum.eq(d.mode == FeedMode.SUM)

        rows = FourRows(m, d)

        stride = d.stride_y[:_STRIDE_BITS]
        steps = Signal(len(stride))
        rewinding = Signal()
        load, step = Signal(), Signal()
        m.d.comb += [
            load.eq(self.restart | ((steps != 0) & rewinding)),
            step.eq((steps != 0) & ~rewinding),
        ]
        m.d.sync += self.ready.eq((steps == 0) & ~self.take)
        with m.If(self.restart):
            m.d.sync += steps.eq(0)
        with m.Elif(self.take):
            m.d.sync += [steps.eq(Mux(is_sum | self.rewind, 1, stride)), rewinding.eq(self.rewind)]
        with m.Elif(steps != 0):
            m.d.sync += steps.eq(steps - 1)

        with m.If(load):
            m.d.sync += [rows.slot.eq(d.input.slot), rows.y.eq(d.in_y)]
        with m.Elif(step):
            m.d.sync += [rows.slot.eq(rows.following_slot), rows.y.eq(rows.y + 1)]
        late_load, late_step = Signal(), Signal()
        m.d.sync += [late_load.eq(load), late_step.eq(step)]
        for b in range(BANKS):
            with m.If(late_load):
                m.d.sync += rows.addrs[b].eq(rows.first_addrs[b])
            with m.Elif(late_step & (rows.late_bank == b)):
                m.d.sync += rows.addrs[b].eq(rows.following_addr)

        m.d.sync += [self.outside[i].eq(rows.outside(i)) for i in range(WINDOW_ROWS)]
        m.d.comb += [self.bank.eq(rows.bank), self.addrs.eq(rows.addrs)]
        return m
