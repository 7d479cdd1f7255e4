"""The core's side of the crossing: words of the command stream, and the host's requests one at a time."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.memories import FIFO_DEPTH
from hwgen.hw.memory.related.common_edge import CommonEdge
from hwgen.hw.memory.related.signals import to_core, to_memory
from hwgen.hw.memory.sdram import SdramWrite
from hwgen.hw.memory.sdram_config import ADDRESS_BITS, BURST, SdramConfig


def core_members(word: int) -> dict[str, wiring.Member]:
    """What DMA and host see of a memory whose words have so many halfwords; see `CoreSide`."""
    return {
        "words": Out(stream.Signature(16 * word)),
        "running": In(1),
        "base": In(ADDRESS_BITS),
        "start_frame": In(1),
        "frame_ready": Out(1),
        "initialised": Out(1),
        "read": In(stream.Signature(unsigned(ADDRESS_BITS))),
        "write": In(stream.Signature(SdramWrite)),
        "data": Out(16),
        "data_valid": Out(1),
    }


class CoreSide(wiring.Component):
    """Takes words while the DMA reads. Outside of that the halfwords of a burst that the host has asked for go to it, and words that the
    DMA had no use for are dropped.

    Parameters:
        config: clocks and word.

    Members:
        turn : In(1), of `Turn`.
        o : Out(to_memory(word)), registers; i : In(to_core(word)), captured at common edges.
        place : Out(range(FIFO_DEPTH // word)), of a word in the memory that the memory's side stores halfwords in; content : In(16 * word).
        words : Out(stream of words), to the DMA.
        running : In(1), the DMA reads; base : In(24).
        start_frame, frame_ready, initialised, read, write, data, data_valid: as of `SdramController`; requests come outside of frames only.

    Timing: `frame_ready` comes in the cycle behind a common edge. A word is offered from the first cycle of a common period on that begins
    with or after the cycle behind the one in which `arrived` counts it.
    """

    def __init__(self, config: SdramConfig) -> None:
        self._config = config
        word = config.word
        super().__init__(
            {
                "turn": In(1),
                "o": Out(to_memory(word)),
                "i": In(to_core(word)),
                "place": Out(range(FIFO_DEPTH // word)),
                "content": In(16 * word),
                **core_members(word),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.edge = edge = CommonEdge(self._config.ratio.core)
        started, answered = Signal(2), Signal()
        arrived = Signal.like(self.i.arrived)
        with m.If(edge.last):
            m.d.sync += [
                started[0].eq(self.i.started),
                answered.eq(self.i.answered),
                self.initialised.eq(self.i.initialised),
                arrived.eq(self.i.arrived),
            ]
        m.d.sync += [started[1].eq(started[0]), self.o.running.eq(self.running), self.o.base.eq(self.base)]
        m.d.comb += [edge.turn.eq(self.turn), self.frame_ready.eq(started.xor())]
        with m.If(self.start_frame):
            m.d.sync += self.o.start.eq(~self.o.start)

        taken, waits, used_up, drop = self.o.taken, Signal(), Signal(), Signal()
        m.d.comb += [
            waits.eq(arrived != taken),
            self.place.eq(taken),
            self.words.valid.eq(waits & self.running),
            self.words.payload.eq(self.content),
        ]
        self._to_host(m, waits, used_up, drop)
        with m.If(drop):
            m.d.sync += taken.eq(arrived)
        with m.Elif((self.words.valid & self.words.ready) | used_up):
            m.d.sync += taken.eq(taken + 1)
        self._ask(m, answered)
        return m

    def _to_host(self, m: Module, waits: Signal, used_up: Signal, drop: Signal) -> None:
        """A halfword a cycle of the burst that the host has asked for; it comes after the answer to the request."""
        left = Signal(range(BURST + 1))  # halfwords of the host's burst
        lane = Signal(range(self._config.word))
        shown = Signal()
        m.d.comb += [
            shown.eq(waits & ~self.running & (left != 0)),
            used_up.eq(shown & (lane == self._config.word - 1)),
            drop.eq(~self.running & (left == 0)),
        ]
        with m.If(shown):
            m.d.sync += [lane.eq(lane + 1), left.eq(left - 1)]
        with m.If(self.read.ready):
            m.d.sync += left.eq(BURST)
        m.d.sync += [self.data.eq(self.content.word_select(lane, 16)), self.data_valid.eq(shown)]

    def _ask(self, m: Module, answered: Signal) -> None:
        """A request of the host is handed over, and taken when the memory's side has answered."""
        asking, done = Signal(), Signal()
        is_write = self.o.request.is_write
        m.d.comb += [
            done.eq(asking & (answered == self.o.ask)),
            self.read.ready.eq(done & ~is_write),
            self.write.ready.eq(done & is_write),
        ]
        with m.If(done):
            m.d.sync += asking.eq(0)
        with m.If(~asking & (self.read.valid | self.write.valid)):
            m.d.sync += [
                asking.eq(1),
                self.o.ask.eq(~self.o.ask),
                is_write.eq(~self.read.valid),
                self.o.request.write.eq(self.write.payload),
                self.o.request.write.addr.eq(Mux(self.read.valid, self.read.payload, self.write.payload.addr)),
            ]
