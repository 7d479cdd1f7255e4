"""The feeder against its closed form: every step, strobe and status bit to the cycle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hwgen.hw.array.feeder import Feeder
from hwgen.hw.isa.config import CoreConfig
from hwgen.sim.elements.feeder import PIXELS_DELAY, FeederModel
from hwgen.sim.harness.runner import simulate
from tests.support.passes import bench_environment


@pytest.mark.parametrize(
    ("rows", "segment_fifo", "ring_latency", "weight_latency"), [(2, 6, 3, 2), (3, 16, 3, 3), (5, 15, 2, 4)]
)
def test_feeder(rows: int, segment_fifo: int, ring_latency: int, weight_latency: int, bench_dir: Path) -> None:
    shape: dict[str, Any] = {"rows": rows, "segment_fifo": segment_fifo, "weight_depth": 1024}
    feeder = Feeder(CoreConfig(**shape), ring_latency, weight_latency)
    assert max(ring_latency, weight_latency) == feeder.LATENCY
    assert (feeder.read_delay, feeder.weight_delay) == (feeder.LATENCY - ring_latency, feeder.LATENCY - weight_latency)
    simulate(
        feeder,
        name=f"feeder-{rows}",
        test_module="tests.cocotb.bench_feeder",
        build_dir=bench_dir,
        env=bench_environment(shape, RING_LATENCY=ring_latency, WEIGHT_LATENCY=weight_latency),
    )


def test_steady_state_has_no_bubble() -> None:
    """With pixels and room always there, a chunk takes max(K, 2 R) cycles."""
    for steps, period in ((1, 8), (7, 8), (8, 8), (9, 9), (100, 100)):
        model = FeederModel(rows=4, segment_fifo=64, steps=steps, chunks=3, tiles=5, out_rows=1, out_w=20)
        for _ in range(15):
            model.next_chunk([10], range(10, 200))
        assert [b - a for a, b in zip(model.last, model.last[1:], strict=False)] == [period] * 14
        assert model.first[0] == 10 + PIXELS_DELAY
        assert model.last[0] == model.first[0] + steps - 1
