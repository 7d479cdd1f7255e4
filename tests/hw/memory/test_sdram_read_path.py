"""Read path at the shortest and the longest latency."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hw.memory.sdram_config import SdramConfig
from hwgen.hw.memory.sdram_read_path import ReadPath
from hwgen.sim.harness.runner import simulate

CONFIGS = [SdramConfig(80_000_000, 2, 0), SdramConfig(125_000_000, 3, 2, pad_registers=2)]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: str(config.read_latency))
def test_read_path(config: SdramConfig, bench_dir: Path) -> None:
    simulate(
        ReadPath(config),
        name=f"sdram_read_path_{config.read_latency}",
        test_module="tests.cocotb.bench_sdram_read_path",
        build_dir=bench_dir,
        env={"READ_LATENCY": str(config.read_latency)},
    )
