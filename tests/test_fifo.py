"""Stream FIFO: exact latency, order and capacity under idle and stall patterns."""

from __future__ import annotations

from pathlib import Path

import pytest

from hw.fifo import StreamFifo
from sim.bench.harness import simulate


@pytest.mark.parametrize("depth", [2, 16, 17])
def test_fifo(bench_dir: Path, depth: int) -> None:
    assert StreamFifo.LATENCY == 2
    simulate(
        StreamFifo(13, depth),
        name="fifo",
        test_module="tests.benches.bench_fifo",
        build_dir=bench_dir,
        env={"CAPACITY": str(1 + (1 << (depth - 1).bit_length()))},
    )
