"""Command unit: what it says of every header, and what becomes of payload."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hw.host.command_unit import CommandUnit
from hwgen.sim.harness.runner import simulate


@pytest.mark.parametrize("sdram", [True, False])
def test_command_unit(sdram: bool, bench_dir: Path) -> None:
    simulate(
        CommandUnit(sdram=sdram),
        name=f"command_unit_{int(sdram)}",
        test_module="tests.cocotb.bench_command_unit",
        build_dir=bench_dir,
        env={"SDRAM": str(int(sdram))},
    )
