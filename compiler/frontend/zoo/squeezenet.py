"""SqueezeNet 1.0 and 1.1 (Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016, table
1; 1.1 as its authors published it).  Parameters bear torchvision's names.
"""

from hwgen.compiler.frontend.zoo.blocks import Net, rounded
from hwgen.compiler.frontend.zoo.options import Network, Options
from hwgen.compiler.graph.graph import Graph

POOL = 0
LAYERS = {
    "1.0": (7, 96, (POOL, 16, 16, 32, POOL, 32, 48, 48, 64, POOL, 64)),
    "1.1": (3, 64, (POOL, 16, 16, POOL, 32, 32, POOL, 48, 48, 64, 64)),
}
"""Kernel and channels of the first convolution; then pools, and fire modules by their squeezed channels."""

EXPANSION = 4
"""Channels of each of a fire module's two expanding convolutions, as a multiple of the squeezed ones."""


def define(options: Options) -> Graph:
    kernel, stem, layers = LAYERS[options.variant]
    b = Net("squeezenet")
    x = b.image(options.resolution)
    x = b.conv("features.0", x, rounded(stem * options.width), kernel, 2, pad=0, bias=True, activation="relu")
    for number, squeezed in enumerate(layers, start=2):
        name = f"features.{number}"
        x = b.max_pool(name, x, ceil=True) if squeezed == POOL else _fire(b, name, x, squeezed, options.width)
    x = b.conv("classifier.1", x, options.classes, bias=True, activation="relu")
    return b.graph(b.add("pool", "global_avg_pool", x))


def _fire(b: Net, name: str, x: str, squeezed: int, width: float) -> str:
    x = b.conv(f"{name}.squeeze", x, rounded(squeezed * width), bias=True, activation="relu")
    channels = rounded(EXPANSION * squeezed * width)
    narrow = b.conv(f"{name}.expand1x1", x, channels, bias=True, activation="relu")
    wide = b.conv(f"{name}.expand3x3", x, channels, 3, bias=True, activation="relu")
    return b.add(name, "concat", narrow, wide)


NETWORK = Network(
    "squeezenet",
    define,
    "Iandola et al. 2016",
    standard=Options(variant="1.1"),
    stride=1,
    variants=tuple(LAYERS),
    published=({"variant": "1.0"}, {"variant": "1.1"}),
)
