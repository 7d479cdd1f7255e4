"""The window's taps: the last three columns of three rows."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.lib.register_copies import register_copies

KERNEL = 3
"""Rows and columns that the window holds."""


def taps_layout(lanes: int) -> data.ArrayLayout:
    """[row][column][lane], column 2 the newest."""
    return data.ArrayLayout(data.ArrayLayout(data.ArrayLayout(signed(8), lanes), KERNEL), KERNEL)


class Taps(wiring.Component):
    """Shifts a column in when there is one.

    Parameters:
        lanes: L.

    Members:
        rows : In(ArrayLayout(8 L, 3)), the column's bytes; taken : In(1), it is a column, a cycle earlier.
        taps : Out(ArrayLayout(ArrayLayout(ArrayLayout(signed(8), L), 3), 3)), [row][column][lane], column 2 the newest.

    Timing: a column that stands at `rows` in cycle t, with `taken` in cycle t - 1, is the newest one of `taps` from cycle t + 1 on; one
    per cycle.
    """

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        super().__init__(
            {"rows": In(data.ArrayLayout(8 * lanes, KERNEL)), "taken": In(1), "taps": Out(taps_layout(lanes))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        taps = Signal(taps_layout(self._lanes), reset_less=True)
        # Each lane's taps have an enable of their own.
        for lane, taken in enumerate(register_copies(m, "taken", self.taken, self._lanes)):
            with m.If(taken):
                for y in range(KERNEL):
                    m.d.sync += [taps[y][x][lane].eq(taps[y][x + 1][lane]) for x in range(KERNEL - 1)]
                    m.d.sync += taps[y][KERNEL - 1][lane].eq(self.rows[y].word_select(lane, 8).as_signed())
        m.d.comb += self.taps.eq(taps)
        return m
