"""The systolic array against NumPy's matrix product, value by value and cycle by cycle."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hwgen.hw.array.systolic import SystolicArray, array_latency, array_members
from hwgen.hw.kept_modules import ELEMENT_PREFIX
from hwgen.hw.verilog import to_verilog
from hwgen.sim.harness.runner import MODELS, simulate


@pytest.mark.parametrize(
    ("rows", "cols", "acc_bits", "floorplan", "steps"),
    [
        (1, 1, 20, None, 1),
        (3, 4, 22, None, 1),
        (5, 2, 26, "LFE5U-85F", 1),
        (1, 1, 19, None, 2),
        (3, 4, 22, None, 2),
        (5, 2, 26, "LFE5U-85F", 2),
    ],
)
def test_array(rows: int, cols: int, acc_bits: int, floorplan: str | None, steps: int, bench_dir: Path) -> None:
    array = SystolicArray(rows, cols, acc_bits, floorplan, steps=steps)
    assert array.min_chunk == 2 * rows
    assert array.latency == array_latency(steps) == 4 + steps
    assert array.exit_cycle(100, rows - 1, cols - 1) == 100 + array.latency + cols - 1 + 2 * (rows - 1)
    env = {"ROWS": rows, "COLS": cols, "ACC_BITS": acc_bits, "LATENCY": array.latency, "STEPS": steps}
    simulate(
        array,
        name=f"array-{rows}x{cols}x{steps}",
        test_module="tests.cocotb.bench_array",
        build_dir=bench_dir,
        sources=[MODELS / "ecp5" / "MULT18X18D.v"],
        env={name: str(value) for name, value in env.items()},
    )


def test_elements_are_modules_of_their_own() -> None:
    text = to_verilog(SystolicArray(2, 3))
    modules = re.findall(rf"^module \\top\.({ELEMENT_PREFIX}\w+) ", text, re.MULTILINE)
    assert sorted(modules) == [f"{ELEMENT_PREFIX}{r}_{c}" for r in range(2) for c in range(3)]


@pytest.mark.parametrize(
    ("rows", "cols", "acc_bits", "steps", "message"),
    [
        (0, 2, 26, 1, "rows must be at least 1, not 0"),
        (2, 0, 26, 1, "cols must be at least 1, not 0"),
        (2, 2, 15, 1, "acc_bits must be at least 16, the width of a product, not 15"),
        (2, 2, 17, 2, "acc_bits must be at least 18, the width of a product, not 17"),
        (2, 2, 26, 3, "steps must be 1 or 2, not 3"),
    ],
)
def test_errors(rows: int, cols: int, acc_bits: int, steps: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        array_members(rows, cols, acc_bits, steps)
