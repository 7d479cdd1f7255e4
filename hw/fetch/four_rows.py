"""Registers with the places of four consecutive input rows in the activation memory."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.config import BANKS
from hwgen.hw.isa.descriptor import Descriptor
from hwgen.hw.memory.activation_memory import ADDRESS_BITS, BANK_BITS, BankAddresses
from hwgen.hw.memory.row_pointer import next_row, precedes

WINDOW_ROWS = 3
"""Rows whose places are known at a time (one more is kept)."""

RowPlace = data.StructLayout({"slot": 10, "y": signed(12)})
"""Row slot and number of an input row."""

RowPlaces = data.StructLayout(
    {
        "bank": BANK_BITS,  # bank of the first row; row i is in bank (bank + i) % BANKS
        "addrs": BankAddresses,  # word addresses of the rows in their banks
        "outside": WINDOW_ROWS,  # bit i: row i is outside the tensor
    }
)
"""Where rows y .. y + WINDOW_ROWS - 1 lie."""


class FourRows(wiring.Component):
    """Holds the places of four consecutive rows, the first of them row y, and goes on by one row at a time.

    Four consecutive rows lie in four different banks, so a row address per bank holds them all; moving on by one row replaces the
    address of the bank that held the first row by the one of the next slot group.

    Members:
        descriptor : In(Descriptor), stable from one cycle before `restart`.
        restart : In(1), strobe: y = in_y.
        restore : In(1), strobe: return to `kept`, `kept_addrs`.
        step : In(1), strobe: y = y + 1. Of several strobes the first one in this list counts.
        kept : In(RowPlace), an earlier `first`; kept_addrs : In(BankAddresses), its `places.addrs`, wanted a cycle later.
        first : Out(RowPlace), of row y.
        places : Out(RowPlaces).

    Timing: after a strobe in cycle t `first` and `places.bank` hold from cycle t + 1 on, `places.addrs` and `places.outside` from cycle
    t + 2 on; a strobe in every cycle is possible. The addresses follow a cycle late since it is then known from registers which of them
    changes and how.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "restart": In(1),
                "restore": In(1),
                "step": In(1),
                "kept": In(RowPlace),
                "kept_addrs": In(BankAddresses),
                "first": Out(RowPlace),
                "places": Out(RowPlaces),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d = self.descriptor
        slot = Signal(len(d.input.slot), reset_less=True)
        y = Signal(signed(len(d.in_y) + 1), reset_less=True)
        addrs = Signal(BankAddresses, reset_less=True)
        bank = slot[:BANK_BITS]
        last_slot, second_group = self._constants(m)
        following_slot, _ = next_row(
            slot, Const(0, ADDRESS_BITS), d.input.base, d.input.depth, d.input.row_words, slot == last_slot
        )
        with m.If(self.restart):
            m.d.sync += [slot.eq(d.input.slot), y.eq(d.in_y)]
        with m.Elif(self.restore):
            m.d.sync += [slot.eq(self.kept.slot), y.eq(self.kept.y)]
        with m.Elif(self.step):
            m.d.sync += [slot.eq(following_slot), y.eq(y + 1)]

        late_bank, late_wraps = Signal(BANK_BITS, reset_less=True), Signal(reset_less=True)
        late_restart, late_restore, late_step = Signal(), Signal(), Signal()
        m.d.sync += [
            late_bank.eq(bank),
            late_wraps.eq(slot[BANK_BITS:] == last_slot[BANK_BITS:]),
            late_restart.eq(self.restart),
            late_restore.eq(self.restore),
            late_step.eq(self.step),
        ]
        # Of the row behind the four of the cycle before: in the bank of the first of them.
        following_addr = self._next_group(addrs[late_bank], late_wraps)
        for b in range(BANKS):
            with m.If(late_restart):
                m.d.sync += addrs[b].eq(Mux(d.input.slot[:BANK_BITS] <= b, d.input.addr, second_group))
            with m.Elif(late_restore):
                m.d.sync += addrs[b].eq(self.kept_addrs[b])
            with m.Elif(late_step & (late_bank == b)):
                m.d.sync += addrs[b].eq(following_addr)

        outside = Signal(WINDOW_ROWS)
        # A row above the tensor is a large number without its sign.
        m.d.sync += [outside[i].eq((y + i)[: len(y)] >= d.in_h) for i in range(WINDOW_ROWS)]
        m.d.comb += [
            self.first.slot.eq(slot),
            self.first.y.eq(y),
            self.places.bank.eq(bank),
            self.places.addrs.eq(addrs),
            self.places.outside.eq(outside),
        ]
        return m

    def _constants(self, m: Module) -> tuple[Signal, Signal]:
        """Registers: the tensor's last slot, a cycle later than the descriptor; the address of the second slot group, two cycles."""
        pointer = self.descriptor.input
        last_slot = Signal(len(pointer.slot), reset_less=True)
        second_wraps, second_group = Signal(reset_less=True), Signal(ADDRESS_BITS, reset_less=True)
        m.d.sync += [
            last_slot.eq(pointer.depth - 1),
            second_wraps.eq(precedes(pointer.slot[BANK_BITS:], pointer.depth[BANK_BITS:])),
            second_group.eq(self._next_group(pointer.addr, second_wraps)),
        ]
        return last_slot, second_group

    def _next_group(self, addr: Value, wraps: Value) -> Value:
        """Address of the slot group behind the one at `addr`; `wraps` tells that it is the first one."""
        pointer = self.descriptor.input
        # Slot groups follow each other as the last slot of one and the first of the next do.
        last_of_group = Const(BANKS - 1, BANK_BITS)
        _, following = next_row(last_of_group, addr, pointer.base, pointer.depth, pointer.row_words, wraps)
        return following
