"""Second part of the fetch: from a beat to the addresses of its words in the banks, and what is padding of it."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.fetch.address_generator import Beat
from hwgen.hw.fetch.beat_loops import PLAIN_KERNEL_H_BITS, PLAIN_KERNEL_W_BITS
from hwgen.hw.fetch.four_rows import WINDOW_ROWS, RowPlaces
from hwgen.hw.isa.config import BANKS
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from hwgen.hw.memory.activation_memory import ADDRESS_BITS, BANK_BITS, BankAddresses

ReadFlags = data.StructLayout(
    {
        "bank": BANK_BITS,  # of the word (TAP), of the first row's
        "odd": 1,  # WINDOW, SUM: the upper half of the words counts
        "fill": WINDOW_ROWS,  # rows that read as `fill`; TAP: all or none
        "start": 1,
        "emit": 1,
        "rows_cut": 1,
        "cols_cut": 1,
        "last": 1,
        "opens": 1,
        "closes": 1,
    }
)
"""What goes with a read; the fields from `start` on as in `hwgen.hw.fetch.column.column_layout`."""


class ReadStage(wiring.Component):
    """Keeps the places of the present rows and adds each beat's offset to them.

    Members:
        descriptor : In(Descriptor), stable from one cycle before the first `issue`.
        issue : In(1), `beat` has its turn.
        beat : In(Beat).
        rows_first : In(1), it is the first one of `rows` : In(RowPlaces), which it and the beats behind it read.
        valid : Out(1), there is a read.
        flags : Out(ReadFlags), of the read; read_addr : Out(BankAddresses).

    Timing: the read of a beat issued in cycle t stands at the outputs, which are registers, in cycle t + LATENCY; one per cycle.
    """

    LATENCY = 2
    """The beat's own part, then with the row's."""

    def __init__(self) -> None:
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "issue": In(1),
                "beat": In(Beat),
                "rows_first": In(1),
                "rows": In(RowPlaces),
                "valid": Out(1),
                "flags": Out(ReadFlags),
                "read_addr": Out(BankAddresses),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d = self.descriptor
        tap, is_sum = Signal(), Signal()
        m.d.sync += [tap.eq(d.mode == FeedMode.TAP), is_sum.eq(d.mode == FeedMode.SUM)]

        valid, outside = Signal(), Signal(reset_less=True)
        beat, rows = Signal(Beat, reset_less=True), Signal(RowPlaces, reset_less=True)
        m.d.sync += [
            valid.eq(self.issue),
            beat.eq(self.beat),
            outside.eq(self.beat.column.as_unsigned() >= d.in_w),
        ]
        with m.If(self.issue & self.rows_first):
            m.d.sync += rows.eq(self.rows)

        flags = Signal(ReadFlags, reset_less=True)
        addrs = Signal(BankAddresses, reset_less=True)
        unused = Signal(WINDOW_ROWS, reset_less=True)  # rows of the window that the kernel does not have
        kernel_h = d.kernel_h[:PLAIN_KERNEL_H_BITS]
        m.d.sync += [unused[i].eq(is_sum | (kernel_h <= i)) for i in range(1, WINDOW_ROWS)]
        m.d.sync += [addrs[b].eq((rows.addrs[b] + beat.offset)[:ADDRESS_BITS]) for b in range(BANKS)]
        tap_outside = rows.outside.bit_select(beat.ky, 1) | outside
        rows_outside = rows.outside | unused | outside.replicate(WINDOW_ROWS)
        m.d.sync += [
            self.valid.eq(valid),
            flags.bank.eq(rows.bank + Mux(tap, beat.ky, 0)),
            flags.odd.eq(beat.odd),
            flags.fill.eq(Mux(tap, tap_outside.replicate(WINDOW_ROWS), rows_outside)),
            flags.start.eq(beat.start),
            flags.emit.eq(beat.emit),
            flags.rows_cut.eq((rows.outside & ~unused).any()),
            flags.cols_cut.eq(beat.emit & self._cols_cut(m, valid, outside)),
            flags.last.eq(beat.last),
            flags.opens.eq(beat.opens),
            flags.closes.eq(beat.closes),
        ]
        m.d.comb += [self.flags.eq(flags), self.read_addr.eq(addrs)]
        return m

    def _cols_cut(self, m: Module, valid: Value, outside: Value) -> Value:
        """Whether one of the last kernel_w columns is outside; `outside` tells it of the newest."""
        d = self.descriptor
        before = Signal(2, reset_less=True)
        wide = Signal(2, reset_less=True)
        kernel_w = d.kernel_w[:PLAIN_KERNEL_W_BITS]
        m.d.sync += wide.eq(Mux(d.mode == FeedMode.WINDOW, Cat(kernel_w >= 2, kernel_w >= 3), 0))
        with m.If(valid):
            m.d.sync += before.eq(Cat(outside, before[0]))
        return outside | (before & wide).any()
