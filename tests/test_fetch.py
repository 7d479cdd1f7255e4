"""Fetch: values and exact cycles in every mode, for both lane counts and the memory's latencies."""

from __future__ import annotations

from pathlib import Path

import pytest

from hw.config import RingConfig
from hw.fetch import Fetch
from sim.bench.harness import simulate
from sim.elements.fetch import FetchModel, unit_beats, unit_count, unit_cycles, unit_last
from tests.benches.passes import bench_environment


@pytest.mark.parametrize(("lanes", "rows", "read_latency"), [(4, 13, 4), (8, 2, 3), (4, 5, 10)])
def test_fetch(bench_dir: Path, lanes: int, rows: int, read_latency: int) -> None:
    fetch = Fetch(RingConfig(rows=rows, window_lanes=lanes, segment_fifo=64), read_latency)
    assert fetch.latency == read_latency + 5
    simulate(
        fetch,
        name=f"fetch-{lanes}-{read_latency}",
        test_module="tests.benches.bench_fetch",
        build_dir=bench_dir,
        env=bench_environment({"window_lanes": lanes, "rows": rows}, READ_LATENCY=read_latency),
    )
