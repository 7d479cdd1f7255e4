"""Command unit: what it says of every header, and what becomes of payload."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hw.host.command_unit import CommandUnit
from hwgen.sim.harness.runner import simulate


@pytest.mark.parametrize(("halfwords", "depth"), [(1 << 24, 6144), (1 << 22, 1 << 14), (0, 1000)])
def test_command_unit(halfwords: int, depth: int, bench_dir: Path) -> None:
    simulate(
        CommandUnit(halfwords=halfwords, depth=depth),
        name=f"command_unit_{halfwords}_{depth}",
        test_module="tests.cocotb.bench_command_unit",
        build_dir=bench_dir,
        env={"HALFWORDS": str(halfwords), "DEPTH": str(depth)},
    )
