"""Row writer: the window's results to the activation memory, past the array."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.config import WORD_BYTES, CoreConfig
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from hwgen.hw.lib.delay import delayed
from hwgen.hw.lib.loop import Loop
from hwgen.hw.memory.row_pointer import LastSlot, next_row
from hwgen.hw.memory.write_request import WriteRequest


class RowWriter(wiring.Component):
    """For row: for subgroup: for x: L bytes of one output pixel.

    Subgroup sg goes to word `out_word + sg * L // 8` of the pixel, with L = 4 to its lower half for even sg and to its upper half for odd
    sg. A SUM pass has a single output pixel. All L bytes are written, whatever `channels` says.

    Parameters:
        config: `window_lanes`.
        write_to_read: cycles from a write request to the first read request that sees it, at least 0.

    Members:
        descriptor : In(Descriptor), stable from `start` to the end of the pass.
        start : In(1), strobe; no beat may come earlier than the cycle after it.
        i : In(stream {data: 8 L, last: 1}), ignored when the pass goes through the array.
        request : Out(WriteRequest), taken at once.
        done : Out(1), strobe: all of the pass can be read.

    Timing: always ready, one beat per cycle. A beat in cycle t is requested in cycle t + REQUEST_DELAY; `done` is in cycle
    t + REQUEST_DELAY + write_to_read of the beat with `last`.
    """

    REQUEST_DELAY = 1

    def __init__(self, config: CoreConfig, write_to_read: int) -> None:
        self._lanes, self._write_to_read = config.window_lanes, write_to_read
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "start": In(1),
                "i": In(stream.Signature(data.StructLayout({"data": 8 * config.window_lanes, "last": 1}))),
                "request": Out(WriteRequest),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d = self.descriptor
        output = d.output
        pool, take = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(1),
            pool.eq(d.mode == FeedMode.SUM),
            take.eq(self.i.valid & (d.to_rows | pool)),
        ]

        slot, row = Signal(len(output.slot)), Signal(len(output.addr))
        pixel, word = Signal(len(output.addr)), Signal(len(d.out_word))
        half = Signal()
        x, subgroup = Loop(m, "x", d.out_w), Loop(m, "subgroup", d.groups)
        wraps, last_slot = Signal(), LastSlot(m, output)
        following_slot, following_row = next_row(slot, row, output.base, output.depth, output.row_words, wraps)
        with m.If(take):
            m.d.sync += pixel.eq(pixel + d.out_pixel_words)
            x.advance()
            with m.If(pool | x.last):
                m.d.sync += pixel.eq(row)
                subgroup.advance()
                if self._lanes < WORD_BYTES:
                    m.d.sync += [half.eq(~half), word.eq(word + half)]
                else:
                    m.d.sync += word.eq(word + 1)
                with m.If(subgroup.last):
                    m.d.sync += [slot.eq(following_slot), row.eq(following_row), pixel.eq(following_row)]
                    m.d.sync += wraps.eq(last_slot.following(slot))
                    m.d.sync += [half.eq(0), word.eq(d.out_word)]
        with m.If(self.start):
            m.d.sync += [slot.eq(output.slot), row.eq(output.addr), pixel.eq(output.addr)]
            m.d.sync += wraps.eq(last_slot.at_start)
            m.d.sync += [half.eq(0), word.eq(d.out_word)]
            x.restart()
            subgroup.restart()

        request = Signal.like(self.request, reset_less=True)
        valid = Signal()
        lanes, copies = self._lanes, WORD_BYTES // self._lanes
        m.d.sync += [
            valid.eq(take),
            request.bank.eq(slot[:2]),
            request.addr.eq(pixel + word),
            request.enable.eq(Const((1 << lanes) - 1, WORD_BYTES) << (half * lanes)),
            request.data.eq(self.i.payload.data.replicate(copies)),
        ]
        m.d.comb += [self.request.eq(request), self.request.valid.eq(valid)]
        done = delayed(m, take & self.i.payload.last, self.REQUEST_DELAY + self._write_to_read, "done", control=True)
        m.d.comb += self.done.eq(done)
        return m
