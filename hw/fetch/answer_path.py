"""Last part of the fetch: what comes out of the memory becomes words or columns, with padding, behind a FIFO."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.fetch.column import column_layout
from hwgen.hw.fetch.four_rows import WINDOW_ROWS
from hwgen.hw.fetch.read_stage import ReadFlags
from hwgen.hw.isa.config import WORD_BYTES, CoreConfig
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from hwgen.hw.lib.fifo import StreamFifo
from hwgen.hw.memory.activation_memory import BANK_BITS, BankWords

FIFO_DEPTH = 16
"""Beats under way or waiting at most."""


def answer_latency(read_latency: int) -> int:
    """Cycles from a read to its beat at the output, if none waits there: its bytes, the padding, the FIFO."""
    return read_latency + 1 + StreamFifo.LATENCY


def word_stream() -> stream.Signature:
    """Words of the activation memory."""
    return stream.Signature(data.StructLayout({"data": 8 * WORD_BYTES}))


class AnswerPath(wiring.Component):
    """Selects each row's bytes from its bank, puts `fill` for what lies outside, and keeps the beats until they are taken.

    Parameters:
        config: `window_lanes` (L), `partial_depth`.
        read_latency: of the activation memory, at least 2.

    Members:
        descriptor : In(Descriptor), stable from the cycle before the first read until the last beat is taken.
        valid : In(1), there is a read: at most FIFO_DEPTH of them without beats taken, for nothing holds them up.
        flags : In(ReadFlags), of the read.
        read_data : In(BankWords), its words `read_latency` cycles later.
        o_word : Out(stream {data: 64}), beats in TAP; o_column : Out(stream of column_layout(L)), in other modes.
        returned : Out(1), a beat is taken in this cycle.

    Timing: a read of cycle t is offered at the output in cycle t + answer_latency(read_latency) if no other beat waits there; one per
    cycle. `returned` depends on `o_word.ready` and `o_column.ready` of the same cycle.
    """

    def __init__(self, config: CoreConfig, read_latency: int) -> None:
        self._config, self._read_latency = config, read_latency
        self._layout = column_layout(config.window_lanes, config.partial_depth > 0)
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "valid": In(1),
                "flags": In(ReadFlags),
                "read_data": In(BankWords),
                "o_word": Out(word_stream()),
                "o_column": Out(stream.Signature(self._layout)),
                "returned": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes = self._config.window_lanes
        tap = Signal()
        m.d.sync += tap.eq(self.descriptor.mode == FeedMode.TAP)
        in_flight = Signal(self._read_latency + 1)
        m.d.sync += in_flight.eq(Cat(self.valid, in_flight))
        flags = self.flags
        for i in range(self._read_latency - 1):
            later = Signal(ReadFlags, name=f"flags{i}", reset_less=True)
            m.d.sync += later.eq(flags)
            flags = later

        # A cycle ahead of the data: where each row's bytes are. TAP with half words takes the upper half as row 1.
        halves = WORD_BYTES // lanes
        select = data.StructLayout({"bank": BANK_BITS, "half": 1})
        places = [Signal(select, name=f"place{i}", reset_less=True) for i in range(WINDOW_ROWS)]
        arrived, ready = (Signal(ReadFlags, name=name, reset_less=True) for name in ("arrived", "ready"))
        m.d.sync += [arrived.eq(flags), ready.eq(arrived)]
        for i, place in enumerate(places):
            m.d.sync += [
                place.bank.eq(flags.bank + Mux(tap, 0, i)),
                place.half.eq(Mux(tap, i % halves, flags.odd)),
            ]
        m.submodules.fifo = fifo = StreamFifo(self._layout, FIFO_DEPTH)
        column = fifo.i.payload
        for i, place in enumerate(places):
            word = Signal(8 * lanes, name=f"word{i}", reset_less=True)
            m.d.sync += word.eq(self.read_data[place.bank].word_select(place.half[: halves - 1], 8 * lanes))
            m.d.comb += column.rows[i].eq(Mux(ready.fill[i], self.descriptor.fill.replicate(lanes), word))
        m.d.comb += [column[name].eq(ready[name]) for name in self._layout.members if name != "rows"]
        out = fifo.o.payload
        m.d.comb += [
            fifo.i.valid.eq(in_flight[-1]),
            self.o_word.valid.eq(fifo.o.valid & tap),
            self.o_word.payload.data.eq(Cat(*(out.rows[i] for i in range(halves)))),
            self.o_column.valid.eq(fifo.o.valid & ~tap),
            self.o_column.payload.eq(out),
            fifo.o.ready.eq(Mux(tap, self.o_word.ready, self.o_column.ready)),
            self.returned.eq((self.o_word.valid & self.o_word.ready) | (self.o_column.valid & self.o_column.ready)),
        ]
        return m
