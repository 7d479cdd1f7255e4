"""Element of the array: with two steps a cycle every product that its operands can ask for."""

from __future__ import annotations

from pathlib import Path

from hwgen.sim.harness.runner import MODELS, simulate
from tests.support.element_sweep import ElementSweep


def test_every_product_of_two_steps(bench_dir: Path) -> None:
    simulate(
        ElementSweep(),
        name="element_sweep",
        test_module="tests.cocotb.bench_element_sweep",
        build_dir=bench_dir,
        sources=[MODELS / "ecp5" / "MULT18X18D.v"],
    )
