"""Where the pixel ring writes words that belong to several taps: to all their pixels at once."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data

from hwgen.hw.array.ring_writes import RingWrites
from hwgen.hw.lib.loop import Loop


class SharedRingWrites(RingWrites):
    """In a pass with `shared` the word of an input column is that of tap kx of every pixel x with x * stride_x + kx = col. These pixels are
    neighbours, so they lie in different array rows, and each row's memory has an address of its own: its pixel begins with tap 0, a
    pixel every `stride_x` columns, and takes kernel_w columns, `groups` words from each other. Lines of `columns` beats come in the
    order output row, tap row, word. In other passes every beat begins a pixel, which takes no more of its line.

    Every pixel that is begun ends in its line, and before its array row begins another one: kernel_w <= R * stride_x.

    Parameters, members and timing as of `RingWrites`.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d, take, shared = self.descriptor, self.take, self.descriptor.shared
        here, first = self._place("here"), self._place("first")  # of the next pixel to begin, of the row's first one
        following = self._next_pixel(m, here)
        column = Loop(m, "column", Mux(shared, d.columns, d.out_w))
        word = Loop(m, "word", Mux(self.tap & ~shared, d.ring_words, d.groups))
        tap_row = Loop(m, "tap_row", Mux(shared, d.kernel_h, 1))
        pixel, spacing = Loop(m, "pixel", d.out_w), Loop(m, "spacing", Mux(shared, d.stride_x, 1))
        loops = (column, word, tap_row, pixel, spacing)

        due, begun_all = Signal(), Signal()  # a pixel is to begin, unless all of the line have
        begins, beyond = Signal(), Signal.like(here)
        m.d.comb += [begins.eq(take & due & ~begun_all), beyond.eq(Mux(due & ~begun_all, following, here))]
        unit = Signal(len(d.groups))  # word of a pixel that its tap 0 is
        with m.If(take):
            m.d.sync += [here.eq(beyond), due.eq(spacing.last)]
            column.advance()
            spacing.advance()
            with m.If(begins):
                pixel.advance()
                m.d.sync += begun_all.eq(pixel.last)
            with m.If(column.last):
                spacing.restart()
                m.d.sync += [due.eq(1), begun_all.eq(0), here.eq(first)]
                m.d.sync += unit.eq(unit + Mux(shared & word.last, d.tap_row_step, 1))
                word.advance()
                with m.If(word.last):
                    tap_row.advance()
                    with m.If(tap_row.last):
                        m.d.sync += [here.eq(beyond), first.eq(beyond), unit.eq(0)]
        with m.If(self.start):
            for place in (here, first):
                self._first_pixel(m, place)
            m.d.sync += [unit.eq(0), due.eq(1), begun_all.eq(0)]
            for loop in loops:
                loop.restart()

        count, halves = self._in_pixel(m, unit)
        begin_address, further = Signal(self._address_bits), Signal(len(d.kernel_w))
        m.d.comb += [begin_address.eq(here.base + count), further.eq(Mux(shared, d.kernel_w - 1, 0))]
        m.d.sync += self.row_done.eq(take & column.last & word.last & tap_row.last)
        enable = Signal(data.ArrayLayout(2, self._config.rows))
        for r in range(self._config.rows):
            address = Signal(self._address_bits, name=f"address_{r}", reset_less=True)
            left = Signal(len(further), name=f"left_{r}")  # columns that the row's pixel still takes
            of_row = begins & here.row[r]
            with m.If(of_row):
                m.d.sync += [address.eq(begin_address), left.eq(further)]
            with m.Elif(take & left.any()):
                m.d.sync += [address.eq(address + d.groups), left.eq(left - 1)]
            m.d.sync += enable[r].eq(Mux(of_row | (take & left.any()), halves, 0))
            m.d.comb += self.address[r].eq(address)
        m.d.comb += self.enable.eq(enable)
        return m
