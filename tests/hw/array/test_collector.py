"""Collector with its requantiser lanes, lane parameters and table: values and exact cycles for several shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from amaranth import Module, Signal
from amaranth.sim import Simulator

from hwgen.hw.array.collector import Collector, chunk_of_column_0, collector_latency
from hwgen.hw.array.lane_parameters import check_shape
from hwgen.hw.isa.config import CoreConfig
from hwgen.sim.harness.runner import MODELS, simulate


@pytest.mark.parametrize(
    ("rows", "cols", "table", "depth", "fifo", "combine"),
    [(13, 12, False, 1024, 64, 0), (2, 4, True, 512, 6, 0), (9, 16, False, 1536, 27, 2), (4, 8, True, 512, 13, 0)],
)
def test_collector(bench_dir: Path, rows: int, cols: int, table: bool, depth: int, fifo: int, combine: int) -> None:
    config = CoreConfig(
        rows=rows,
        cols=cols,
        array_table=table,
        parameter_depth=depth,
        segment_fifo=fifo,
        array_clamp_bits=24 if cols > 4 else 22,
        combine_lanes=combine,
    )
    component = Collector(config)
    assert component.latency == collector_latency(config) == cols + 13 + 3 * table + 5
    env = {
        "ROWS": rows,
        "COLS": cols,
        "ACC_BITS": config.acc_bits,
        "CLAMP_BITS": config.array_clamp_bits,
        "LATENCY": component.latency,
        "READY": component.READY,
        "DEPTH": depth,
        "FIFO": fifo,
        "TABLE": int(table),
        "COMBINE_READY": component.COMBINE_READY if combine else 0,
    }
    simulate(
        component,
        name="collector",
        test_module="tests.cocotb.bench_collector",
        build_dir=bench_dir,
        env={key: str(value) for key, value in env.items()},
        sources=[MODELS / "ecp5" / "DP16KD.v"],
    )


def test_a_pass_begins_with_a_chunk_s_first_row() -> None:
    """Wherever the one before it has ended."""
    m = Module()
    start, valid = Signal(), Signal()
    chunk = chunk_of_column_0(m, 5, start=start, valid=valid)
    seen: list[int] = []

    async def bench(ctx: Any) -> None:
        for results in (2 * 5 + 3, 4 * 5):
            ctx.set(start, 1)
            await ctx.tick()
            ctx.set(start, 0)
            ctx.set(valid, 1)
            for _ in range(results):
                seen.append(ctx.get(chunk))
                await ctx.tick()
            ctx.set(valid, 0)

    simulator = Simulator(m)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == [0] * 5 + [1] * 5 + [2] * 3 + [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5


def test_shape_is_checked() -> None:
    with pytest.raises(ValueError, match="cols must be at most 2 \\* rows = 10, not 12"):
        check_shape(CoreConfig(rows=5, cols=12))
