"""Writer: segments of the array, and the second operand, to their pixels in the activation memory."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import WORD_BYTES, RingConfig
from hw.crossbar import Crossbar, plain_words, spread_words
from hw.descriptor import Descriptor, FeedMode
from hw.loop import Loop
from hw.row_pointer import next_row
from hw.write_request import WriteRequest


class Writer(wiring.Component):
    """For tile: for chunk: for array row: C bytes of one output pixel, a word per cycle.

    Byte i of a segment is output channel `ch = chunk * C + i` and is dropped if `ch >= channels`. Plain: it goes to byte
    `8 * out_word + 4 * out_half + ch` of the pixel. Spread: to byte `8 * out_word + 2 * ch + odd`; with `merge`, byte i of an operand
    segment goes to byte `8 * out_word + 2 * ch + 1 - odd`. `out_half` is 0 unless the pass is plain and C % 8 is 4. The segments of
    array rows at and beyond `last_pixels` of the last tile have no pixel: they are taken and dropped, and have no operand segment.

    Parameters:
        config: `rows`, `cols`.
        write_to_read: cycles from a write request to the first read request that sees it, at least 0.

    Members:
        descriptor : In(Descriptor), stable from `start` to the end of the pass.
        start : In(1), strobe; ignored when the pass does not go through the array.
        segments : In(stream {data: 8 C}), operands : In(stream {data: 8 C}).
        request : Out(WriteRequest), taken at once.
        done : Out(1), strobe: all of the pass can be read.

    Timing: a segment costs `plain_words(C)` cycles, with `spread` `spread_words(C)`, and 1 if it has no pixel. It is taken, together
    with its operand segment if it has one, in the first cycle in which both are valid and at least the cost of the segment before it
    has passed since that one was taken. Its words are requested in cycles taken + REQUEST_DELAY to taken + REQUEST_DELAY + cost - 1;
    `done` comes write_to_read cycles after the last request of the last segment (or the cycle where it would be without a pixel).
    """

    REQUEST_DELAY = 2
    """Cycles from a segment's transfer to the request of its first word."""

    def __init__(self, config: RingConfig, write_to_read: int) -> None:
        self._config, self._write_to_read = config, write_to_read
        segment = stream.Signature(data.StructLayout({"data": 8 * config.cols}))
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "start": In(1),
                "segments": In(segment),
                "operands": In(segment),
                "request": Out(WriteRequest),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d, cols = self.descriptor, self._config.cols
        start, take = Signal(), Signal()
        m.d.comb += start.eq(self.start & (d.mode != FeedMode.SUM) & ~d.to_rows)
        chunk, tile = Loop(m, "chunk", d.chunks), Loop(m, "tile", d.tiles)
        row_last, missing = self._array_rows(m, start, take, tile.last)
        chunk_end = Signal()
        m.d.comb += chunk_end.eq(take & row_last)
        with m.If(chunk_end):
            chunk.advance()
            with m.If(chunk.last):
                tile.advance()
        with m.If(start):
            chunk.restart()
            tile.restart()
        bank, pixel = self._pixel(m, start, take, row_last, chunk.last)
        chunk_word, half, keep = self._chunk_place(m, start, chunk_end, chunk.last)

        # The segment under way.
        held, written, final, word_last = Signal(), Signal(), Signal(), Signal()
        segment, operand = Signal(8 * cols, reset_less=True), Signal(8 * cols, reset_less=True)
        place = Signal(data.StructLayout({"bank": 2, "addr": len(d.output.addr)}), reset_less=True)
        m.submodules.crossbar = crossbar = Crossbar(cols)
        word, variant = Signal(2), Signal(reset_less=True)
        next_word, next_variant = Signal(2), Signal()
        kept = Signal(cols, reset_less=True)
        free = Signal()
        words = Mux(d.spread, spread_words(cols), plain_words(cols))
        m.d.comb += [
            free.eq(~held | word_last),
            take.eq(self.segments.valid & self.segments.ready),
            self.segments.ready.eq(free & (~d.merge | missing | self.operands.valid)),
            self.operands.ready.eq(free & self.segments.valid & d.merge & ~missing),
        ]
        m.d.comb += [next_word.eq(word + 1), next_variant.eq(variant)]
        m.d.sync += [
            word.eq(next_word),
            variant.eq(next_variant),
            word_last.eq(word + 2 == words),
            place.addr.eq(place.addr + 1),
        ]
        with m.If(free):
            m.d.comb += [next_word.eq(0), next_variant.eq(Mux(d.spread, d.odd, half))]
            m.d.sync += [
                held.eq(take),
                written.eq(~missing),
                final.eq(row_last & chunk.last & tile.last),
                segment.eq(self.segments.payload.data),
                operand.eq(self.operands.payload.data),
                kept.eq(keep),
                place.bank.eq(bank),
                place.addr.eq(pixel + chunk_word),
                word_last.eq(missing | (words == 1)),
            ]

        m.d.comb += [
            crossbar.segment.eq(segment),
            crossbar.operand.eq(operand),
            crossbar.keep.eq(kept),
            crossbar.merge.eq(d.merge),
            crossbar.spread.eq(d.spread),
            crossbar.variant.eq(next_variant),
            crossbar.word.eq(next_word),
        ]
        request = Signal.like(self.request, reset_less=True)
        valid = Signal()
        m.d.sync += [
            valid.eq(held & written),
            request.bank.eq(place.bank),
            request.addr.eq(place.addr),
            request.enable.eq(crossbar.enable),
            request.data.eq(crossbar.data),
        ]
        m.d.comb += [self.request.eq(request), self.request.valid.eq(valid)]
        done = held & word_last & final
        for i in range(1 + self._write_to_read):
            register = Signal(name=f"done_{i}")
            m.d.sync += register.eq(done)
            done = register
        m.d.comb += self.done.eq(done)
        return m

    def _array_rows(self, m: Module, start: Signal, take: Signal, tile_last: Signal) -> tuple[Signal, Signal]:
        """Whether the next segment belongs to the last array row, and whether it has no pixel."""
        rows = self._config.rows
        row = Signal(range(rows + 1))  # counted from 1
        row_last, missing = Signal(), Signal()
        with m.If(take):
            m.d.sync += [row.eq(row + 1), row_last.eq(row == rows - 1)]
            with m.If(tile_last & (row == self.descriptor.last_pixels)):
                m.d.sync += missing.eq(1)
            with m.If(row_last):
                m.d.sync += [row.eq(1), missing.eq(0)]
        with m.If(start):
            m.d.sync += [row.eq(1), row_last.eq(0), missing.eq(0)]
        return row_last, missing

    def _pixel(
        self, m: Module, start: Signal, take: Signal, row_last: Signal, chunk_last: Signal
    ) -> tuple[Signal, Signal]:
        """Bank and word address of the next segment's pixel. Every chunk of a tile returns to the tile's first pixel."""
        d = self.descriptor
        output = d.output
        place = data.StructLayout(
            {"slot": len(output.slot), "row": len(output.addr), "pixel": len(output.addr), "x": len(d.out_w)}
        )
        here, first, following = Signal(place), Signal(place), Signal(place)
        slot, addr = next_row(here.slot, here.row, output.base, output.depth, output.row_words)
        m.d.comb += [
            following.eq(here),
            following.pixel.eq(here.pixel + d.out_pixel_words),
            following.x.eq(here.x + 1),
        ]
        with m.If(here.x == d.out_w):
            m.d.comb += [following.slot.eq(slot), following.row.eq(addr), following.pixel.eq(addr), following.x.eq(1)]
        with m.If(take):
            m.d.sync += here.eq(following)
            with m.If(row_last):
                with m.If(chunk_last):
                    m.d.sync += first.eq(following)
                with m.Else():
                    m.d.sync += here.eq(first)
        with m.If(start):
            for signal in (here, first):
                m.d.sync += [
                    signal.slot.eq(output.slot),
                    signal.row.eq(output.addr),
                    signal.pixel.eq(output.addr),
                    signal.x.eq(1),
                ]
        return here.slot[:2], here.pixel

    def _chunk_place(
        self, m: Module, start: Signal, chunk_end: Signal, chunk_last: Signal
    ) -> tuple[Signal, Signal, Signal]:
        """Word of the next segment inside its pixel, whether it begins in the word's upper half, and which of its bytes have a channel."""
        d, cols = self.descriptor, self._config.cols
        word, half = Signal(len(d.out_word)), Signal()
        left = Signal(len(d.channels))
        with m.If(chunk_end):
            # `left` may pass 0 only with the last chunk, after which it starts again.
            m.d.sync += left.eq(left - cols)
            with m.If(d.spread):
                m.d.sync += word.eq(word + spread_words(cols))
            with m.Elif(cols % WORD_BYTES == 0):
                m.d.sync += word.eq(word + cols // WORD_BYTES)
            with m.Else():
                m.d.sync += [word.eq(word + cols // WORD_BYTES + half), half.eq(~half)]
        with m.If(start | (chunk_end & chunk_last)):
            m.d.sync += [word.eq(d.out_word), half.eq(d.out_half), left.eq(d.channels)]
        # left > i, as a table: comparisons would be a carry chain each.
        keep, low = Signal(cols), left[:4]
        m.d.comb += keep.eq(Cat(left[4:].any() | low.matches(*range(i + 1, 16)) for i in range(cols)))
        return word, half, keep
