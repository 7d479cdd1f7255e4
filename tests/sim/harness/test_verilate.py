"""The cache of compiled simulators: what it keeps, and what a design that does not compile is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hwgen.digests import file_digest
from hwgen.errors import ToolError
from hwgen.sim.harness.verilate import _is_whole, verilate

DESIGN = "module top(input [7:0] a, output [7:0] b); assign b = a + 8'd1; endmodule\n"
MAIN = """
#include "Vtop.h"
#include <cstdio>
int main() {
    Vtop top;
    top.a = 41;
    top.eval();
    std::printf("%d", top.b);
}
"""


@pytest.fixture
def main(tmp_path: Path) -> Path:
    path = tmp_path / "main.cpp"
    path.write_text(MAIN)
    return path


def test_keeps_the_simulator_alone(bench_dir: Path, main: Path) -> None:
    """Objects and precompiled headers, a hundred times its size, are gone; a second call finds it."""
    simulator = verilate(DESIGN, [main], build_dir=bench_dir, name="increment")
    assert subprocess.run([simulator], capture_output=True, check=True).stdout == b"42"
    assert sum(file.stat().st_size for file in simulator.parent.iterdir()) < 2_000_000
    made = simulator.stat().st_mtime_ns
    assert verilate(DESIGN, [main], build_dir=bench_dir, name="increment").stat().st_mtime_ns == made


def test_design_that_does_not_compile(bench_dir: Path, main: Path) -> None:
    with pytest.raises(ToolError, match=r"`verilator` failed with status 1; log .*broken-\w+/build\.log"):
        verilate("module top(input a; endmodule\n", [main], build_dir=bench_dir, name="broken")


def test_a_damaged_simulator_is_not_taken(tmp_path: Path) -> None:
    """It is compiled anew; before, it failed for ever."""
    simulator, done = tmp_path / "top", tmp_path / "simulator.done"
    assert not _is_whole(tmp_path)
    simulator.write_bytes(b"a whole simulator")
    done.write_text(file_digest(simulator))
    assert _is_whole(tmp_path)
    simulator.write_bytes(b"a whole simu")
    assert not _is_whole(tmp_path)
    simulator.unlink()
    assert not _is_whole(tmp_path)
