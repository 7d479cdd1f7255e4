"""The row writer against its model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.output.row_writer import RowWriter
from hwgen.sim.elements.row_writer import REQUEST_DELAY
from hwgen.sim.harness.runner import simulate
from tests.support.passes import bench_environment


@pytest.mark.parametrize(("window_lanes", "write_to_read"), [(4, 3), (8, 0)])
def test_row_writer(window_lanes: int, write_to_read: int, bench_dir: Path) -> None:
    assert RowWriter.REQUEST_DELAY == REQUEST_DELAY
    shape: dict[str, Any] = {"window_lanes": window_lanes}
    simulate(
        RowWriter(CoreConfig(**shape), write_to_read),
        name=f"row-writer-{window_lanes}",
        test_module="tests.cocotb.bench_row_writer",
        build_dir=bench_dir,
        env=bench_environment(shape, WRITE_TO_READ=write_to_read),
    )
