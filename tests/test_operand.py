"""Operand fetch: values and exact cycles for every number of array columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from hw.config import RingConfig
from hw.operand import OperandFetch
from sim.bench.harness import simulate
from tests.benches.passes import bench_environment


@pytest.mark.parametrize(("rows", "cols", "latency"), [(13, 12, 6), (9, 16, 6), (4, 8, 5), (2, 4, 6)])
def test_operand(bench_dir: Path, rows: int, cols: int, latency: int) -> None:
    simulate(
        OperandFetch(RingConfig(rows=rows, cols=cols), latency),
        name=f"operand-{rows}x{cols}",
        test_module="tests.benches.bench_operand",
        build_dir=bench_dir,
        env=bench_environment({"rows": rows, "cols": cols}, LATENCY=latency),
    )
