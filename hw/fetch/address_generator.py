"""Address generator of the fetch: what each beat of a pass reads, in order. One signature for a plain and a stepped one."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.fetch.beat_addresses import COLUMN_BITS, BeatAddresses
from hwgen.hw.fetch.beat_loops import BeatLoops, BeatPlace
from hwgen.hw.fetch.four_rows import RowPlaces
from hwgen.hw.fetch.row_addresses import RowAddresses
from hwgen.hw.fetch.stepped_row_addresses import SteppedRowAddresses
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from hwgen.hw.memory.activation_memory import ADDRESS_BITS, BANK_BITS

Beat = data.StructLayout(
    {
        "offset": ADDRESS_BITS,  # of its word from the first word of its row
        "column": signed(COLUMN_BITS),  # of the input, possibly outside
        "ky": BANK_BITS,  # TAP: which of the rows it reads, counted from the first
        "odd": 1,  # WINDOW, SUM: the subgroup lies in the upper half of its words
        "start": 1,  # first column of a subgroup or of one of its blocks
        "emit": 1,  # an output is due with this column
        "last": 1,  # last one of the pass
        "opens": 1,  # of a kernel's first block
        "closes": 1,  # of a kernel's last block
    }
)
"""One beat without its rows."""


class AddressGenerator(wiring.Component):
    """Goes through the beats of a pass: offers one, and the next one when it has had its turn.

    Members:
        descriptor : In(Descriptor), stable from one cycle before `restart` to the end of the pass.
        restart : In(1), strobe; begin : In(1), the same a cycle later: the first beat is next.
        issue : In(1), the present beat has its turn; only while `offered`.
        offered : Out(1), there is a present beat and the places of its rows are known.
        beat : Out(Beat), the present one.
        row_first : Out(1), it is the first one of an output row (SUM: of an input row).
        rows_first : Out(1), it is the first one that reads `rows`; the beats behind it read the same ones.
        rows : Out(RowPlaces), only valid with `rows_first`.

    Timing: the first beat is offered in the cycle after `begin`, a later one in the cycle after the `issue` of the one before it, with
    `rows_first` not before the subclass's number of cycles after the last `issue` with `rows_first`. Outputs come from registers
    through a few gates and do not depend on inputs of the same cycle.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "restart": In(1),
                "begin": In(1),
                "issue": In(1),
                "offered": Out(1),
                "beat": Out(Beat),
                "row_first": Out(1),
                "rows_first": Out(1),
                "rows": Out(RowPlaces),
            }
        )

    def _mode(self, m: Module) -> tuple[Value, Value]:
        """Registers: mode is TAP, mode is SUM."""
        tap, is_sum = Signal(), Signal()
        mode = self.descriptor.mode
        m.d.sync += [tap.eq(mode == FeedMode.TAP), is_sum.eq(mode == FeedMode.SUM)]
        return tap, is_sum

    def _connect(
        self,
        m: Module,
        loops: BeatLoops,
        addresses: BeatAddresses,
        rows: RowAddresses | SteppedRowAddresses,
        is_sum: Value,
    ) -> data.View[data.StructLayout]:
        """Adds the parts as submodules and connects what they have in common; returns the present beat's place in the loops."""
        m.submodules.loops, m.submodules.addresses, m.submodules.rows = loops, addresses, rows
        place = Signal(BeatPlace)
        m.d.comb += [
            place.eq(loops.place),
            loops.descriptor.eq(self.descriptor),
            loops.begin.eq(self.begin),
            loops.issue.eq(self.issue),
            addresses.descriptor.eq(self.descriptor),
            addresses.begin.eq(self.begin),
            addresses.issue.eq(self.issue),
            addresses.place.eq(place),
            rows.descriptor.eq(self.descriptor),
            rows.restart.eq(self.restart),
            rows.take.eq(self.issue & place.rows_first),
            self.offered.eq(loops.running & (~place.rows_first | rows.ready)),
            self.beat.offset.eq(addresses.offset),
            self.beat.column.eq(addresses.column),
            self.beat.odd.eq(addresses.odd),
            self.beat.start.eq(place.subgroup_first),
            self.beat.emit.eq(addresses.window_emit | (is_sum & place.group_end)),
            self.beat.last.eq(place.last),
            self.beat.opens.eq(place.opens),
            self.beat.closes.eq(place.closes),
            self.row_first.eq(place.row_first),
            self.rows_first.eq(place.rows_first),
            self.rows.eq(rows.places),
        ]
        return place
