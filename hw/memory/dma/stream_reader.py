"""Stream reader: bursts of the SDRAM, ahead of their use."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.memories import FIFO_DEPTH
from hwgen.hw.memory.sdram_config import ADDRESS_BITS, BURST


class StreamReader(wiring.Component):
    """Reads consecutive bursts into a FIFO and hands out their halfwords in order.

    Members:
        start : In(1), strobe: read from `base` on, and forget what waits. No burst may be under way then.
        base : In(24), halfword address, a multiple of 8.
        busy : In(1), from the cycle after `start` until nothing more is needed: no burst is requested behind it, but a request that shows
            stays until it is taken.
        read : Out(stream of 24-bit halfword addresses), bursts, to the SDRAM controller.
        data, data_valid : In(16), In(1), halfwords from the SDRAM controller, in the order of the requests.
        o : Out(stream of halfwords); `start` may take back what it offers.

    Timing: the first request comes in the cycle after `start`; more follow while FIFO_DEPTH halfwords are not under way or waiting.
    A halfword that arrives in cycle a is offered in a + LATENCY if none waits before it; one halfword per cycle.
    """

    LATENCY = 2

    def __init__(self) -> None:
        super().__init__(
            {
                "start": In(1),
                "base": In(ADDRESS_BITS),
                "busy": In(1),
                "read": Out(stream.Signature(unsigned(ADDRESS_BITS))),
                "data": In(16),
                "data_valid": In(1),
                "o": Out(stream.Signature(16)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        assert 1 << (BURST - 1).bit_length() == BURST == 8
        next_burst = Signal(ADDRESS_BITS - 3, reset_less=True)
        free = Signal(range(FIFO_DEPTH + 1))
        stored = Signal(range(FIFO_DEPTH + 1))
        word, word_valid = Signal(16, reset_less=True), Signal()
        requested = Signal()
        reading = Signal()
        refill = Signal()
        m.d.comb += [
            self.read.payload.eq(Cat(Const(0, 3), next_burst)),
            self.read.valid.eq(reading & (free[3:] != 0)),
            requested.eq(self.read.valid & self.read.ready),
            self.o.payload.eq(word),
            self.o.valid.eq(word_valid),
            refill.eq((stored != 0) & (~word_valid | self.o.ready)),
        ]
        m.submodules.fifo = fifo = Memory(shape=16, depth=FIFO_DEPTH, init=[])
        write, read = fifo.write_port(), fifo.read_port(domain="comb")
        write_index, read_index = Signal(range(FIFO_DEPTH)), Signal(range(FIFO_DEPTH))
        m.d.comb += [
            write.en.eq(self.data_valid),
            write.addr.eq(write_index),
            write.data.eq(self.data),
            read.addr.eq(read_index),
        ]
        m.d.sync += [
            free.eq(free + refill - Cat(Const(0, 3), requested)),
            stored.eq(stored + self.data_valid - refill),
            write_index.eq(write_index + self.data_valid),
            read_index.eq(read_index + refill),
            word_valid.eq((word_valid & ~self.o.ready) | refill),
        ]
        with m.If(refill):
            m.d.sync += word.eq(read.data)
        with m.If(requested):
            m.d.sync += next_burst.eq(next_burst + 1)
        with m.If(~self.busy & (requested | ~self.read.valid)):
            m.d.sync += reading.eq(0)
        with m.If(self.start):
            m.d.sync += [
                reading.eq(1),
                next_burst.eq(self.base[3:]),
                free.eq(FIFO_DEPTH),
                stored.eq(0),
                write_index.eq(0),
                read_index.eq(0),
                word_valid.eq(0),
            ]
        return m
