"""The small network that a host runs through the serial line."""

from __future__ import annotations

from hwgen.boards.board import Part
from hwgen.boards.ecp5.family import ECP5
from hwgen.compiler.frontend import weights
from hwgen.compiler.frontend.images import INPUT_RANGE, normalise, synthetic_images
from hwgen.compiler.graph.graph import Builder
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.quantise.quantiser import quantise
from hwgen.hw.memory.sdram_config import SdramConfig

SDRAM = SdramConfig(100_000_000, 3, 1, pad_registers=2)


BUILD = 0x12345678


RESOLUTION = 16


class SmallBoard:
    """A board whose part has room for a small array only, so that the machine compiles quickly."""

    name = "small"
    part = Part("LFE5U-25F", ECP5, lut=24288, ff=24288, dsp=28, ebr=108)


def small_network() -> QGraph:
    """Every kind of pass that a classifier has: taps, a window into the array, a global pool, a matrix product."""
    pad = (1, 1, 1, 1)
    b = Builder("small")
    x = b.add("image", "input", shape=(RESOLUTION, RESOLUTION, 3))
    x = b.add(
        "stem", "conv2d", x, channels=8, kernel=(3, 3), stride=(2, 2), pad=pad, weight="stem.weight", bias="stem.bias"
    )
    x = b.add("relu", "relu", x)
    x = b.add("deep", "conv2d", x, channels=8, kernel=(3, 3), pad=pad, groups=8, weight="deep.weight", bias="deep.bias")
    x = b.add("point", "conv2d", x, channels=16, kernel=(1, 1), weight="point.weight", bias="point.bias")
    x = b.add("relu2", "relu", x)
    x = b.add("pool", "global_avg_pool", x)
    x = b.add("fc", "fully_connected", x, channels=10, weight="fc.weight", bias="fc.bias")
    graph = b.graph(x)
    calibration = [normalise(pixels) for pixels in synthetic_images(4, RESOLUTION, 1)]
    return quantise(graph, weights.random(graph, 3), calibration, input_range=INPUT_RANGE)
