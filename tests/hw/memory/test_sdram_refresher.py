"""Refresher: initialisation and refreshes to the cycle, at a slow clock and at the fastest."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hw.memory.sdram_config import SdramConfig
from hwgen.hw.memory.sdram_refresher import Refresher
from hwgen.sim.harness.runner import simulate

CONFIGS = {"25": SdramConfig(25_000_000, 2, 0, init_us=1), "142": SdramConfig(142_000_000, 3, 2, init_us=1)}


@pytest.mark.parametrize("name", CONFIGS)
def test_refresher(name: str, bench_dir: Path) -> None:
    config = CONFIGS[name]
    cycles = {
        "RP": config.rp,
        "RFC": config.rfc,
        "MRD": config.part.mrd_cycles,
        "REFRESH_PERIOD": config.refresh_period,
        "INIT_CYCLES": config.init_cycles,
    }
    simulate(
        Refresher(config),
        name=f"sdram_refresher_{name}",
        test_module="tests.cocotb.bench_sdram_refresher",
        build_dir=bench_dir,
        env={key: str(value) for key, value in cycles.items()},
    )
