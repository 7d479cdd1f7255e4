"""The loops over the beats of a pass: which of them end with the present beat, and which began with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from hwgen.hw.lib.loop import Loop
from hwgen.hw.memory.activation_memory import BANK_BITS

PLAIN_KERNEL_H_BITS, PLAIN_KERNEL_W_BITS = 2, 3
"""Of the kernels of a core without row steps, and of every block of a window."""

BeatPlace = data.StructLayout(
    {
        "x_last": 1,  # last turn of the loop over x: over columns in WINDOW
        "group_last": 1,  # the present word (TAP) or subgroup is the last one
        "kx_last": 1,  # the present tap (WINDOW: block) is the last of its row
        "ky_last": 1,  # the present row of taps (WINDOW: of blocks) is the last one
        "row_last": 1,  # the present output row (SUM: input row) is the last one
        "group_end": 1,  # last beat of a word's line (TAP) or of a subgroup, with all its blocks or rows
        "tap_end": 1,  # last beat of a tap (TAP; shared: of a row of taps) or of a line of the last subgroup (WINDOW); never in SUM
        "last": 1,  # last beat of the pass
        "row_first": 1,  # first beat of an output row (SUM: input row)
        "rows_first": 1,  # first beat that reads other rows than the beat before
        "subgroup_first": 1,  # first beat of a subgroup or of one of its blocks; never in TAP
        "opens": 1,  # of a kernel's first block
        "closes": 1,  # of a kernel's last block
    }
)
"""Where a beat lies in the loops."""


@dataclass(frozen=True)
class LoopEnds:
    """Whether the present beat is the last one of a turn of a loop.

    Attributes:
        group: of the loop over words or subgroups.
        subgroup: of a subgroup or of one of its blocks; never in TAP.
        kx: of the loop over taps or blocks of a row.
        rows: of those that read the same rows; None: of an output row.
    """

    group: Value
    subgroup: Value
    kx: Value
    rows: Value | None = None


class BeatLoops(wiring.Component, ABC):
    """Counts down the turns of the loops over x, groups (words, subgroups), kx, ky and rows; how they nest is a subclass's matter.
    A pass with shared taps has a turn of kx for all of them, and x are the columns that they read.

    Parameters:
        config: `shared_taps`.

    Members:
        descriptor : In(Descriptor), stable from two cycles before `begin`.
        begin : In(1), strobe: the first beat is next.
        issue : In(1), the present beat has its turn: go on to the next one.
        running : Out(1), there is a present beat.
        place : Out(BeatPlace), of the present beat.
        ky : Out(2), row of the present tap, modulo BANKS.

    Timing: the first beat is present from the cycle after `begin` on, the next one from the cycle after `issue` on; all outputs
    come from registers through a few gates and do not depend on inputs of the same cycle.
    """

    def __init__(self, config: CoreConfig) -> None:
        self._shared_taps = config.shared_taps
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "begin": In(1),
                "issue": In(1),
                "running": Out(1),
                "place": Out(BeatPlace),
                "ky": Out(BANK_BITS),
            }
        )

    @abstractmethod
    def _tap_counts(self) -> tuple[Value, Value]:
        """Turns of the loops over ky and kx, from the descriptor."""

    @abstractmethod
    def _ends(self, tap: Value, is_sum: Value) -> LoopEnds:
        """Which loops' turns end with the present beat, from `place`'s flags of the five loops; `tap`, `is_sum`: the mode."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d, place = self.descriptor, self.place
        tap, is_sum = Signal(), Signal()
        m.d.sync += [tap.eq(d.mode == FeedMode.TAP), is_sum.eq(d.mode == FeedMode.SUM)]
        ky_turns, kx_turns = self._tap_counts()
        shared = d.shared if self._shared_taps else Const(0)
        x_count = Signal(len(d.columns), reset_less=True)
        ky_count, kx_count = Signal(len(ky_turns), reset_less=True), Signal(len(kx_turns), reset_less=True)
        m.d.sync += [
            x_count.eq(Mux((d.mode == FeedMode.WINDOW) | shared, d.columns, d.out_w)),
            ky_count.eq(ky_turns),
            kx_count.eq(Mux(shared, 1, kx_turns)),
        ]
        x, group = Loop(m, "x", x_count), Loop(m, "group", d.groups)
        kx, ky = Loop(m, "kx", kx_count), Loop(m, "ky", ky_count)
        row = Loop(m, "row", d.out_rows)

        ends = self._ends(tap, is_sum)
        row_end, opening = Signal(), Signal(reset_less=True)
        m.d.comb += [
            place.x_last.eq(x.last),
            place.group_last.eq(group.last),
            place.kx_last.eq(kx.last),
            place.ky_last.eq(ky.last),
            place.row_last.eq(row.last),
            place.group_end.eq(ends.group),
            place.tap_end.eq(x.last & group.last & ~is_sum),
            place.last.eq(x.last & group.last & kx.last & ky.last & row.last),
            place.opens.eq(opening | is_sum),
            place.closes.eq((kx.last & ky.last) | is_sum),
            row_end.eq(x.last & (is_sum | (group.last & kx.last & ky.last))),
        ]
        row_first, rows_first, subgroup_first = Signal(), Signal(), Signal()
        m.d.comb += [
            place.row_first.eq(row_first),
            place.rows_first.eq(rows_first),
            place.subgroup_first.eq(subgroup_first),
        ]
        with m.If(self.issue):
            x.advance()
            m.d.sync += [
                row_first.eq(row_end),
                rows_first.eq(row_end if ends.rows is None else ends.rows),
                subgroup_first.eq(ends.subgroup),
            ]
            with m.If(x.last):
                m.d.sync += opening.eq(ends.group)
            with m.If(ends.group):
                group.advance()
            with m.If(ends.kx):
                kx.advance()
                with m.If(kx.last):
                    ky.advance()
                    m.d.sync += self.ky.eq(Mux(ky.last, 0, self.ky + 1))
            with m.If(row_end):
                row.advance()
            with m.If(place.last):
                m.d.sync += self.running.eq(0)
        with m.If(self.begin):
            for loop in (x, group, kx, ky, row):
                loop.restart()
            m.d.sync += [self.running.eq(1), row_first.eq(1), rows_first.eq(1), subgroup_first.eq(~tap)]
            m.d.sync += [opening.eq(1), self.ky.eq(0)]
        return m


class PlainLoops(BeatLoops):
    """TAP: for row: for ky: for kx: for word: for x; shared: for row: for ky: for word: for column. WINDOW: for row: for subgroup: for
    column. SUM: for subgroup: for row: for x."""

    def _tap_counts(self) -> tuple[Value, Value]:
        d = self.descriptor
        tap = d.mode == FeedMode.TAP
        return Mux(tap, d.kernel_h[:PLAIN_KERNEL_H_BITS], 1), Mux(tap, d.kernel_w[:PLAIN_KERNEL_W_BITS], 1)

    def _ends(self, tap: Value, is_sum: Value) -> LoopEnds:
        place = self.place
        group = place.x_last & (~is_sum | place.row_last)
        return LoopEnds(group=group, subgroup=group & ~tap, kx=place.tap_end)


class SteppedLoops(BeatLoops):
    """As `PlainLoops`, but every row of taps has rows of its own.

    WINDOW: for row: for subgroup: for row of blocks: for block: for column.
    """

    def _tap_counts(self) -> tuple[Value, Value]:
        d = self.descriptor
        blocks_h, blocks_w = (Mux(d.mode == FeedMode.WINDOW, count, 1) for count in (d.blocks_h, d.blocks_w))
        tap = d.mode == FeedMode.TAP
        return Mux(tap, d.kernel_h, blocks_h), Mux(tap, d.kernel_w, blocks_w)

    def _ends(self, tap: Value, is_sum: Value) -> LoopEnds:
        place = self.place
        line = place.x_last & (~is_sum | place.row_last)
        kx = place.x_last & (~tap | place.group_last)
        return LoopEnds(
            group=line & (tap | (place.kx_last & place.ky_last)),
            subgroup=line & ~tap,
            kx=kx,
            rows=kx & place.kx_last,
        )
