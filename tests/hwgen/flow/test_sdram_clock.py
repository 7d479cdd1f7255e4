"""Targets whose SDRAM has a clock of its own: which clocks they get, and when they get one for both."""

from __future__ import annotations

from pathlib import Path

import pytest

import hwgen
from hwgen.errors import ToolError
from hwgen.flow.target import OWN_CLOCK, Target

GRAPH = """graph small
  %image : 8x8x3 = input shape=8,8,3
  %conv : 8x8x8 = conv2d(%image) channels=8 kernel=3,3 pad=1,1,1,1 weight=conv.weight
  return %conv
"""


@pytest.mark.parametrize("clock_mhz", [75, 90, 100, 105, 112.5, 119.1])
def test_the_memory_of_a_board_beside_its_core(clock_mhz: float) -> None:
    board, clock = Target(clock_mhz=clock_mhz, sdram_clock=OWN_CLOCK).resolve()
    memory = board.memory.config(int(clock.output_hz), clock.ratio)
    assert memory.core_hz == int(clock.output_hz) <= clock_mhz * 1e6
    assert 1.1e6 * clock_mhz < memory.clock_hz == int(clock.memory_hz) <= board.max_clock_hz
    assert not clock.ratio.same and memory.ratio == clock.ratio


def test_names_of_builds_tell_the_clocks_apart() -> None:
    assert Target(sdram_clock=OWN_CLOCK).suffix == "_own" and Target().suffix == ""


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (Target(sdram_clock="fast"), "sdram_clock: must be core or own, not fast"),
        (
            Target(clock_mhz=130, sdram_clock=OWN_CLOCK),
            "no PLL setting .* ask for another clock, or for one clock of both",
        ),
        (Target(clock_mhz=150, sdram_clock=OWN_CLOCK), "allows 142.9 MHz at most, not 150"),
    ],
)
def test_clocks_that_cannot_be(target: Target, text: str) -> None:
    with pytest.raises(ToolError, match=text):
        target.resolve()


def test_a_network_in_block_ram_has_one_clock(tmp_path: Path) -> None:
    file = tmp_path / "small.graph"
    file.write_text(GRAPH)
    plan = hwgen.plan(hwgen.load(str(file)), board="ulx3s-12f", sdram_clock=OWN_CLOCK)
    assert plan.machine.on_chip and plan.clock.ratio.same
