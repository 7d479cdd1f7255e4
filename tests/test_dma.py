"""DMA on the real controller and memory model: every write of every packet, in the predicted cycle."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.config import RingConfig
from hw.descriptor import PacketKind
from hw.dma import Dma, unit_halfwords
from hw.sdram import SdramController
from hw.sdram_config import SdramConfig
from sim.bench.harness import simulate
from sim.sdram_chip import SDRAM_SOURCE, SdramChip
from sim.sdram_timing import SdramTiming
from sim.stream_timing import StreamTiming
from tests.benches.dma_stream import BASE, sdram_content

SDRAM = SdramConfig(100_000_000, 2, init_us=2)
CONFIGS = {
    "12x4": RingConfig(),
    "8x8": RingConfig(cols=8, window_lanes=8),
    "4x4": RingConfig(cols=4),
}


class DmaSystem(wiring.Component):
    """DMA, controller, memory; a strobe of `start_frame` leads to the DMA's start."""

    def __init__(self, config: RingConfig) -> None:
        self.dma = Dma(config)
        members = {
            name: member
            for name, member in self.dma.signature.members.items()
            if name not in ("start", "read", "data", "data_valid")
        }
        super().__init__(
            {
                **members,
                "start_frame": In(1),
                "started": Out(1),
                "requested": Out(1),
                "initialised": Out(1),
                "violations": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.dma = dma = self.dma
        m.submodules.controller = controller = SdramController(SDRAM)
        m.submodules.chip = chip = SdramChip(SDRAM, depth=1 << 16)
        wiring.connect(m, controller.pins, chip.pins)
        wiring.connect(m, dma.read, controller.read)
        m.d.comb += [
            dma.start.eq(controller.frame_ready),
            dma.data.eq(controller.data),
            dma.data_valid.eq(controller.data_valid),
            controller.start_frame.eq(self.start_frame),
            self.started.eq(controller.frame_ready),
            self.requested.eq(controller.read.valid & controller.read.ready),
            self.initialised.eq(controller.initialised),
            self.violations.eq(chip.violations),
            self.image.valid.eq(dma.image.valid),
            self.image.payload.eq(dma.image.payload),
            dma.image.ready.eq(self.image.ready),
            dma.base.eq(self.base),
            dma.passes_done.eq(self.passes_done),
            dma.room.eq(self.room),
        ]
        for name in ("weights", "parameters", "window", "push", "table", "busy", "error"):
            m.d.comb += getattr(self, name).eq(getattr(dma, name))
        return m


@pytest.mark.parametrize("name", CONFIGS)
def test_dma(name: str, bench_dir: Path, tmp_path: Path) -> None:
    content = tmp_path / "sdram.hex"
    content.write_text(sdram_content(CONFIGS[name]))
    simulate(
        DmaSystem(CONFIGS[name]),
        name=f"dma_{name}",
        test_module="tests.benches.bench_dma",
        build_dir=bench_dir,
        sources=[SDRAM_SOURCE],
        plusargs=[f"+sdram_hex={content}"],
        env={"DMA_CONFIG": name},
    )


def test_streaming_is_as_fast_as_the_memory_and_quick_to_predict() -> None:
    stream = StreamTiming(SdramTiming(SDRAM), 0, BASE)
    begin = time.perf_counter()
    for _ in range(1000):
        last = stream.packet(200 * unit_halfwords(RingConfig(), PacketKind.WEIGHTS))
    assert time.perf_counter() - begin < 5
    halfwords = 1000 * (4 + 200 * 6)
    assert halfwords / last > 0.97
    firsts = SdramTiming(SDRAM).linear(BASE, halfwords // 8)
    assert np.abs(last - (firsts[-1] + 7)) < 40


def test_base_must_be_aligned() -> None:
    with pytest.raises(ValueError, match="base must be a multiple of 8, not 4"):
        StreamTiming(SdramTiming(SDRAM), 0, 4)
