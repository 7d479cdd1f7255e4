"""The pixel ring against its model: where every byte goes, when it can be read, and when a row is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hwgen.hw.array.pixel_ring import PixelRing, ring_address_bits
from hwgen.hw.isa.config import CoreConfig
from hwgen.sim.elements.pixel_ring import places
from hwgen.sim.harness.runner import MODELS, simulate
from tests.support.passes import bench_environment


@pytest.mark.parametrize(
    ("rows", "window_lanes", "ring_depth", "latency"),
    [(2, 4, 512, 4), (3, 8, 512, 4), (5, 4, 1024, 4), (2, 8, 1536, 5)],
)
def test_pixel_ring(rows: int, window_lanes: int, ring_depth: int, latency: int, bench_dir: Path) -> None:
    run({"rows": rows, "window_lanes": window_lanes, "ring_depth": ring_depth}, latency, bench_dir)


@pytest.mark.parametrize(("rows", "window_lanes", "k_steps"), [(2, 8, 1), (4, 4, 2)])
def test_pixel_ring_with_shared_taps(rows: int, window_lanes: int, k_steps: int, bench_dir: Path) -> None:
    run({"rows": rows, "window_lanes": window_lanes, "k_steps": k_steps, "shared_taps": True}, 4, bench_dir)


def run(shape: dict[str, Any], latency: int, bench_dir: Path) -> None:
    ring = PixelRing(CoreConfig(**shape))
    assert latency == ring.LATENCY
    simulate(
        ring,
        name="-".join(["pixel-ring", *map(str, shape.values())]),
        test_module="tests.cocotb.bench_pixel_ring",
        build_dir=bench_dir,
        sources=[MODELS / "ecp5" / "DP16KD.v"],
        env=bench_environment(shape, LATENCY=latency),
    )


def test_address_bits() -> None:
    assert ring_address_bits(CoreConfig(ring_depth=512)) == 12
    assert ring_address_bits(CoreConfig(ring_depth=1536)) == 14


def test_places_of_a_small_pass() -> None:
    """Two rows of three pixels on two array rows, two words each, two tiles in the ring."""
    found = places(rows=2, half_words=False, out_rows=2, out_w=3, units=2, ring_words=2, ring_slots=2)
    expected = [(0, 0), (1, 0), (0, 2), (0, 1), (1, 1), (0, 3), (1, 2), (0, 0), (1, 0), (1, 3), (0, 1), (1, 1)]
    assert [(place.row, place.word) for place in found] == expected
