"""In which cycle a beat of the fetch has its turn: room in the output FIFO and in the pixel ring, distance of subgroups."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hwgen.hw.isa.config import WINDOW_WORDS, CoreConfig
from hwgen.hw.isa.descriptor import Descriptor, FeedMode

SUBGROUP_CYCLES = WINDOW_WORDS + 1
"""Least cycles from the first column of a subgroup to the first of the next: the window loads its parameters meanwhile."""


class OutputCredit(wiring.Component):
    """Whether the output FIFO will have room for one more beat.

    Parameters:
        depth: beats under way or waiting at most, a power of two.

    Members:
        issue : In(1), a beat has its turn; only while `room`.
        returned : In(1), a beat has left the FIFO.
        room : Out(1).

    Timing: beats of cycle t count from cycle t + 1 on. A pass ends with all room free, so there is no restart.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        super().__init__({"issue": In(1), "returned": In(1), "room": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spare = Signal(signed(ceil_log2(self._depth) + 1), init=self._depth - 1)  # room beyond one beat's
        with m.If(self.issue & ~self.returned):
            m.d.sync += spare.eq(spare - 1)
        with m.If(self.returned & ~self.issue):
            m.d.sync += spare.eq(spare + 1)
        m.d.comb += self.room.eq(~spare[-1])
        return m


class PixelCredit(wiring.Component):
    """Whether the pixel ring has room for an output row, in passes that feed it; in others there always is.

    Parameters:
        rows: R, pixels of a tile.

    Members:
        descriptor : In(Descriptor), stable from two cycles before `begin`.
        begin : In(1), strobe: the ring is free.
        row_starts : In(1), strobe: a row takes its room; only while `room`.
        tile_free : In(1), strobe: R pixels have become free.
        room : Out(1).

    Timing: `begin` and `tile_free` count from the next cycle on, `row_starts` a cycle later: long before the next row can start.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        super().__init__(
            {"descriptor": In(Descriptor), "begin": In(1), "row_starts": In(1), "tile_free": In(1), "room": Out(1)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d = self.descriptor
        feeds, started = Signal(), Signal()
        spare = Signal(signed(len(d.ring_pixels) + 2))  # pixels of room beyond a row's
        m.d.sync += [
            feeds.eq(~d.to_rows & (d.mode != FeedMode.SUM)),
            started.eq(self.row_starts),
            spare.eq(spare + Mux(self.tile_free, self._rows, 0) - Mux(started, d.out_w, 0)),
        ]
        with m.If(self.begin):
            m.d.sync += spare.eq(d.ring_pixels - d.out_w)
        m.d.comb += self.room.eq(~spare[-1] | ~feeds)
        return m


class SubgroupSpacing(wiring.Component):
    """Whether SUBGROUP_CYCLES have passed since the last subgroup's first column.

    Members:
        begin : In(1), strobe: there was no subgroup before.
        first : In(1), strobe: a subgroup's first column has its turn; only while `spaced`.
        spaced : Out(1).

    Timing: from the cycle after `begin` on, and from SUBGROUP_CYCLES cycles after `first` on.
    """

    def __init__(self) -> None:
        super().__init__({"begin": In(1), "first": In(1), "spaced": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        wait = Signal(range(SUBGROUP_CYCLES))
        spaced = Signal()
        with m.If(self.first):
            m.d.sync += [wait.eq(SUBGROUP_CYCLES - 2), spaced.eq(0)]
        with m.Elif(self.begin | (wait == 0)):
            m.d.sync += [wait.eq(0), spaced.eq(1)]
        with m.Else():
            m.d.sync += wait.eq(wait - 1)
        m.d.comb += self.spaced.eq(spaced)
        return m


class Turns(wiring.Component):
    """Gives a beat its turn in the first cycle in which nothing that it needs is missing.

    Parameters:
        config: `rows` (R).
        depth: of the output FIFO, in beats.

    Members:
        descriptor : In(Descriptor), begin : In(1): as of `PixelCredit`.
        offered : In(1), there is a beat.
        row_first : In(1), it is an output row's first one and needs the ring's room for the row.
        start : In(1), it is a subgroup's first column and needs distance from the last one.
        tile_free : In(1), as of `PixelCredit`.
        returned : In(1), strobe: a beat has left the output FIFO.
        issue : Out(1), the beat has its turn.

    Timing: `issue` depends on `offered`, `row_first` and `start` of the same cycle, through one gate; on the others as `OutputCredit`,
    `PixelCredit` and `SubgroupSpacing` say. A beat per cycle is possible.
    """

    def __init__(self, config: CoreConfig, depth: int) -> None:
        self._config, self._depth = config, depth
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "begin": In(1),
                "offered": In(1),
                "row_first": In(1),
                "start": In(1),
                "tile_free": In(1),
                "returned": In(1),
                "issue": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.output = output = OutputCredit(self._depth)
        m.submodules.pixels = pixels = PixelCredit(self._config.rows)
        m.submodules.spacing = spacing = SubgroupSpacing()
        m.d.comb += [
            self.issue.eq(
                self.offered & output.room & (~self.row_first | pixels.room) & (~self.start | spacing.spaced)
            ),
            output.issue.eq(self.issue),
            output.returned.eq(self.returned),
            pixels.descriptor.eq(self.descriptor),
            pixels.begin.eq(self.begin),
            pixels.row_starts.eq(self.issue & self.row_first),
            pixels.tile_free.eq(self.tile_free),
            spacing.begin.eq(self.begin),
            spacing.first.eq(self.issue & self.start),
        ]
        return m
