"""The machine with an SDRAM on a clock of its own: every tensor equal, every pass begins and ends in the predicted cycle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hwgen.compiler.frontend.images import quantise_pixels, synthetic_images
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan.planner import plan
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.machine import check_clocks
from hwgen.hw.memory.clock_ratio import ClockRatio
from hwgen.hw.memory.sdram_config import SdramConfig
from hwgen.sim.frame.simulate import simulate_frame
from hwgen.sim.golden import run
from hwgen.sim.timing.frame import predict
from tests.support.int8_networks import load_network
from tests.support.small_board import SDRAM, SmallBoard

CLOCKS = {
    "4:3": replace(SDRAM, clock_hz=140_000_000, ratio=ClockRatio(3, 4)),
    "6:5": replace(SDRAM, clock_hz=142_857_142, ratio=ClockRatio(5, 6), word=8),
}
RESOLUTION = 64
"""Of the image: the descriptors of its pools fill the sequencer's queue, whose room the DMA must see in time."""


@pytest.mark.long
@pytest.mark.parametrize("clocks", CLOCKS)
def test_every_pass_in_its_cycles(clocks: str, bench_dir: Path) -> None:
    sdram = CLOCKS[clocks]
    graph = load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=RESOLUTION, classes=20))
    program = plan(legalise(graph), SmallBoard(28, 108), lambda program: predict(program, sdram)).program
    image = quantise_pixels(synthetic_images(1, RESOLUTION, 7)[0], graph.tensors[graph.input])
    result = simulate_frame(program, sdram, image, run(graph, image), bench_dir)
    assert result.mismatches == 0, result.tensors
    timing = predict(program, sdram)
    predicted = [(entry.name, entry.start, entry.done) for entry in timing.passes]
    assert [(entry.name, entry.start, entry.done) for entry in result.passes] == predicted
    assert result.cycles == timing.cycles < predict(program, replace(SDRAM, clock_hz=sdram.core_hz)).cycles


@pytest.mark.parametrize("clocks", CLOCKS)
def test_clock_of_the_core(clocks: str) -> None:
    assert CLOCKS[clocks].core_hz == {"4:3": 105_000_000, "6:5": 119_047_619}[clocks]


def test_rows_are_not_stored_in_a_memory_of_another_clock() -> None:
    check_clocks(CoreConfig(spill=True), SDRAM)
    with pytest.raises(ValueError, match="the ratio must be 1:1, not 4:3"):
        check_clocks(CoreConfig(spill=True), CLOCKS["4:3"])


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"core": 4, "memory": 3}, "the memory's not the lower one, not 3:4"),
        ({"core": 6, "memory": 8}, "must be of coprime numbers up to 8, .* not 8:6"),
        ({"core": 8, "memory": 9}, "must be of coprime numbers up to 8, .* not 9:8"),
    ],
)
def test_ratios_that_cannot_be(fields: dict[str, int], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ClockRatio(**fields)


def test_words_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="word must be 2, 4 or 8 halfwords, not 16"):
        SdramConfig(100_000_000, word=16)
