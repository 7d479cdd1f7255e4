"""Operand fetch: reads the second operand's pixels in the order in which the array's segments come."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.config import WORD_BYTES, CoreConfig
from hwgen.hw.isa.descriptor import Descriptor
from hwgen.hw.lib.delay import delayed
from hwgen.hw.lib.fifo import StreamFifo
from hwgen.hw.lib.places import count_places
from hwgen.hw.memory.activation_memory import ADDRESS_BITS, BANK_BITS, ReadRequest, memory_port
from hwgen.hw.output.crossbar import plain_words
from hwgen.hw.output.pixel_addresses import PixelAddresses, next_chunk

_WORD_BITS = 8 * WORD_BYTES
AHEAD = 16
"""Words under way or waiting: more than the memory's latency and the queues' together, so that a read starts every cycle."""

START_CYCLES = 6
"""Cycles from `start` to the first segment, beyond its reads and the memory's latency: see `OperandFetch`."""

Request = data.StructLayout({"bank": BANK_BITS, "addr": ADDRESS_BITS, "half": 1})
Word = data.StructLayout({"half": 1, "data": _WORD_BITS})


class OperandFetch(wiring.Component):
    """For tile: for chunk: for pixel: the C bytes at byte `8 * operand_word + chunk * C` of the operand's pixel.

    With `still` all pixels have the operand of the first one, which then is read only for the first pixel of a tile.

    Parameters:
        config: `rows`, `cols`, `combine_lanes`.
        latency: cycles from an accepted read to its word (`ActivationMemory.PORT_B_LATENCY`).

    Members:
        descriptor : In(Descriptor), start : In(1), strobe; ignored without `merge` and `combine`.
        memory : Out(memory_port(ReadRequest)), to the activation memory.
        o : Out(stream of {data: 8 C}).

    Timing: a segment takes W = plain_words(C) reads, one per cycle. If no read is refused and every segment is taken at once, the
    first one is offered latency + W + START_CYCLES cycles after `start` and a further one every W cycles; a missing pixel costs one cycle.
    """

    def __init__(self, config: CoreConfig, latency: int) -> None:
        self._config = config
        self._latency = latency
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "start": In(1),
                "memory": Out(memory_port(ReadRequest)),
                "o": Out(stream.Signature(data.StructLayout({"data": 8 * config.cols}))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d, cols = self.descriptor, self._config.cols
        words = plain_words(cols)
        running = Signal()
        combines = bool(self._config.combine_lanes)

        # Requests: for every pixel the words of the chunk. They wait in a queue, so that nothing here depends on the arbiter's answer.
        step, send, skip = Signal(), Signal(), Signal()
        word_index = Signal(range(max(2, words)))
        # Everything starts with every pass, because that steers so much; but it runs only in those with an operand.
        m.submodules.walk = walk = PixelAddresses(self._config.rows)
        m.d.comb += [
            walk.descriptor.eq(d),
            walk.pointer.eq(d.operand),
            walk.pixel_words.eq(d.operand_pixel_words),
            walk.start.eq(self.start),
            walk.step.eq(step),
        ]
        chunk_word, half = self._chunk_place(m, self.start, step & walk.row_last, step & walk.tile_end)
        room = Signal(init=1)
        bank, pixel, missing = walk.bank, walk.pixel, walk.missing
        if combines:
            bank, pixel, missing = self._still(m, walk, self.start, step)
        last_word = word_index == words - 1
        sent = Signal(Request, reset_less=True)
        sent_valid = Signal()
        m.d.comb += [
            skip.eq(running & missing),
            send.eq(running & ~missing & room),
            step.eq(skip | (send & last_word)),
        ]
        m.d.sync += [
            sent_valid.eq(send),
            sent.bank.eq(bank),
            sent.addr.eq(pixel + chunk_word + word_index),
            sent.half.eq(half),
        ]
        with m.If(send):
            m.d.sync += word_index.eq(Mux(last_word, 0, word_index + 1))
        with m.If(step & walk.pass_end):
            m.d.sync += running.eq(0)
        with m.If(self.start):
            m.d.sync += [running.eq(d.merge | (d.combine.any() if combines else 0)), word_index.eq(0)]
        m.submodules.requests = requests = StreamFifo(Request, AHEAD)
        request = self.memory.request
        m.d.comb += [
            requests.i.valid.eq(sent_valid),  # there is room: no more are under way than the FIFO of answers holds
            requests.i.payload.eq(sent),
            request.valid.eq(requests.o.valid),
            request.bank.eq(requests.o.payload.bank),
            request.addr.eq(requests.o.payload.addr),
            requests.o.ready.eq(self.memory.ready),
        ]

        # Answers come `latency` cycles after the request was taken; `half` waits that long.
        m.submodules.fifo = fifo = StreamFifo(Word, AHEAD)
        m.d.comb += [
            fifo.i.valid.eq(self.memory.read_valid),
            fifo.i.payload.half.eq(delayed(m, requests.o.payload.half, self._latency, "half")),
            fifo.i.payload.data.eq(self.memory.read_data),
        ]
        promised, taken = Signal(range(AHEAD + 1)), Signal()
        m.d.comb += taken.eq(fifo.o.valid & fifo.o.ready)
        count_places(m, promised, room, take=send, give=taken, places=AHEAD)
        self._assemble(m, fifo.o, words)
        return m

    def _still(self, m: Module, walk: PixelAddresses, start: Value, step: Value) -> tuple[Value, Value, Value]:
        """Bank and word address of the present pixel, and whether it has nothing to read, `still` considered."""
        d = self.descriptor
        further = Signal()  # pixels of a tile behind the first one
        with m.If(step):
            m.d.sync += further.eq(d.still & ~walk.row_last)
        with m.If(start):
            m.d.sync += further.eq(0)
        return (
            Mux(d.still, d.operand.slot[:2], walk.bank),
            Mux(d.still, d.operand.addr, walk.pixel),
            walk.missing | further,
        )

    def _chunk_place(self, m: Module, start: Value, chunk_end: Value, tile_end: Value) -> tuple[Signal, Signal]:
        """First word of the present chunk inside a pixel, and whether the chunk begins in the word's upper half."""
        d, cols = self.descriptor, self._config.cols
        word, half = Signal(len(d.operand_word)), Signal()
        with m.If(chunk_end):
            next_chunk(m, word, half, cols)
        with m.If(start | tile_end):
            m.d.sync += [word.eq(d.operand_word), half.eq(0)]
        return word, half

    def _assemble(self, m: Module, words: stream.Interface, count: int) -> None:
        """`count` words to a segment."""
        cols = self._config.cols
        held = [Signal(_WORD_BITS, name=f"held_{i}", reset_less=True) for i in range(count - 1)]
        index = Signal(range(max(2, count)))
        last, free = Signal(), Signal()
        whole = Cat(*held, words.payload.data)
        halved = whole[_WORD_BITS // 2 :][: 8 * cols]
        m.d.comb += [
            last.eq(index == count - 1),
            free.eq(~self.o.valid | self.o.ready),
            words.ready.eq(~last | free),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(words.valid & words.ready):
            m.d.sync += index.eq(Mux(last, 0, index + 1))
            with m.If(last):
                m.d.sync += [
                    self.o.valid.eq(1),
                    self.o.payload.data.eq(Mux(words.payload.half, halved, whole[: 8 * cols])),
                ]
            for i, register in enumerate(held):
                with m.If(index == i):
                    m.d.sync += register.eq(words.payload.data)
