"""Writer: segments of the array, and the second operand, to their pixels in the activation memory."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import WORD_BYTES, RingConfig
from hw.crossbar import Crossbar, plain_words, spread_words
from hw.descriptor import Descriptor, FeedMode
from hw.pixel_walk import PixelWalk
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
        walk = PixelWalk(m, self._config, d, d.output, d.out_pixel_words, start, take)
        missing = walk.missing
        chunk_word, half, keep = self._chunk_place(m, start, take & walk.row_last, walk.chunk_last)

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
                final.eq(walk.row_last & walk.chunk_last & walk.tile_last),
                segment.eq(self.segments.payload.data),
                operand.eq(self.operands.payload.data),
                kept.eq(keep),
                place.bank.eq(walk.bank),
                place.addr.eq(walk.pixel + chunk_word),
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
