"""Table: identity before it is written, look-up and by-pass side by side, exact latency."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hw.lib.table import Table, check_tables
from hwgen.sim.harness.runner import MODELS, simulate
from tests.support.resident_tables import resident_tables


def test_table(bench_dir: Path) -> None:
    assert Table.LATENCY == 3
    simulate(
        Table(3),
        name="table",
        test_module="tests.cocotb.bench_table",
        build_dir=bench_dir,
        sources=[MODELS / "ecp5" / "DP16KD.v"],
    )


def test_resident_tables(bench_dir: Path) -> None:
    """Three tables from power-on, chosen by number, and the value itself beside them."""
    simulate(
        Table(2, 4, resident_tables(3)),
        name="table-resident",
        test_module="tests.cocotb.bench_resident_table",
        build_dir=bench_dir,
        sources=[MODELS / "ecp5" / "DP16KD.v"],
    )


def test_too_many_tables() -> None:
    with pytest.raises(ValueError, match="resident must have at most 3 tables, not 4"):
        check_tables(4, resident_tables(4))
