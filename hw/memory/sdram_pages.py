"""Which page each bank of an SDRAM has open."""

from __future__ import annotations

from amaranth import Array, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.memory.sdram_config import SdramPart


class OpenPages(wiring.Component):
    """Table of the open rows, a row per bank; what a look-up found is kept, and follows the commands that mend it.

    Parameters:
        part: its geometry.

    Members:
        bank : In(bank_bits), row : In(row_bits), of the access in work; stable from `lookup` to the cycle after the last command for it.
        lookup : In(1), strobe: look the page up.
        hit : Out(1), it is open; conflict : Out(1), its bank has some page open, which must be closed first unless it is a hit.
        elsewhere : Out(1), the last access was a read of another bank, so `bank` may be closed at once.
        activate : In(1), strobe: ACTIVATE of that page; precharge : In(1), strobe: PRECHARGE of that bank.
        access : In(1), strobe: READ or, with is_write : In(1), WRITE in that page.
        close_all : In(1), strobe: PRECHARGE of all banks; no access is in work.

    Timing: all outputs are registers. `hit`, `conflict` and `elsewhere` belong to a `lookup` from the cycle after it on; `hit` becomes 1 in
        the cycle after `activate`, `conflict` 0 in the one after `precharge`. A look-up sees an `activate` from its second cycle on,
        `close_all` and `access` from the next cycle on. A `precharge` alone changes nothing in the table, for `activate` follows it.
    """

    def __init__(self, part: SdramPart) -> None:
        self._part = part
        super().__init__(
            {
                "bank": In(part.bank_bits),
                "row": In(part.row_bits),
                "lookup": In(1),
                "hit": Out(1),
                "conflict": Out(1),
                "elsewhere": Out(1),
                "activate": In(1),
                "precharge": In(1),
                "access": In(1),
                "is_write": In(1),
                "close_all": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        part, bank, row = self._part, self.bank, self.row
        rows = Array(Signal(part.row_bits, name=f"row_{i}", reset_less=True) for i in range(1 << part.bank_bits))
        opened = Signal(1 << part.bank_bits)
        hit, conflict = Signal(reset_less=True), Signal(reset_less=True)
        last_bank, last_write = Signal(part.bank_bits, reset_less=True), Signal(reset_less=True)
        elsewhere = Signal(reset_less=True)
        # A cycle after the command, as these registers are many; the next look-up is later, and the address changes no sooner.
        activated = Signal()
        m.d.sync += activated.eq(self.activate)
        with m.If(activated):
            m.d.sync += [opened.bit_select(bank, 1).eq(1), rows[bank].eq(row)]
        with m.If(self.close_all):
            m.d.sync += opened.eq(0)

        with m.If(self.lookup):
            m.d.sync += [
                hit.eq(opened.bit_select(bank, 1) & (rows[bank] == row)),
                conflict.eq(opened.bit_select(bank, 1)),
                elsewhere.eq((last_bank != bank) & ~last_write),
            ]
        with m.If(self.precharge):
            m.d.sync += conflict.eq(0)
        with m.If(self.activate):
            m.d.sync += hit.eq(1)
        with m.If(self.access):
            m.d.sync += [last_bank.eq(bank), last_write.eq(self.is_write)]
        m.d.comb += [self.hit.eq(hit), self.conflict.eq(conflict), self.elsewhere.eq(elsewhere)]
        return m
