"""Writer: segments of the array, and the second operand, to their pixels in the activation memory."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from hwgen.hw.lib.delay import delayed
from hwgen.hw.lib.fifo import StreamFifo
from hwgen.hw.lib.places import count_places
from hwgen.hw.lib.register_copies import register_copies
from hwgen.hw.memory.write_request import WriteRequest
from hwgen.hw.output.crossbar import Crossbar, plain_words, spread_words
from hwgen.hw.output.pixel_addresses import PixelAddresses, next_chunk

_ENABLED_BYTES = 4  # of a segment and its operand that one enable steers
_PLACES = 16
"""Segments whose places are worked out ahead."""


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
    with its operand segment if it has one, in the first cycle from start + PLACE_DELAY on in which both are valid and at least the
    cost of the segment before it has passed since that one was taken. Its words are requested in cycles taken + REQUEST_DELAY to
    taken + REQUEST_DELAY + cost - 1; `done` comes write_to_read cycles after the last request of the last segment (or the cycle
    where it would be without a pixel).
    """

    PLACE_DELAY = 4
    """Cycles from `start` to the earliest transfer of a segment."""

    REQUEST_DELAY = 2
    """Cycles from a segment's transfer to the request of its first word."""

    def __init__(self, config: CoreConfig, write_to_read: int) -> None:
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
        take = Signal()
        places = self._places(m, take)
        goal = places.payload

        # The segment under way.
        held, written, final, word_last = Signal(), Signal(), Signal(), Signal()
        segment, operand = Signal(8 * cols, reset_less=True), Signal(8 * cols, reset_less=True)
        place = Signal(data.StructLayout({"bank": 2, "addr": len(d.output.addr)}), reset_less=True)
        m.submodules.crossbar = crossbar = Crossbar(cols)
        word, variant = Signal(2), Signal(reset_less=True)
        next_word, next_variant = Signal(2), Signal()
        kept = Signal(cols, reset_less=True)
        free, next_free = Signal(init=1), Signal()  # a register, because so much depends on it: ~held | word_last
        words = Mux(d.spread, spread_words(cols), plain_words(cols))
        m.d.comb += [
            take.eq(self.segments.valid & self.segments.ready),
            self.segments.ready.eq(free & places.valid & (goal.alone | self.operands.valid)),
            self.operands.ready.eq(free & places.valid & ~goal.alone & self.segments.valid),
        ]
        m.d.comb += [next_word.eq(word + 1), next_variant.eq(variant), next_free.eq(word + 2 == words)]
        m.d.sync += [
            word.eq(next_word),
            variant.eq(next_variant),
            word_last.eq(word + 2 == words),
            free.eq(next_free),
            place.addr.eq(place.addr + 1),
        ]
        with m.If(free):
            m.d.comb += [next_word.eq(0), next_variant.eq(goal.variant)]
            m.d.comb += next_free.eq(~take | goal.missing | (words == 1))
            m.d.sync += [
                held.eq(take),
                written.eq(~goal.missing),
                final.eq(goal.final),
                kept.eq(goal.keep),
                place.bank.eq(goal.bank),
                place.addr.eq(goal.addr),
                word_last.eq(goal.missing | (words == 1)),
            ]

        for i, enable in enumerate(register_copies(m, "free", next_free, ceil_div(cols, _ENABLED_BYTES))):
            part = slice(8 * _ENABLED_BYTES * i, 8 * _ENABLED_BYTES * (i + 1))
            with m.If(enable):
                m.d.sync += [
                    segment[part].eq(self.segments.payload.data[part]),
                    operand[part].eq(self.operands.payload.data[part]),
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
        m.d.comb += self.done.eq(delayed(m, held & word_last & final, 1 + self._write_to_read, "done", control=True))
        return m

    def _places(self, m: Module, take: Value) -> stream.Interface:
        """Where the segments go, worked out before they come; `take` takes one."""
        d = self.descriptor
        layout = data.StructLayout(
            {
                "bank": 2,
                "addr": len(d.output.addr),
                "variant": 1,  # of the crossbar
                "keep": self._config.cols,  # bytes that have a channel
                "missing": 1,  # it has no pixel
                "alone": 1,  # no operand segment comes with it
                "final": 1,  # the last one of the pass
            }
        )
        running, step, last = Signal(), Signal(), Signal()
        # Everything starts with every pass, because that steers so much; but it runs only in those that come this way.
        m.submodules.walk = walk = PixelAddresses(self._config.rows)
        m.d.comb += [
            walk.descriptor.eq(d),
            walk.pointer.eq(d.output),
            walk.pixel_words.eq(d.out_pixel_words),
            walk.start.eq(self.start),
            walk.step.eq(step),
        ]
        chunk_word, half, keep = self._chunk_place(m, self.start, step & walk.row_last, step & walk.tile_end)
        entry, entry_valid = Signal(layout, reset_less=True), Signal()
        ahead, room = Signal(range(_PLACES + 1)), Signal(init=1)
        m.submodules.places = fifo = StreamFifo(layout, _PLACES)
        m.d.comb += [
            step.eq(running & room),
            last.eq(walk.pass_end),
            fifo.i.valid.eq(entry_valid),  # there is room: no more are ahead than it holds
            fifo.i.payload.eq(entry),
            fifo.o.ready.eq(take),
        ]
        m.d.sync += [
            entry_valid.eq(step),
            entry.bank.eq(walk.bank),
            entry.addr.eq(walk.pixel + chunk_word),
            entry.variant.eq(Mux(d.spread, d.odd, half)),
            entry.keep.eq(keep),
            entry.missing.eq(walk.missing),
            entry.alone.eq(walk.missing | ~d.merge),
            entry.final.eq(last),
        ]
        with m.If(step & last):
            m.d.sync += running.eq(0)
        with m.If(self.start):
            m.d.sync += running.eq((d.mode != FeedMode.SUM) & ~d.to_rows)
        count_places(m, ahead, room, take=step, give=take, places=_PLACES)
        return fifo.o

    def _chunk_place(self, m: Module, start: Value, chunk_end: Value, tile_end: Value) -> tuple[Signal, Signal, Signal]:
        """Word of the next segment inside its pixel, whether it begins in the word's upper half, and which of its bytes have a channel."""
        d, cols = self.descriptor, self._config.cols
        word, half = Signal(len(d.out_word)), Signal()
        left = Signal(len(d.channels))
        with m.If(chunk_end):
            # `left` may pass 0 only with the last chunk, after which it starts again.
            m.d.sync += left.eq(left - cols)
            with m.If(d.spread):
                m.d.sync += word.eq(word + spread_words(cols))
            with m.Else():
                next_chunk(m, word, half, cols)
        with m.If(start | tile_end):
            m.d.sync += [word.eq(d.out_word), half.eq(d.out_half), left.eq(d.channels)]
        # left > i, as a table: comparisons would be a carry chain each.
        keep, low = Signal(cols), left[:4]
        m.d.comb += keep.eq(Cat(left[4:].any() | low.matches(*range(i + 1, 16)) for i in range(cols)))
        return word, half, keep
