"""Table of open pages against a dictionary, for the largest and the smallest memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hw.memory.sdram_config import SdramPart
from hwgen.hw.memory.sdram_pages import OpenPages
from hwgen.sim.harness.runner import simulate

PARTS = {"32mb": SdramPart(), "2mb": SdramPart(column_bits=8, bank_bits=1, row_bits=11)}


@pytest.mark.parametrize("name", PARTS)
def test_open_pages(name: str, bench_dir: Path) -> None:
    part = PARTS[name]
    simulate(
        OpenPages(part),
        name=f"sdram_pages_{name}",
        test_module="tests.cocotb.bench_sdram_pages",
        build_dir=bench_dir,
        env={"BANK_BITS": str(part.bank_bits), "ROW_BITS": str(part.row_bits)},
    )
