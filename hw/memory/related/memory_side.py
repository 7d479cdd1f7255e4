"""The memory's side of the crossing: controller, requests of bursts, and the place of each halfword that comes."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.memories import FIFO_DEPTH
from hwgen.hw.memory.related.burst_requester import BurstRequester
from hwgen.hw.memory.related.common_edge import CommonEdge
from hwgen.hw.memory.related.frame_starter import FrameStarter
from hwgen.hw.memory.related.signals import to_core, to_memory
from hwgen.hw.memory.sdram import SdramController, sdram_pins
from hwgen.hw.memory.sdram_config import SdramConfig


class MemorySide(wiring.Component):
    """Everything that runs on the memory's clock; to be put into its domain.

    Parameters:
        config: memory, clocks and word.

    Members:
        turn : In(1), of `Turn`.
        i : In(to_memory(word)), captured at common edges; o : Out(to_core(word)), registers.
        store : Out({valid, place(range(FIFO_DEPTH)), data(16)}), a halfword for the memory that the core's side reads.
        pins : Out(sdram_pins(config.part)).

    Timing: `arrived` counts a word from the cycle after the one in which its last halfword is stored, which is that of the controller's
    `data_valid`. A frame's first request comes in the cycle after `FrameStarter.started`, in which `started` changes too.
    """

    def __init__(self, config: SdramConfig) -> None:
        self._config = config
        store = data.StructLayout({"valid": 1, "place": range(FIFO_DEPTH), "data": 16})
        super().__init__(
            {
                "turn": In(1),
                "i": In(to_memory(config.word)),
                "o": Out(to_core(config.word)),
                "store": Out(store),
                "pins": Out(sdram_pins(config.part)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word = self._config.word
        m.submodules.edge = edge = CommonEdge(self._config.ratio.memory)
        m.submodules.controller = controller = SdramController(self._config)
        m.submodules.starter = starter = FrameStarter()
        m.submodules.requester = requester = BurstRequester(word)
        wiring.connect(m, controller.pins, wiring.flipped(self.pins))

        start, ask, running = Signal(2), Signal(2), Signal(2)  # as captured, and a cycle before
        taken = Signal.like(requester.taken)
        with m.If(edge.last):
            m.d.sync += [
                start[0].eq(self.i.start),
                ask[0].eq(self.i.ask),
                running[0].eq(self.i.running),
                taken.eq(self.i.taken),
            ]
        m.d.sync += [start[1].eq(start[0]), ask[1].eq(ask[0]), running[1].eq(running[0])]
        m.d.comb += [
            edge.turn.eq(self.turn),
            starter.start.eq(start.xor()),
            starter.last.eq(edge.last),
            starter.frame_ready.eq(controller.frame_ready),
            controller.start_frame.eq(starter.start_frame),
            requester.start.eq(starter.started),
            requester.base.eq(self.i.base),
            requester.stop.eq(running[1] & ~running[0]),
            requester.taken.eq(taken),
        ]
        m.d.sync += self.o.initialised.eq(controller.initialised)
        with m.If(starter.started):
            m.d.sync += self.o.started.eq(~self.o.started)
        self._host(m, controller, requester, asked=ask.xor())

        place = Signal(range(2 * FIFO_DEPTH))
        with m.If(controller.data_valid):
            m.d.sync += place.eq(place + 1)
        m.d.comb += [
            self.store.valid.eq(controller.data_valid),
            self.store.place.eq(place),
            self.store.data.eq(controller.data),
            self.o.arrived.eq(place >> (word - 1).bit_length()),
        ]
        return m

    def _host(self, m: Module, controller: SdramController, requester: BurstRequester, *, asked: Signal) -> None:
        """Requests of the host, which come while no frame is under way, one at a time."""
        request = self.i.request
        reads, writes = Signal(), Signal()
        with m.If(asked):
            m.d.sync += [reads.eq(~request.is_write), writes.eq(request.is_write)]
        m.d.comb += [
            controller.read.valid.eq(requester.read.valid | reads),
            controller.read.payload.eq(requester.read.payload),
            requester.read.ready.eq(controller.read.ready),
            controller.write.valid.eq(writes),
            controller.write.payload.eq(request.write),
        ]
        with m.If(reads):
            m.d.comb += controller.read.payload.eq(request.write.addr)
        with m.If((reads & controller.read.ready) | (writes & controller.write.ready)):
            m.d.sync += [reads.eq(0), writes.eq(0), self.o.answered.eq(~self.o.answered)]
