"""Estimates rank rings as the timing model does, and decide how many lanes the window of a streamed network gets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boards.ulx3s import ULX3S
from compiler import weights
from compiler.graph import Builder
from compiler.plan.estimate import estimate
from compiler.plan.planner import plan
from compiler.preprocess import INPUT_RANGE, normalise, synthetic_images
from compiler.qgraph import QGraph
from compiler.quantise import quantise
from tests.test_planner import timing

RESOLUTION = 32
PAD = (1, 1, 1, 1)


def blocks(expanded: int, channels: int = 16) -> QGraph:
    """Stem and two blocks: expand, depthwise 3x3, project."""
    b = Builder("blocks")
    x = b.add("image", "input", shape=(RESOLUTION, RESOLUTION, 3))
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
    calibration = [normalise(pixels) for pixels in synthetic_images(2, RESOLUTION, 1)]
    return quantise(graph, weights.random(graph, 3), calibration, input_range=INPUT_RANGE)


@pytest.mark.parametrize(("expanded", "channels", "lanes"), [(96, 12, 8), (48, 48, 4)])
def test_lanes_of_a_streamed_network(expanded: int, channels: int, lanes: int) -> None:
    """Few channels behind the depthwise convolution: the window holds up the array, unless it has more lanes."""
    found = plan(blocks(expanded, channels), ULX3S, timing, external=True)
    assert found.config.window_lanes == lanes


def test_estimate_is_near() -> None:
    for expanded in (48, 96):
        found = plan(blocks(expanded), ULX3S, timing)
        assert found.on_chip
        about = estimate(found.lowered, found.config)
        assert abs(about - found.cycles) <= 0.1 * found.cycles
        slower = replace(found.config, rows=found.config.rows // 2)
        assert estimate(found.lowered, slower) > about
