"""The SDRAM controller on the memory's clock, as the core sees it from its own."""

from __future__ import annotations

from amaranth.hdl import Cat, DomainRenamer, Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Out

from hwgen.hw.isa.memories import FIFO_DEPTH
from hwgen.hw.memory.clock_ratio import MEMORY_DOMAIN
from hwgen.hw.memory.related.common_edge import Turn
from hwgen.hw.memory.related.core_side import CoreSide, core_members
from hwgen.hw.memory.related.memory_side import MemorySide
from hwgen.hw.memory.sdram import sdram_pins
from hwgen.hw.memory.sdram_config import SdramConfig


class RelatedSdram(wiring.Component):
    """Takes the place of `SdramController` and of the DMA's reader of bursts.

    Every register that one side has from the other is captured at common edges only, a whole cycle of its source's clock after it could
    change last, and is kept until the next one: no synchroniser, and every cycle is known. Halfwords go into a memory that is written with
    the memory's clock and read by the core, when the count of words in it has crossed.

    Needs the domains `memory` and `common` besides `sync`; the edges of `common` are those that both others have in common,
    `config.ratio.core` and `config.ratio.memory` cycles apart.

    Parameters:
        config: memory, clocks and word.

    Members:
        words, running, base, start_frame, frame_ready, initialised, read, write, data, data_valid: as of `CoreSide`.
        pins : Out(sdram_pins(config.part)), of the domain `memory`.

    Timing: `sim/timing/word_stream.py` has the cycle of every word; it says what decides it. The host's requests take some
    common periods each.
    """

    def __init__(self, config: SdramConfig) -> None:
        self.config = config
        super().__init__(
            {
                **core_members(config.word),
                "pins": Out(sdram_pins(config.part)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word = self.config.word
        m.submodules.turn = turn = Turn()
        m.submodules.core_side = core = CoreSide(self.config)
        memory = MemorySide(self.config)
        m.submodules.memory_side = DomainRenamer(MEMORY_DOMAIN)(memory)
        m.d.comb += [
            core.turn.eq(turn.turn),
            memory.turn.eq(turn.turn),
            memory.i.eq(core.o),
            core.i.eq(memory.o),
            core.running.eq(self.running),
            core.base.eq(self.base),
            core.start_frame.eq(self.start_frame),
            self.frame_ready.eq(core.frame_ready),
            self.initialised.eq(core.initialised),
            self.data.eq(core.data),
            self.data_valid.eq(core.data_valid),
        ]
        wiring.connect(m, memory.pins, wiring.flipped(self.pins))
        wiring.connect(m, core.words, wiring.flipped(self.words))
        wiring.connect(m, wiring.flipped(self.read), core.read)
        wiring.connect(m, wiring.flipped(self.write), core.write)

        lane_bits = (word - 1).bit_length()
        contents = []
        for i in range(word):
            m.submodules[f"lane_{i}"] = lane = Memory(shape=16, depth=FIFO_DEPTH // word, init=[])
            write, read = lane.write_port(domain=MEMORY_DOMAIN), lane.read_port(domain="comb")
            m.d.comb += [
                write.en.eq(memory.store.valid & (memory.store.place[:lane_bits] == i)),
                write.addr.eq(memory.store.place[lane_bits:]),
                write.data.eq(memory.store.data),
                read.addr.eq(core.place),
            ]
            contents.append(read.data)
        m.d.comb += core.content.eq(Cat(contents))
        return m
