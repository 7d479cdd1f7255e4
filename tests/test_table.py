"""Table: identity before it is written, look-up and by-pass side by side, exact latency."""

from __future__ import annotations

from pathlib import Path

from hw.table import Table
from sim.bench.harness import ROOT, simulate


def test_table(bench_dir: Path) -> None:
    assert Table.LATENCY == 3
    simulate(
        Table(3),
        name="table",
        test_module="tests.benches.bench_table",
        build_dir=bench_dir,
        sources=[ROOT / "sim/models/DP16KD.v"],
    )
