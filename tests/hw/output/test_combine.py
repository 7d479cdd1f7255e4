"""Combine element: values and exact cycles, in the simulated form and built of carry cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwgen.compiler.int8 import arithmetic
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import CombineOp
from hwgen.hw.output.combine import Combine, combine_cycles, combine_latency
from hwgen.sim.elements.combine import CombineNumbers
from hwgen.sim.harness.runner import MODELS, simulate
from tests.support.on_carry_cells import OnCarryCells
from tests.support.passes import bench_environment

SHAPES = [(5, 8, 2, True), (13, 12, 4, False), (3, 4, 2, True), (9, 16, 1, True)]


@pytest.mark.parametrize(("rows", "cols", "lanes", "multiply"), SHAPES)
def test_combine(rows: int, cols: int, lanes: int, multiply: bool, bench_dir: Path) -> None:
    shape: dict[str, Any] = {"rows": rows, "cols": cols, "combine_lanes": lanes, "combine_multiply": multiply}
    config = CoreConfig(**shape)
    simulate(
        Combine(config),
        name=f"combine-{rows}x{cols}",
        test_module="tests.cocotb.bench_combine",
        build_dir=bench_dir,
        env=bench_environment(shape, CYCLES=combine_cycles(config), LATENCY=combine_latency(config)),
    )


def test_combine_on_carry_cells(bench_dir: Path) -> None:
    shape: dict[str, Any] = {"rows": 4, "cols": 4, "combine_lanes": 2, "combine_multiply": True}
    config = CoreConfig(**shape)
    simulate(
        OnCarryCells(Combine(config)),
        name="combine_cells",
        test_module="tests.cocotb.bench_combine",
        build_dir=bench_dir,
        env=bench_environment(shape, CYCLES=combine_cycles(config), LATENCY=combine_latency(config)),
        sources=[MODELS / "ecp5" / "CCU2C.v"],
    )


@pytest.mark.parametrize("seed", range(4))
def test_model_equals_the_equations(seed: int) -> None:
    """Separate roundings and one shifted term against equation 13, for all pairs of bytes."""
    rng = np.random.default_rng(seed)
    left_scale, right_scale, out_scale = (float(np.float32(v)) for v in rng.uniform(0.002, 0.3, 3))
    zeros = [int(z) for z in rng.integers(-128, 128, 3)]
    (m1, n1), (m2, n2), (mo, no) = arithmetic.add_multipliers(left_scale, right_scale, out_scale)
    left, right = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128))
    total = arithmetic.add_term(left, zeros[0], m1, n1) + arithmetic.add_term(right, zeros[1], m2, n2)
    expected = arithmetic.requantise(total, mo, no, zeros[2], -100, 127)
    swap = int(left_scale < right_scale)
    scaled, other = ((zeros[0], m1, n1), zeros[1]) if swap else ((zeros[1], m2, n2), zeros[0])
    made = CombineNumbers(scaled[0], other, swap, *scaled[1:], (zeros[2], -100, 127), mo, no)
    np.testing.assert_array_equal(made.results(CombineOp.ADD, left, right), expected)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"combine_lanes": 3}, "combine_lanes must be 0, 1, 2 or 4, at most cols / 2, not 3"),
        ({"cols": 4, "combine_lanes": 4}, "combine_lanes must be 0, 1, 2 or 4, at most cols / 2, not 4"),
        (
            {"rows": 6, "combine_lanes": 2},
            "2 \\* rows must be at least cols \\+ 2 with a combine element, not 12 and 12",
        ),
    ],
)
def test_bad_shapes(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CoreConfig(**fields)
