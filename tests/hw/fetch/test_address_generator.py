"""Address generators of the fetch: order, addresses and pace of the beats; the loops that they are compared with agree with the model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.hw.fetch.plain import PlainAddresses
from hwgen.hw.fetch.stepped import SteppedAddresses
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import FeedMode
from hwgen.sim.elements.fetch import unit_beats, unit_count
from hwgen.sim.harness.runner import simulate
from tests.support.descriptors import descriptor_fields
from tests.support.fetch_loops import loop_beats, random_pass
from tests.support.passes import bench_environment


@pytest.mark.parametrize(("lanes", "shared_taps"), [(4, False), (8, True)], ids=["4", "8-shared"])
@pytest.mark.parametrize("stepped", [False, True], ids=["plain", "stepped"])
def test_address_generator(lanes: int, shared_taps: bool, stepped: bool, bench_dir: Path) -> None:
    shape = {"window_lanes": lanes, "row_steps": stepped, "shared_taps": shared_taps}
    config = CoreConfig(window_lanes=lanes, row_steps=stepped, shared_taps=shared_taps)
    simulate(
        SteppedAddresses(config) if stepped else PlainAddresses(config),
        name="address_generator",
        test_module="tests.cocotb.bench_address_generator",
        build_dir=bench_dir,
        env=bench_environment(shape),
    )


@pytest.mark.parametrize(("mode", "shared"), [*((mode, False) for mode in FeedMode), (FeedMode.TAP, True)])
@pytest.mark.parametrize("stepped", [False, True], ids=["plain", "stepped"])
def test_loops_agree_with_the_timing_model(mode: FeedMode, shared: bool, stepped: bool) -> None:
    """Rows, columns, groups and flags of the nested loops are those of the fetch's model, which was written apart from them."""
    rng = np.random.default_rng([7, mode])
    for _ in range(20):
        d = random_pass(rng, mode, stepped, shared)
        fetch = descriptor_fields(**d).fetch
        modelled = [beat for unit in range(unit_count(fetch)) for beat in unit_beats(fetch, unit)]
        looped = loop_beats(d, stepped)
        assert [(b.row, b.column, b.group) for b in modelled] == [(b.y + b.tap_row, b.column, b.group) for b in looped]
        if mode == FeedMode.TAP:
            continue
        assert [(b.start, b.last) for b in modelled] == [(b.place["subgroup_first"], b.place["last"]) for b in looped]
        if mode == FeedMode.WINDOW:
            flags = [(b.emit, b.opens, b.closes) for b in modelled]
            assert flags == [(b.emit, b.place["opens"], b.place["closes"]) for b in looped]
