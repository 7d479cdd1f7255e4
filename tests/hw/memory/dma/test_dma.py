"""DMA on the real controller and memory model: every write of every packet, in the predicted cycle."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.packets import PacketKind
from hwgen.hw.memory.dma.units import unit_halfwords
from hwgen.hw.memory.row_store import WRITE_PERIOD
from hwgen.sim.frame.sdram_chip import SDRAM_SOURCE
from hwgen.sim.harness.runner import simulate
from hwgen.sim.timing.sdram import SdramTiming
from hwgen.sim.timing.stream import StreamTiming
from tests.support.dma_stream import BASE, sdram_content
from tests.support.dma_system import CONFIGS, MEMORIES, SDRAM, DmaSystem

CASES = [
    *((name, "same") for name in CONFIGS),
    ("12x4", "4:3"),
    ("8x8", "6:5"),
    pytest.param("4x4", "2:1", marks=pytest.mark.long),
    pytest.param("12x4", "8:7", marks=pytest.mark.long),
]


@pytest.mark.parametrize(("name", "memory"), CASES)
def test_dma(name: str, memory: str, bench_dir: Path, tmp_path: Path) -> None:
    content = tmp_path / "sdram.hex"
    content.write_text(sdram_content(CONFIGS[name]))
    simulate(
        DmaSystem(CONFIGS[name], MEMORIES[memory]),
        name=f"dma_{name}",
        test_module="tests.cocotb.bench_dma",
        build_dir=bench_dir,
        sources=[SDRAM_SOURCE],
        plusargs=[f"+sdram_hex={content}"],
        env={"DMA_CONFIG": name, "DMA_MEMORY": memory},
    )


def test_streaming_is_as_fast_as_the_memory_and_quick_to_predict() -> None:
    stream = StreamTiming(SdramTiming(SDRAM), 0, BASE)
    begin = time.perf_counter()
    for _ in range(1000):
        last = stream.packet(200 * unit_halfwords(CoreConfig(), PacketKind.WEIGHTS))
    assert time.perf_counter() - begin < 5
    halfwords = 1000 * (4 + 200 * 6)
    assert halfwords / last > 0.97
    firsts = SdramTiming(SDRAM).linear(BASE, halfwords // 8)
    assert np.abs(last - (firsts[-1] + 7)) < 40


def test_stores_end_when_each_halfword_in_turn_would() -> None:
    """A row in one go and halfword by halfword, over pages and refreshes; both leave the controller in the same state."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        whole, single = SdramTiming(SDRAM), SdramTiming(SDRAM)
        cycle = int(rng.integers(0, 2000))
        for count in rng.integers(1, 3000, 3).tolist():
            addr = int(rng.integers(0, 1 << 20))
            last = whole.write_linear(addr, count, cycle, WRITE_PERIOD)
            step = cycle
            for i in range(count):
                taken = single.write_linear(addr + i, 1, step, WRITE_PERIOD)
                step = taken + WRITE_PERIOD
            assert last == taken
            cycle = last + int(rng.integers(1, 40))
            assert whole.read(cycle, addr) == single.read(cycle, addr)
    with pytest.raises(ValueError, match="period must be at least 2, not 1"):
        SdramTiming(SDRAM).write_linear(0, 1, 0, 1)


def test_base_must_be_aligned() -> None:
    with pytest.raises(ValueError, match="base must be a multiple of 8, not 4"):
        StreamTiming(SdramTiming(SDRAM), 0, 4)
