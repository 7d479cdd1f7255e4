"""Stages of the window's lanes: values and exact cycles, in the simulated form and built of carry cells; the cycles add up."""

from __future__ import annotations

from pathlib import Path

import pytest
from amaranth.lib import wiring

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.window import cycles
from hwgen.hw.window.accumulator import Accumulator
from hwgen.hw.window.maximum import Maximum
from hwgen.hw.window.multiply_accumulate import MultiplyAccumulate
from hwgen.hw.window.partial_sums import PartialSums
from hwgen.hw.window.taps import Taps
from hwgen.sim.harness.runner import MODELS, simulate
from tests.support.on_carry_cells import OnCarryCells
from tests.support.port_widths import port_widths


def run(component: wiring.Component, bench: str, bench_dir: Path, *, cells: bool = False, **env: str) -> None:
    simulate(
        OnCarryCells(component) if cells else component,
        name=bench,
        test_module=f"tests.cocotb.bench_{bench}",
        build_dir=bench_dir,
        env=env,
        sources=[MODELS / "ecp5" / "CCU2C.v"] if cells else [],
    )


@pytest.mark.parametrize("cells", [False, True])
def test_multiply_accumulate(cells: bool, bench_dir: Path) -> None:
    run(MultiplyAccumulate(), "multiply_accumulate", bench_dir, cells=cells)


@pytest.mark.parametrize("cells", [False, True])
@pytest.mark.parametrize("adds", [False, True])
def test_accumulator(adds: bool, cells: bool, bench_dir: Path) -> None:
    run(Accumulator(adds=adds), "accumulator", bench_dir, cells=cells, ADDS=str(int(adds)))


def test_maximum(bench_dir: Path) -> None:
    run(Maximum(), "maximum", bench_dir)


def test_taps(bench_dir: Path) -> None:
    run(Taps(4), "window_taps", bench_dir)


def test_an_output_is_read_by_a_bit() -> None:
    assert port_widths(PartialSums(512, 20))["read"] == 1


def test_cycles_add_up() -> None:
    assert (cycles.TAPS_AT, cycles.MAC_AT, cycles.ACC_AT, cycles.MAX_AT) == (2, 9, 12, 7)
    assert cycles.result_at(CoreConfig()) == 12 + 13
    assert cycles.result_at(CoreConfig(window_table=True)) == 12 + 13 + 3
    assert cycles.result_credits(CoreConfig()) == 32
