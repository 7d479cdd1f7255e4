"""The row writer against its model."""

from __future__ import annotations

from pathlib import Path

import pytest

from hw.config import RingConfig
from hw.row_writer import RowWriter
from sim.bench.harness import simulate
from sim.elements.row_writer import REQUEST_DELAY
from tests.benches.passes import bench_environment


@pytest.mark.parametrize(("window_lanes", "write_to_read"), [(4, 3), (8, 0)])
def test_row_writer(window_lanes: int, write_to_read: int, bench_dir: Path) -> None:
    assert RowWriter.REQUEST_DELAY == REQUEST_DELAY
    shape = {"window_lanes": window_lanes}
    simulate(
        RowWriter(RingConfig(**shape), write_to_read),
        name=f"row-writer-{window_lanes}",
        test_module="tests.benches.bench_row_writer",
        build_dir=bench_dir,
        env=bench_environment(shape, WRITE_TO_READ=write_to_read),
    )
