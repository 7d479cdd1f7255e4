"""DMA: reads the command stream from the SDRAM in order and delivers its packets' payload."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.array.weight_memory import weight_write_layout
from hwgen.hw.isa.config import PARAMETER_BITS, CoreConfig
from hwgen.hw.isa.packets import PacketKind
from hwgen.hw.memory.dma.image_port import ImagePort
from hwgen.hw.memory.dma.packet_header import PacketHeader, header_take
from hwgen.hw.memory.dma.payload_counter import PayloadCounter
from hwgen.hw.memory.dma.store_port import StorePort
from hwgen.hw.memory.dma.stream_reader import StreamReader
from hwgen.hw.memory.dma.unit_assembler import UnitAssembler
from hwgen.hw.memory.dma.units import unit_halfwords
from hwgen.hw.memory.dma.word_reader import WordReader
from hwgen.hw.memory.row_store import StoreCommand
from hwgen.hw.memory.sdram_config import ADDRESS_BITS
from hwgen.hw.memory.write_request import ImageWord

WORDS = (1, 2, 4, 8)
"""Halfwords that a DMA may use at once."""


class Dma(wiring.Component):
    """Prefetches bursts into a FIFO, decodes packets, and writes units of payload to their destinations.

    A packet is a header of 4 halfwords (kind | bank << 4 | unpack << 6; address; count of units; wait) and its payload,
    the least significant halfword of a unit first. The address counts up by one with every unit (TABLE: with every
    halfword). Nothing of a packet is written before `passes_done >= wait`. A STORE packet has one unit: target (24 bits in two
    halfwords), words, 0; header's bank and address are where the words come from. The stream goes on when they are stored.

    Beside a memory of another clock it takes words of several halfwords, and uses up to a word in a cycle; `WordReader` stands in the
    place of `StreamReader` then, and bursts are asked for on the memory's side.

    A halfword's way: `StreamReader`, then, in a header, `PacketHeader`, in the payload `PayloadCounter` and `UnitAssembler`; the units of
    IMAGE and STORE packets go on to `ImagePort` and `StorePort`.

    Parameters:
        config: shape of the core.
        word: halfwords that are used at once at most: 1, or those of a word of 4, 8 or 16 bytes.

    Members:
        start : In(1), strobe: read a stream from `base`. No burst may be under way then.
        words : In(stream of `word` halfwords), the command stream from its first burst on, in place of base, read, data and data_valid.
        base : In(24), halfword address of the stream, a multiple of 8.
        read : Out(stream of 24-bit halfword addresses), bursts, to the SDRAM controller.
        data, data_valid : In(16), In(1), halfwords from the SDRAM controller.
        passes_done : In(16).
        room : In(1), the sequencer has room for a descriptor.
        weights : Out(weight_write_layout(config)).
        parameters : Out({valid, addr(11), data(72)}).
        window : Out({valid, addr(13), data(18 L)}), words of the window's parameter memory.
        push : Out({valid, data(16)}), a halfword of a descriptor.
        table : Out({valid, addr(8), data(16)}), two entries of a table; addr 0..127 array table, 128..255 window table.
        image : Out(stream of ImageWord).
        store : Out(StoreCommand), stored : In(1), strobe: it is done. Only with `spill`.
        busy : Out(1), from `start` until everything before the END packet is delivered.
        error : Out(1), the stream held a packet of unknown kind and was abandoned; cleared by `start`.

    Timing (`word` = 1, halfword i arrives at `data` in cycle a): used in cycle u = max(a + 2, cycle after the use of halfword i - 1);
        the first of a packet's payload not before CHECK_CYCLES + 1 cycles after the header's last nor before
        t + 2, where t is the first cycle with passes_done >= wait; the first of a descriptor in a cycle behind one with `room`. A unit's
        write shows WRITE_DELAY cycles after the use of its last halfword (IMAGE: IMAGE_DELAY, if those before it have been taken).
        The stream stops at the end of a unit while IMAGE_WORDS words wait, and before the payload of a packet of another kind
        while any does. The first request comes in the cycle after `start`; more follow while FIFO_DEPTH halfwords are not under way
        or waiting. `store` shows WRITE_DELAY cycles after the use of its packet's last halfword; the next header's first halfword is used
        the cycle after `stored` at the earliest.
        Of words, a transfer (header: `header_take` halfwords; payload: `takes`) takes the place of a halfword in all of this, and
        `sim/timing/word_stream.py` says in which cycle it can be used.
    """

    def __init__(self, config: CoreConfig, word: int = 1) -> None:
        if word not in WORDS:
            raise ValueError(f"word must be one of {', '.join(map(str, WORDS))} halfwords, not {word}")
        self.config = config
        self.word = word
        halfwords = {
            "base": In(ADDRESS_BITS),
            "read": Out(stream.Signature(unsigned(ADDRESS_BITS))),
            "data": In(16),
            "data_valid": In(1),
        }
        super().__init__(
            {
                "start": In(1),
                **(halfwords if word == 1 else {"words": In(stream.Signature(16 * word))}),
                "passes_done": In(16),
                "room": In(1),
                "weights": Out(weight_write_layout(config)),
                "parameters": Out(data.StructLayout({"valid": 1, "addr": 11, "data": PARAMETER_BITS})),
                "window": Out(data.StructLayout({"valid": 1, "addr": 13, "data": 18 * config.window_lanes})),
                "push": Out(data.StructLayout({"valid": 1, "data": 16})),
                "table": Out(data.StructLayout({"valid": 1, "addr": 8, "data": 16})),
                "image": Out(stream.Signature(ImageWord)),
                "busy": Out(1),
                "error": Out(1),
                **({"store": Out(StoreCommand), "stored": In(1)} if config.spill else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.reader = reader = StreamReader() if self.word == 1 else WordReader(self.word)
        m.submodules.header = header = PacketHeader(self.config, self.word)
        m.submodules.counter = counter = PayloadCounter(self.config, self.word)
        m.submodules.assembler = assembler = UnitAssembler(self.config, self.word)
        if isinstance(reader, StreamReader):
            wiring.connect(m, reader.read, wiring.flipped(self.read))
            source = [
                reader.base.eq(self.base),
                reader.busy.eq(header.busy),
                reader.data.eq(self.data),
                reader.data_valid.eq(self.data_valid),
            ]
        else:
            wiring.connect(m, wiring.flipped(self.words), reader.words)
            count = Mux(header.i.ready, header_take(self.word), counter.count)
            source = [reader.count.eq(count), assembler.count.eq(counter.count)]
        for part in (reader, header, assembler):
            m.d.comb += part.start.eq(self.start)
        for taker in (header, counter):  # never ready at once
            m.d.comb += [taker.i.valid.eq(reader.o.valid), taker.i.payload.eq(reader.o.payload)]
        m.d.comb += [
            *source,
            reader.o.ready.eq(header.i.ready | counter.i.ready),
            header.passes_done.eq(self.passes_done),
            header.next_addr.eq(assembler.next_addr),
            header.next_unit.eq(counter.unit_used),
            counter.packet.eq(header.packet),
            counter.compare.eq(header.compare),
            counter.payload.eq(header.payload),
            counter.room.eq(self.room),
            assembler.packet.eq(header.packet),
            assembler.word.eq(reader.o.payload),
            assembler.used.eq(counter.used),
            assembler.unit_used.eq(counter.unit_used),
            self.busy.eq(header.busy),
            self.error.eq(header.error),
        ]
        self._deliver(m, assembler)
        self._image(m, header, counter, assembler)
        if self.config.spill:
            self._store(m, header, counter, assembler)
        return m

    def _unit(self, assembler: UnitAssembler, kind: PacketKind) -> Value:
        """The unit of a packet of this kind: the upper end of what is put together."""
        return assembler.unit[len(assembler.unit) - 16 * unit_halfwords(self.config, kind) :]

    def _deliver(self, m: Module, assembler: UnitAssembler) -> None:
        """Units to memories and queues that take them at once."""
        valid, addr = assembler.valid, assembler.place.addr
        halfword = assembler.unit[-16:]
        m.d.comb += [
            self.weights.valid.eq(valid.weights),
            self.weights.addr.eq(addr),
            self.weights.data.eq(self._unit(assembler, PacketKind.WEIGHTS)),
            self.parameters.valid.eq(valid.parameters),
            self.parameters.addr.eq(addr),
            self.parameters.data.eq(self._unit(assembler, PacketKind.PARAMETERS)),
            self.window.valid.eq(valid.window),
            self.window.addr.eq(addr),
            self.window.data.eq(self._unit(assembler, PacketKind.WINDOW)),
            self.push.valid.eq(valid.descriptor),
            self.push.data.eq(halfword),
            self.table.valid.eq(valid.table),
            self.table.addr.eq(addr),
            self.table.data.eq(halfword),
        ]

    def _image(self, m: Module, header: PacketHeader, counter: PayloadCounter, assembler: UnitAssembler) -> None:
        m.submodules.image = image = ImagePort()
        m.d.comb += [
            image.entered.eq(counter.unit_used & header.packet.kind.image),
            image.valid.eq(assembler.valid.image),
            image.place.eq(assembler.place),
            image.unit.eq(self._unit(assembler, PacketKind.IMAGE)),
            counter.image_full.eq(image.full),
            header.image_waits.eq(image.waits),
        ]
        wiring.connect(m, image.o, wiring.flipped(self.image))

    def _store(self, m: Module, header: PacketHeader, counter: PayloadCounter, assembler: UnitAssembler) -> None:
        m.submodules.store = store = StorePort()
        m.d.comb += [
            store.start.eq(self.start),
            store.entered.eq(counter.unit_used & header.packet.kind.store),
            store.valid.eq(assembler.valid.store),
            store.place.eq(assembler.place),
            store.unit.eq(self._unit(assembler, PacketKind.STORE)),
            store.done.eq(self.stored),
            self.store.eq(store.command),
            header.hold.eq(store.hold),
        ]
