"""Stream FIFOs: shallow in LUT RAM, deep in block RAM."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Shape, ShapeLike, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hwgen.hw.ecp5.bram import SimpleDualPort, simple_latency
from hwgen.hw.lib.places import count_places


class StreamFifo(wiring.Component):
    """FIFO in LUT RAM with an output register.

    For up to 16 entries: a deeper and wide one loads its read address with so many RAM cells that it becomes slow.

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
        _count_entries(m, count, some, full, enter=taken, leave=given, depth=1 << self._index_bits)
        with m.If(taken):
            m.d.sync += tail.eq(tail + 1)
        with m.If(given):
            m.d.sync += [head.eq(head + 1), payload.eq(read.data)]
        m.d.sync += valid.eq(given | (valid & ~self.o.ready))
        return m


class BlockFifo(wiring.Component):
    """FIFO in block RAM, with a shallow one behind it that hides the block's read latency.

    Parameters:
        shape: of the payload.
        depth: entries in block RAM, at least 2; rounded up to a power of two. QUEUE more fit behind it, where an
            entry's place counts until it has left.

    Members:
        i : In(stream), o : Out(stream)

    Timing: an entry taken in cycle t is offered at `o` in cycle t + latency if the FIFO was empty; one entry per cycle in and out.
    latency = 1 + block RAM's latency + StreamFifo.LATENCY: 5 for up to 16384 entries.
    """

    QUEUE = 16

    def __init__(self, shape: ShapeLike, depth: int) -> None:
        self._shape = Shape.cast(shape)
        self._index_bits = max(1, ceil_log2(depth))
        self.latency = block_fifo_latency(depth)
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth = 1 << self._index_bits
        m.submodules.memory = memory = SimpleDualPort(self._shape.width, depth)
        m.submodules.queue = queue = StreamFifo(self._shape, self.QUEUE)
        head, tail = Signal(self._index_bits), Signal(self._index_bits)
        stored, promised = Signal(range(depth + 1)), Signal(range(self.QUEUE + 1))
        # Flags of the counts, from registers.
        some, full, room = Signal(), Signal(), Signal(init=1)
        taken, fetched, given = Signal(), Signal(), Signal()
        arriving = Signal(memory.latency)
        m.d.comb += [
            self.i.ready.eq(~full),
            taken.eq(self.i.valid & ~full),
            fetched.eq(some & room),
            memory.w_en.eq(taken),
            memory.w_addr.eq(tail),
            memory.w_data.eq(self.i.payload),
            memory.r_en.eq(1),
            memory.r_addr.eq(head),
            queue.i.valid.eq(arriving[-1]),
            queue.i.payload.eq(memory.r_data),
            self.o.valid.eq(queue.o.valid),
            self.o.payload.eq(queue.o.payload),
            queue.o.ready.eq(self.o.ready),
        ]
        # A place is free one cycle after its entry has left: whatever decides on `o.ready` is far away.
        m.d.sync += [arriving.eq(Cat(fetched, arriving[:-1])), given.eq(self.o.valid & self.o.ready)]
        with m.If(taken):
            m.d.sync += tail.eq(tail + 1)
        with m.If(fetched):
            m.d.sync += head.eq(head + 1)
        _count_entries(m, stored, some, full, enter=taken, leave=fetched, depth=depth)
        # A word is fetched only when the queue has a place for it.
        count_places(m, promised, room, take=fetched, give=given, places=self.QUEUE)
        return m


def _count_entries(
    m: Module, count: Signal, some: Signal, full: Signal, *, enter: Value, leave: Value, depth: int
) -> None:
    """The entries of a memory, and as registers whether there is one, and whether there is no place for another one."""
    with m.If(enter & ~leave):
        m.d.sync += [count.eq(count + 1), some.eq(1), full.eq(count == depth - 1)]
    with m.If(leave & ~enter):
        m.d.sync += [count.eq(count - 1), some.eq(count != 1), full.eq(0)]


def block_fifo_latency(depth: int) -> int:
    """Cycles from input to output of an empty `BlockFifo`."""
    return 1 + simple_latency(1 << max(1, ceil_log2(depth))) + StreamFifo.LATENCY
