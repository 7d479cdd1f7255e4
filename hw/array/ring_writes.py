"""Where the pixel ring writes what arrives: the rows of the array whose memories take it, and its address in each of them."""

from __future__ import annotations

from abc import ABC, abstractmethod

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import Descriptor
from hwgen.hw.lib.loop import Loop


class RingWrites(wiring.Component, ABC):
    """Follows the beats of a pass and the pixels that they belong to. A subclass says which pixels a beat is written to.

    Parameters:
        config: `rows` (R), `window_lanes`, `ring_depth`.

    Members:
        descriptor : In(Descriptor), stable from `start` to the end of the pass.
        start : In(1), strobe, before the pass's first beat.
        tap : In(1), the beats are words of the fetch, else results of the window.
        take : In(1), there is a beat.
        address : Out(array of R addresses), of the beat in the memory of each array row.
        enable : Out(array of R x 2), the halves of that word that are written, the lower one in bit 0.
        row_done : Out(1), strobe: it is the last beat of an output row.

    Timing: all outputs belong to the beat of the cycle before; a beat per cycle, none in the cycle of `start`.
    """

    def __init__(self, config: CoreConfig) -> None:
        self._config = config
        self._address_bits = ceil_log2(config.ring_depth)
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "start": In(1),
                "tap": In(1),
                "take": In(1),
                "address": Out(data.ArrayLayout(self._address_bits, config.rows)),
                "enable": Out(data.ArrayLayout(2, config.rows)),
                "row_done": Out(1),
            }
        )

    @abstractmethod
    def elaborate(self, platform: object) -> Module:
        """Loops over the beats, addresses and enables."""

    def _place(self, name: str) -> data.View[data.StructLayout]:
        """Register: where a pixel goes: array row (one bit of them), first word of its slot."""
        layout = data.StructLayout(
            {
                "row": self._config.rows,
                "base": self._address_bits,
                "slots_left": len(self.descriptor.ring_slots),
                "slot_last": 1,
            }
        )
        return Signal(layout, name=name)

    def _next_pixel(self, m: Module, here: data.View[data.StructLayout]) -> data.View[data.StructLayout]:
        """Where the pixel behind the one at `here` goes."""
        d = self.descriptor
        following = self._place("following")
        m.d.comb += [
            following.row.eq(here.row.rotate_left(1)),
            following.base.eq(here.base),
            following.slots_left.eq(here.slots_left),
            following.slot_last.eq(here.slot_last),
        ]
        with m.If(here.row[-1]):
            m.d.comb += [
                following.base.eq(here.base + d.ring_words),
                following.slots_left.eq(here.slots_left - 1),
                following.slot_last.eq(here.slots_left == 2),
            ]
            with m.If(here.slot_last):
                m.d.comb += [
                    following.base.eq(0),
                    following.slots_left.eq(d.ring_slots),
                    following.slot_last.eq(d.ring_slots == 1),
                ]
        return following

    def _first_pixel(self, m: Module, place: data.View[data.StructLayout]) -> None:
        """The place of the pass's first pixel."""
        m.d.sync += [
            place.row.eq(1),
            place.base.eq(0),
            place.slots_left.eq(self.descriptor.ring_slots),
            place.slot_last.eq(self.descriptor.ring_slots == 1),
        ]

    def _in_pixel(self, m: Module, unit: Value) -> tuple[Value, Value]:
        """(word of a pixel, halves of it) of its beat number `unit`."""
        halves, count = Signal(2), Signal(len(unit))
        m.d.comb += [halves.eq(0b11), count.eq(unit)]
        if self._config.window_lanes == 4:
            with m.If(~self.tap):
                m.d.comb += [halves.eq(Mux(unit[0], 0b10, 0b01)), count.eq(unit[1:])]
        return count, halves


class OneByOne(RingWrites):
    """A beat is one pixel's. They come in the order output row, beat of a pixel, pixel: with every line of beats the ring returns to the
    row's first pixel. Parameters, members and timing as of `RingWrites`."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d = self.descriptor
        address = Signal(self._address_bits, reset_less=True)
        enable = Signal(data.ArrayLayout(2, self._config.rows))
        here, first = self._place("here"), self._place("first")  # of the present pixel, of the present row's first one
        following = self._next_pixel(m, here)
        x, units = Loop(m, "x", d.out_w), Loop(m, "units", Mux(self.tap, d.ring_words, d.groups))
        unit = Signal(len(d.groups))
        with m.If(self.take):
            m.d.sync += here.eq(following)
            x.advance()
            with m.If(x.last):
                units.advance()
                with m.If(units.last):
                    m.d.sync += [first.eq(following), unit.eq(0)]
                with m.Else():
                    m.d.sync += [here.eq(first), unit.eq(unit + 1)]
        with m.If(self.start):
            for place in (here, first):
                self._first_pixel(m, place)
            m.d.sync += unit.eq(0)
            x.restart()
            units.restart()

        count, halves = self._in_pixel(m, unit)
        m.d.sync += [address.eq(here.base + count), self.row_done.eq(self.take & x.last & units.last)]
        for r in range(self._config.rows):
            m.d.sync += enable[r].eq(Mux(self.take & here.row[r], halves, 0))
            m.d.comb += self.address[r].eq(address)
        m.d.comb += self.enable.eq(enable)
        return m
