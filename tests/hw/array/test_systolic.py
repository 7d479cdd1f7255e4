"""The systolic array against NumPy's matrix product, value by value and cycle by cycle."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hwgen.hw.array.systolic import SystolicArray, array_members
from hwgen.hw.kept_modules import ELEMENT_PREFIX
from hwgen.hw.verilog import to_verilog
from hwgen.sim.harness.runner import MODELS, simulate


@pytest.mark.parametrize(
    ("rows", "cols", "acc_bits", "floorplan"), [(1, 1, 20, None), (3, 4, 22, None), (5, 2, 26, "LFE5U-85F")]
)
def test_array(rows: int, cols: int, acc_bits: int, floorplan: str | None, bench_dir: Path) -> None:
    array = SystolicArray(rows, cols, acc_bits, floorplan)
    assert array.min_chunk == 2 * rows
    assert array.exit_cycle(100, rows - 1, cols - 1) == 100 + array.LATENCY + cols - 1 + 2 * (rows - 1)
    env = {"ROWS": rows, "COLS": cols, "ACC_BITS": acc_bits, "LATENCY": array.LATENCY}
    simulate(
        array,
        name=f"array-{rows}x{cols}",
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
    ("rows", "cols", "acc_bits", "message"),
    [
        (0, 2, 26, "rows must be at least 1, not 0"),
        (2, 0, 26, "cols must be at least 1, not 0"),
        (2, 2, 15, "acc_bits must be at least 16, the width of a product, not 15"),
    ],
)
def test_errors(rows: int, cols: int, acc_bits: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        array_members(rows, cols, acc_bits)
