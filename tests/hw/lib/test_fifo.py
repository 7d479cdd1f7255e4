"""Stream FIFOs: exact latency, order and capacity under idle and stall patterns."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hw.lib.fifo import BlockFifo, StreamFifo, block_fifo_latency
from hwgen.sim.harness.runner import MODELS, simulate


@pytest.mark.parametrize("depth", [2, 16, 17])
def test_fifo(bench_dir: Path, depth: int) -> None:
    assert StreamFifo.LATENCY == 2
    simulate(
        StreamFifo(13, depth),
        name="fifo",
        test_module="tests.cocotb.bench_fifo",
        build_dir=bench_dir,
        env={"CAPACITY": str(1 + (1 << (depth - 1).bit_length())), "LATENCY": "2"},
    )


@pytest.mark.parametrize("depth", [2, 16, 65])
def test_block_fifo(bench_dir: Path, depth: int) -> None:
    assert block_fifo_latency(600) == 5
    simulate(
        BlockFifo(13, depth),
        name="block_fifo",
        test_module="tests.cocotb.bench_fifo",
        build_dir=bench_dir,
        env={"CAPACITY": str(BlockFifo.QUEUE + (1 << (depth - 1).bit_length())), "LATENCY": "5"},
        sources=[MODELS / "ecp5" / "DP16KD.v"],
    )
