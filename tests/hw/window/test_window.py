"""Window: values and exact cycles in all modes for several shapes; a wrong model is noticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import FeedMode, WindowOp
from hwgen.hw.window.cycles import window_latency
from hwgen.hw.window.window import Window
from hwgen.sim.harness.runner import MODELS, simulate
from tests.support.window_tables import window_tables, words

LANES_4 = CoreConfig(window_lanes=4)
LANES_8 = CoreConfig(window_lanes=8, window_clamp_bits=23, window_depth=1536, window_table=True)


def run(
    config: CoreConfig,
    bench_dir: Path,
    mutation: str = "",
    testcase: str | None = None,
    bench: str = "bench_window",
) -> None:
    env = {
        "LANES": str(config.window_lanes),
        "CLAMP_BITS": str(config.window_clamp_bits),
        "DEPTH": str(config.window_depth),
        "TABLE": str(int(config.window_table)),
        "TABLE_SLOTS": str(config.table_slots),  # more than two: all are there from power-on
        "PARTIAL_DEPTH": str(config.partial_depth),
        "STRIPED_SUMS": str(int(config.striped_sums)),
        "MUTATION": mutation,
    }
    simulate(
        Window(
            config,
            tables=[words(table) for table in window_tables(config.table_slots)] if config.table_slots > 2 else (),
        ),
        name="window",
        test_module=f"tests.cocotb.{bench}",
        build_dir=bench_dir,
        env=env,
        sources=[MODELS / "ecp5" / "DP16KD.v"],
        testcase=testcase,
    )


BLOCKS = CoreConfig(
    window_lanes=4, row_steps=True, partial_depth=512, window_depth=4096, window_table=True, table_slots=4
)


@pytest.mark.parametrize("config", [LANES_4, LANES_8, BLOCKS], ids=["lanes4", "lanes8_table", "blocks"])
def test_window(bench_dir: Path, config: CoreConfig) -> None:
    run(config, bench_dir)


def test_short_blocks(bench_dir: Path) -> None:
    run(BLOCKS, bench_dir, bench="bench_window_blocks")


@pytest.mark.parametrize("config", [LANES_4, BLOCKS], ids=["plain", "blocks"])
def test_striped_sums(bench_dir: Path, config: CoreConfig) -> None:
    config = replace(config, striped_sums=True)
    run(config, bench_dir, bench="bench_window_sums")
    run(config, bench_dir, testcase="exact_cycles")


@pytest.mark.parametrize("mutation", ["weight", "maximum", "latency", "period"])
def test_a_wrong_model_is_noticed(bench_dir: Path, mutation: str) -> None:
    with pytest.raises(AssertionError, match="1 of 1 tests failed"):
        run(LANES_4, bench_dir, mutation, "exact_cycles")


def test_latency() -> None:
    assert window_latency(LANES_4, WindowOp.MAC) == window_latency(LANES_4, WindowOp.AVERAGE) == 27
    assert window_latency(LANES_4, WindowOp.MAX, FeedMode.SUM) == 27
    assert window_latency(LANES_4, WindowOp.MAX) == window_latency(LANES_8, WindowOp.MAX) == 9
    assert window_latency(LANES_8, WindowOp.MAC) == 30
