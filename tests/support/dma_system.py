"""The DMA with the controller and the memory that it reads, and the row store behind it."""

from __future__ import annotations

from amaranth.hdl import Cat, DomainRenamer, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.memory.clock_ratio import MEMORY_DOMAIN, ClockRatio
from hwgen.hw.memory.dma.dma import Dma
from hwgen.hw.memory.related.related_sdram import RelatedSdram
from hwgen.hw.memory.row_store import RowStore
from hwgen.hw.memory.sdram import SdramController
from hwgen.hw.memory.sdram_config import ADDRESS_BITS, SdramConfig
from hwgen.sim.frame.sdram_chip import SdramChip

SDRAM = SdramConfig(100_000_000, 2, init_us=2)

MEMORIES = {
    "same": SDRAM,
    "4:3": SdramConfig(140_000_000, init_us=2, ratio=ClockRatio(3, 4)),
    "6:5": SdramConfig(142_857_142, init_us=2, ratio=ClockRatio(5, 6), word=8),
    "2:1": SdramConfig(118_000_000, init_us=2, ratio=ClockRatio(1, 2), word=2),
    "8:7": SdramConfig(100_000_000, 2, init_us=2, ratio=ClockRatio(7, 8)),
}
"""Clocks; those with a ratio have words of every size, and one on either side of those at which tRAS alone decides."""

CONFIGS = {
    "12x4": CoreConfig(),
    "8x8": CoreConfig(cols=8, window_lanes=8),
    "4x4": CoreConfig(cols=4),
    "spill": CoreConfig(cols=8, spill=True),
}

PORT_LATENCY = 7
"""Of the activation memory that rows are stored from."""

Written = data.StructLayout({"valid": 1, "addr": 24, "data": 16})


def stored_word(bank: Value, addr: Value) -> Value:
    """What the activation memory of the bench holds: `tests.support.dma_stream.stored_value` in hardware."""
    place = Cat(addr, bank)
    return Cat(place, ~place, place ^ 0x1234, place ^ 0x0F0F)


class DmaSystem(wiring.Component):
    """DMA, controller, memory, on one clock or on two; a strobe of `start_frame` leads to the DMA's start.

    With `spill`, the row store too, behind an activation memory that accepts a request while `port_ready` is 1; `written` shows what the
    SDRAM controller takes.
    """

    def __init__(self, config: CoreConfig, sdram: SdramConfig = SDRAM) -> None:
        self.sdram = sdram
        self.dma = Dma(config, word=1 if sdram.ratio.same else sdram.word)
        members = {
            name: member
            for name, member in self.dma.signature.members.items()
            if name not in ("start", "read", "data", "data_valid", "words", "base", "store", "stored")
        }
        super().__init__(
            {
                **members,
                "base": In(ADDRESS_BITS),
                "start_frame": In(1),
                "started": Out(1),
                "requested": Out(1),
                "initialised": Out(1),
                "violations": Out(32),
                **({"port_ready": In(1), "written": Out(Written)} if config.spill else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.dma = dma = self.dma
        same = self.sdram.ratio.same
        m.submodules.controller = controller = SdramController(self.sdram) if same else RelatedSdram(self.sdram)
        chip = SdramChip(self.sdram, depth=1 << 16)
        m.submodules.chip = chip if same else DomainRenamer(MEMORY_DOMAIN)(chip)
        wiring.connect(m, controller.pins, chip.pins)
        if isinstance(controller, SdramController):
            wiring.connect(m, dma.read, controller.read)
            m.d.comb += [
                dma.data.eq(controller.data),
                dma.data_valid.eq(controller.data_valid),
                dma.base.eq(self.base),
                self.requested.eq(controller.read.valid & controller.read.ready),
            ]
        else:
            wiring.connect(m, controller.words, dma.words)
            m.d.comb += [controller.running.eq(dma.busy), controller.base.eq(self.base)]
        m.d.comb += [
            dma.start.eq(controller.frame_ready),
            controller.start_frame.eq(self.start_frame),
            self.started.eq(controller.frame_ready),
            self.initialised.eq(controller.initialised),
            self.violations.eq(chip.violations),
            self.image.valid.eq(dma.image.valid),
            self.image.payload.eq(dma.image.payload),
            dma.image.ready.eq(self.image.ready),
            dma.passes_done.eq(self.passes_done),
            dma.room.eq(self.room),
        ]
        for name in ("weights", "parameters", "window", "push", "table", "busy", "error"):
            m.d.comb += getattr(self, name).eq(getattr(dma, name))
        if dma.config.spill:
            self._store(m, dma, controller)
        return m

    def _store(self, m: Module, dma: Dma, controller: SdramController | RelatedSdram) -> None:
        m.submodules.store = store = RowStore()
        wiring.connect(m, store.write, controller.write)
        request = store.memory.request
        accepted: Value = request.valid & self.port_ready
        word: Value = stored_word(request.bank, request.addr)
        for i in range(PORT_LATENCY):
            valid, value = Signal(name=f"answer_{i}"), Signal(64, name=f"answer_data_{i}")
            m.d.sync += [valid.eq(accepted), value.eq(word)]
            accepted, word = valid, value
        m.d.comb += [
            store.command.eq(dma.store),
            store.base.eq(self.base),
            store.memory.ready.eq(self.port_ready),
            store.memory.read_valid.eq(accepted),
            store.memory.read_data.eq(word),
            dma.stored.eq(store.done),
            self.written.valid.eq(controller.write.valid & controller.write.ready),
            self.written.addr.eq(controller.write.payload.addr),
            self.written.data.eq(controller.write.payload.data),
        ]
