"""MobileNet v3, large and small (Howard et al., "Searching for MobileNetV3", 2019, tables 1 and 2).

Parameters bear torchvision's names.
"""

from collections.abc import Sequence

from hwgen.compiler.frontend.zoo.blocks import Net, rounded
from hwgen.compiler.frontend.zoo.options import Network, Options
from hwgen.compiler.graph.graph import Graph

STEM = 16
HS, RE = "hard_swish", "relu"
Block = tuple[int, int, int, bool, str, int]
"""Kernel, expanded channels, output channels, squeeze and excite, activation, stride."""

LARGE: tuple[Block, ...] = (
    (3, 16, 16, False, RE, 1),
    (3, 64, 24, False, RE, 2),
    (3, 72, 24, False, RE, 1),
    (5, 72, 40, True, RE, 2),
    (5, 120, 40, True, RE, 1),
    (5, 120, 40, True, RE, 1),
    (3, 240, 80, False, HS, 2),
    (3, 200, 80, False, HS, 1),
    (3, 184, 80, False, HS, 1),
    (3, 184, 80, False, HS, 1),
    (3, 480, 112, True, HS, 1),
    (3, 672, 112, True, HS, 1),
    (5, 672, 160, True, HS, 2),
    (5, 960, 160, True, HS, 1),
    (5, 960, 160, True, HS, 1),
)
SMALL: tuple[Block, ...] = (
    (3, 16, 16, True, RE, 2),
    (3, 72, 24, False, RE, 2),
    (3, 88, 24, False, RE, 1),
    (5, 96, 40, True, HS, 2),
    (5, 240, 40, True, HS, 1),
    (5, 240, 40, True, HS, 1),
    (5, 120, 48, True, HS, 1),
    (5, 144, 48, True, HS, 1),
    (5, 288, 96, True, HS, 2),
    (5, 576, 96, True, HS, 1),
    (5, 576, 96, True, HS, 1),
)


def large(options: Options) -> Graph:
    return _define("mobilenet_v3_large", LARGE, 1280, options)


def small(options: Options) -> Graph:
    return _define("mobilenet_v3_small", SMALL, 1024, options)


def _define(name: str, blocks: Sequence[Block], hidden: int, options: Options) -> Graph:
    b = Net(name, eps=1e-3)
    stem = rounded(STEM * options.width)
    x = b.conv("features.0.0", b.image(options.resolution), stem, 3, 2, norm="features.0.1", activation=HS)
    for number, block in enumerate(blocks, start=1):
        x = _block(b, f"features.{number}", x, block, options.width)
    last = f"features.{len(blocks) + 1}"
    x = b.conv(f"{last}.0", x, 6 * b.channels(x), norm=f"{last}.1", activation=HS)
    x = b.add("avgpool", "global_avg_pool", x)
    x = b.dense("classifier.0", x, rounded(hidden * options.width), HS)
    return b.graph(b.dense("classifier.3", x, options.classes))


def _block(b: Net, name: str, x: str, block: Block, width: float) -> str:
    kernel, expanded, channels, squeezes, activation, stride = block
    expanded, channels = rounded(expanded * width), rounded(channels * width)
    y, index = x, 0
    if expanded != b.channels(x):
        y = b.conv(f"{name}.block.0.0", x, expanded, norm=f"{name}.block.0.1", activation=activation)
        index = 1
    layer = f"{name}.block.{index}"
    y = b.conv(f"{layer}.0", y, 0, kernel, stride, depthwise=True, norm=f"{layer}.1", activation=activation)
    if squeezes:
        index += 1
        y = b.squeeze_excite(
            f"{name}.block.{index}", y, rounded(expanded // 4), gate="hard_sigmoid", layers=("fc1", "fc2")
        )
    layer = f"{name}.block.{index + 1}"
    y = b.conv(f"{layer}.0", y, channels, norm=f"{layer}.1")
    return b.add(name, "add", x, y) if stride == 1 and b.channels(x) == channels else y


NETWORKS = (
    Network("mobilenet_v3_large", large, "Howard et al. 2019"),
    Network("mobilenet_v3_small", small, "Howard et al. 2019"),
)
