"""Stream FIFO in LUT RAM."""

from __future__ import annotations

from amaranth.hdl import Module, ShapeLike, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2


class StreamFifo(wiring.Component):
    """FIFO in LUT RAM with an output register.

    Parameters:
        shape: of the payload.
        depth: entries in memory, at least 2; rounded up to a power of two. One more is in the output register.

    Members:
        i : In(stream), o : Out(stream)

    Timing: an entry taken in cycle t is offered at `o` in cycle t + 2 if the FIFO was empty; one entry per cycle in and out.
    """

    LATENCY = 2

    def __init__(self, shape: ShapeLike, depth: int) -> None:
        self._shape = shape
        self._index_bits = max(1, ceil_log2(depth))
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(
            shape=self._shape, depth=1 << self._index_bits, init=[], attrs={"ram_style": "distributed"}
        )
        write, read = memory.write_port(), memory.read_port(domain="comb")
        head, tail = Signal(self._index_bits), Signal(self._index_bits)
        count = Signal(self._index_bits + 1)
        # Flags of the count, from registers: they steer wide write and clock enables.
        some, full = Signal(), Signal()
        taken, given = Signal(), Signal()
        valid = Signal()
        payload = Signal(self._shape, reset_less=True)
        m.d.comb += [
            self.i.ready.eq(~full),
            taken.eq(self.i.valid & ~full),
            given.eq(some & (~valid | self.o.ready)),
            write.addr.eq(tail),
            write.data.eq(self.i.payload),
            write.en.eq(taken),
            read.addr.eq(head),
            self.o.valid.eq(valid),
            self.o.payload.eq(payload),
        ]
        with m.If(taken & ~given):
            m.d.sync += [count.eq(count + 1), some.eq(1), full.eq(count == (1 << self._index_bits) - 1)]
        with m.If(given & ~taken):
            m.d.sync += [count.eq(count - 1), some.eq(count != 1), full.eq(0)]
        with m.If(taken):
            m.d.sync += tail.eq(tail + 1)
        with m.If(given):
            m.d.sync += [head.eq(head + 1), payload.eq(read.data)]
        m.d.sync += valid.eq(given | (valid & ~self.o.ready))
        return m
