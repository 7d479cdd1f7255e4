"""Image port: words of image rows on their way to the activation memory, which may keep them waiting."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.config import WORD_BYTES
from hwgen.hw.lib.fifo import StreamFifo
from hwgen.hw.memory.dma.units import WRITE_DELAY, Place
from hwgen.hw.memory.write_request import ImageWord

IMAGE_DELAY = WRITE_DELAY + StreamFifo.LATENCY
"""Cycles from the use of an IMAGE word's last halfword to its write, if those before it have been taken."""

IMAGE_WORDS = 12
"""IMAGE words that may wait for the activation memory."""

_FIFO_WORDS = 16
_PIXEL_BITS = 24


class ImagePort(wiring.Component):
    """Unpacks pixels of 3 bytes and keeps words until the activation memory takes them.

    Members:
        entered : In(1), strobe: the last halfword of a word is used; the word follows WRITE_DELAY cycles later. Not while `full` has been 1
            for a cycle.
        valid : In(1), place : In(Place), unit : In(64): a word. With `unpack` the upper 48 bits are two pixels, which go to its bytes 0..2
            and 4..6, with 0 in the gaps.
        waits : Out(1), a word that entered has not been taken yet.
        full : Out(1), IMAGE_WORDS words at least have entered and not been taken.
        o : Out(stream of ImageWord).

    Timing: a word is offered StreamFifo.LATENCY cycles after `valid` if none waits before it; one word per cycle. `waits` and `full` follow
    `entered` and the transfer at `o` by a cycle.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "entered": In(1),
                "valid": In(1),
                "place": In(Place),
                "unit": In(8 * WORD_BYTES),
                "waits": Out(1),
                "full": Out(1),
                "o": Out(stream.Signature(ImageWord)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        gap = Const(0, 8)
        pixels = self.unit[-2 * _PIXEL_BITS :]
        unpacked = Cat(pixels[:_PIXEL_BITS], gap, pixels[_PIXEL_BITS:], gap)
        m.submodules.fifo = fifo = StreamFifo(ImageWord, _FIFO_WORDS)
        m.d.comb += [
            fifo.i.valid.eq(self.valid),  # there is room: no more enter than it holds
            fifo.i.payload.bank.eq(self.place.bank),
            fifo.i.payload.addr.eq(self.place.addr),
            fifo.i.payload.data.eq(Mux(self.place.unpack, unpacked, self.unit)),
        ]
        wiring.connect(m, fifo.o, wiring.flipped(self.o))

        count = Signal(range(IMAGE_WORDS + 2))
        waits, full, left = Signal(), Signal(), Signal()
        m.d.comb += [left.eq(self.o.valid & self.o.ready), self.waits.eq(waits), self.full.eq(full)]
        with m.If(self.entered & ~left):
            m.d.sync += [count.eq(count + 1), waits.eq(1), full.eq(count >= IMAGE_WORDS - 1)]
        with m.If(left & ~self.entered):
            m.d.sync += [count.eq(count - 1), waits.eq(count != 1), full.eq(count > IMAGE_WORDS)]
        return m
