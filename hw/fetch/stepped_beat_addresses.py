"""Offsets and columns of a core with row steps: taps and blocks lie `tap_columns` columns from each other."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value

from hwgen.hw.fetch.beat_addresses import BeatAddresses
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.memory.activation_memory import ADDRESS_BITS


class SteppedBeatAddresses(BeatAddresses):
    """Of the loops of `SteppedLoops`; strides up to 7. Parameters, members and timing as of `BeatAddresses`."""

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(config, stride_bits=3)

    def _following_offset(self, m: Module, tap: Value, offset: Value, origin: Value, step_x: Value) -> Value:
        """From the first beat of its line, and from the first beat of its tap (TAP) or subgroup.

        TAP: for kx: for word: line; WINDOW: for subgroup: for ky: for kx: line; SUM: for subgroup: line.
        """
        d, place = self.descriptor, self.place
        outer_end, again, restarts = Signal(), Signal(), Signal()
        base, step, following = Signal(ADDRESS_BITS), Signal(ADDRESS_BITS), Signal(ADDRESS_BITS)
        of_line = self._start_of(m, "offset_line", origin, following, place.x_last)
        of_outer = self._start_of(m, "offset_outer", origin, following, outer_end)
        m.d.comb += [
            outer_end.eq(Mux(tap, place.tap_end, place.group_end)),
            again.eq(place.x_last & ~tap & place.kx_last),  # the subgroup's first columns, in other rows
            restarts.eq(outer_end & Mux(tap, place.kx_last, place.group_last)),
            base.eq(Mux(outer_end | again, of_outer, Mux(place.x_last, of_line, offset))),
            following.eq(Mux(restarts, origin, base + step)),
        ]
        with m.If(~place.x_last):
            m.d.comb += step.eq(step_x)
        with m.Elif(outer_end):
            m.d.comb += step.eq(Mux(tap, d.tap_words, self._next_word()))
        with m.Else():
            m.d.comb += step.eq(Mux(tap, 1, Mux(place.kx_last, 0, d.tap_words)))
        return following

    def _next_line(self, tap: Value, of_tap: Value) -> Value:
        d, place = self.descriptor, self.place
        following = Mux(place.kx_last, d.in_x, of_tap + d.tap_columns)
        return Mux(place.group_last | ~tap, following, of_tap)
