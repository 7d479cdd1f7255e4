"""Fetch: values and exact cycles in every mode, for both lane counts and the memory's latencies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hwgen.hw.fetch.fetch import Fetch, check_read_latency
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor_fields import DescriptorFields, FetchFields
from hwgen.sim.elements.fetch import FetchModel, unit_beats, unit_count, unit_cycles, unit_last
from hwgen.sim.harness.runner import simulate
from tests.support.passes import bench_environment


@pytest.mark.parametrize(
    ("lanes", "rows", "read_latency", "shared_taps"), [(4, 13, 4, False), (8, 2, 3, True), (4, 5, 10, False)]
)
def test_fetch(bench_dir: Path, lanes: int, rows: int, read_latency: int, shared_taps: bool) -> None:
    run({"window_lanes": lanes, "rows": rows, "shared_taps": shared_taps}, read_latency, bench_dir)


@pytest.mark.parametrize(
    ("lanes", "rows", "read_latency", "others"),
    [(4, 13, 4, {"partial_depth": 512}), (8, 3, 3, {"shared_taps": True})],
    ids=["4-13-4-blocks", "8-3-3-shared"],
)
def test_fetch_with_row_steps(
    bench_dir: Path, lanes: int, rows: int, read_latency: int, others: dict[str, Any]
) -> None:
    run({"window_lanes": lanes, "rows": rows, "row_steps": True, **others}, read_latency, bench_dir)


def run(config: dict[str, Any], read_latency: int, bench_dir: Path) -> None:
    fetch = Fetch(CoreConfig(**config), read_latency)
    assert fetch.latency == read_latency + 5
    simulate(
        fetch,
        name="fetch",
        test_module="tests.cocotb.bench_fetch",
        build_dir=bench_dir,
        env=bench_environment(config, READ_LATENCY=read_latency),
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": 0, "kernel_h": 3, "kernel_w": 5, "groups": 2, "out_w": 7, "stride_y": 2},
        {"mode": 0, "kernel_h": 1, "kernel_w": 1, "groups": 1, "out_w": 1, "stride_y": 1},
        {"mode": 0, "kernel_h": 3, "kernel_w": 3, "groups": 2, "out_w": 7, "columns": 15, "stride_y": 2, "shared": 1},
        {"mode": 1, "kernel_h": 3, "kernel_w": 3, "groups": 4, "columns": 20, "out_w": 9, "stride_y": 2},
        {"mode": 1, "kernel_h": 2, "kernel_w": 2, "groups": 3, "columns": 4, "out_w": 3, "stride_y": 1},
        {
            "mode": 0,
            "kernel_h": 4,
            "kernel_w": 2,
            "groups": 1,
            "out_w": 2,
            "stride_y": 3,
            "tap_rows": 7,
            "tap_columns": 2,
        },
        {
            "mode": 0,
            "kernel_h": 4,
            "kernel_w": 2,
            "groups": 1,
            "out_w": 2,
            "columns": 4,
            "shared": 1,
            "stride_y": 3,
            "tap_rows": 7,
        },
        {
            "mode": 1,
            "kernel_h": 3,
            "kernel_w": 3,
            "groups": 4,
            "columns": 20,
            "out_w": 9,
            "stride_y": 2,
            "blocks_h": 2,
            "blocks_w": 3,
            "tap_rows": 3,
            "tap_columns": 3,
        },
        {
            "mode": 1,
            "kernel_h": 1,
            "kernel_w": 1,
            "groups": 2,
            "columns": 4,
            "out_w": 4,
            "stride_y": 2,
            "blocks_h": 3,
            "blocks_w": 1,
            "tap_rows": 12,
            "tap_columns": 3,
        },
        {"mode": 2, "groups": 5, "out_w": 7},
        {"mode": 2, "groups": 5, "out_w": 1},
    ],
)
def test_closed_form(fields: dict[str, Any]) -> None:
    d = FetchFields(**{"stride_x": 2, "out_rows": 3, "to_rows": 1, **fields})
    model = FetchModel(DescriptorFields(fetch=d), 13, 4, start=10)
    spans = [model.next_unit(()) for _ in range(unit_count(d))]
    assert spans[0][0] == 10 + 3 + 9
    for unit, (first, last) in enumerate(spans):
        turns = [beat.turn for beat in unit_beats(d, unit)]
        assert turns[0] == 0 and turns[-1] == last - first == unit_last(d) < unit_cycles(d)
        assert turns == sorted(set(turns))
    assert {b[0] - a[0] for a, b in zip(spans, spans[1:], strict=False)} == {unit_cycles(d)}


@pytest.mark.parametrize("read_latency", [1, 11])
def test_latency_is_checked(read_latency: int) -> None:
    with pytest.raises(ValueError, match=f"read_latency must be 2..10 \\(or reads would wait\\), not {read_latency}"):
        check_read_latency(read_latency)
