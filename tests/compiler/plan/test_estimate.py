"""Estimates rank cores as the timing model does, and decide how many lanes the window of a streamed network gets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hwgen.boards.ulx3s import ULX3S
from hwgen.compiler.frontend import weights
from hwgen.compiler.frontend.images import INPUT_RANGE, normalise, synthetic_images
from hwgen.compiler.graph.graph import Builder
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.legalise import legalise
from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.plan.estimate import estimate
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.program.check import check_program
from hwgen.compiler.quantise.quantiser import quantise
from hwgen.compiler.tiling.fit import Fit
from hwgen.errors import ResourceError
from hwgen.hw.isa.config import BANKS, WORD_BYTES
from tests.support.board_timing import timing
from tests.support.small_board import SmallBoard

pytestmark = pytest.mark.plan

RESOLUTION = 32
PAD = (1, 1, 1, 1)


def blocks(expanded: int, channels: int = 16, resolution: int = RESOLUTION) -> QGraph:
    """Stem and two blocks: expand, depthwise 3x3, project."""
    b = Builder("blocks")
    x = b.add("image", "input", shape=(resolution, resolution, 3))
    options = {"kernel": (3, 3), "stride": (2, 2), "pad": PAD}
    x = b.add("stem", "conv2d", x, channels=channels, weight="stem.weight", bias="stem.bias", **options)
    for i in range(2):
        names = [{"weight": f"{part}{i}.weight", "bias": f"{part}{i}.bias"} for part in ("expand", "deep", "project")]
        x = b.add(f"expand{i}", "conv2d", x, channels=expanded, kernel=(1, 1), **names[0])
        x = b.add(f"relu{i}", "relu", x)
        x = b.add(f"deep{i}", "conv2d", x, channels=expanded, kernel=(3, 3), pad=PAD, groups=expanded, **names[1])
        x = b.add(f"project{i}", "conv2d", x, channels=channels, kernel=(1, 1), **names[2])
    x = b.add("pool", "global_avg_pool", x)
    x = b.add("fc", "fully_connected", x, channels=10, weight="fc.weight", bias="fc.bias")
    graph = b.graph(x)
    calibration = [normalise(pixels) for pixels in synthetic_images(2, resolution, 1)]
    return quantise(graph, weights.random(graph, 3), calibration, input_range=INPUT_RANGE)


@pytest.mark.parametrize(("expanded", "channels", "lanes"), [(96, 12, 8), (48, 48, 4)])
def test_lanes_of_a_streamed_network(expanded: int, channels: int, lanes: int) -> None:
    """Few channels behind the depthwise convolution: the window holds up the array, unless it has more lanes."""
    found = plan(legalise(blocks(expanded, channels)), ULX3S, timing, external=True)
    assert found.config.window_lanes == lanes


def test_stripes_without_sdram() -> None:
    """A tensor larger than the memory exists in stripes; its passes share their weights."""
    board = SmallBoard(28, 80)
    found = plan(legalise(blocks(112, 12, 64)), board, timing)
    assert found.on_chip and found.resources.ebr <= 80
    assert BANKS * found.config.activation_depth * WORD_BYTES < 32 * 32 * 112
    assert found.config.resident_passes == len(found.fit.steps) > len(found.lowered.passes)
    bases = {step.source.name: set[int]() for step in found.fit.steps}
    for step, place in zip(found.fit.steps, found.loads, strict=True):
        bases[step.source.name].add(place.weight_base)
    assert all(len(places) == 1 for places in bases.values())
    check_program(found.lowered, found.fit.steps, found.program)


def test_a_failed_search_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors that never fit are searched once for each way to lay the image, not for every shape of the array."""
    sizes = []

    def no_fit(lowered: Lowered, words: int, *rest: object) -> Fit:
        sizes.append(words)
        raise ResourceError("no")

    monkeypatch.setattr("hwgen.compiler.plan.on_chip.fit", no_fit)
    assert not plan(legalise(blocks(48)), ULX3S, timing).on_chip
    assert 0 < len(sizes) <= 16


def test_estimate_is_near() -> None:
    for expanded in (48, 96):
        found = plan(legalise(blocks(expanded)), ULX3S, timing)
        assert found.on_chip
        about = estimate(found.lowered, found.config)
        assert abs(about - found.cycles) <= 0.1 * found.cycles
        slower = replace(found.config, rows=found.config.rows // 2)
        assert estimate(found.lowered, slower) > about
