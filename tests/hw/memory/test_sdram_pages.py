"""Table of open pages against a dictionary."""

from __future__ import annotations

from pathlib import Path

from hwgen.hw.memory.sdram_pages import OpenPages
from hwgen.sim.harness.runner import simulate


def test_open_pages(bench_dir: Path) -> None:
    simulate(OpenPages(), name="sdram_pages", test_module="tests.cocotb.bench_sdram_pages", build_dir=bench_dir)
