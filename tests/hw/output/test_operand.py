"""Operand fetch: values and exact cycles for every number of array columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.output.operand import OperandFetch
from hwgen.sim.harness.runner import simulate
from tests.support.passes import bench_environment


@pytest.mark.parametrize(
    ("rows", "cols", "latency", "combine"), [(13, 12, 6, 0), (9, 16, 6, 4), (5, 8, 5, 0), (3, 4, 6, 2)]
)
def test_operand(bench_dir: Path, rows: int, cols: int, latency: int, combine: int) -> None:
    shape: dict[str, Any] = {"rows": rows, "cols": cols, "combine_lanes": combine}
    simulate(
        OperandFetch(CoreConfig(**shape), latency),
        name=f"operand-{rows}x{cols}",
        test_module="tests.cocotb.bench_operand",
        build_dir=bench_dir,
        env=bench_environment(shape, LATENCY=latency),
    )
