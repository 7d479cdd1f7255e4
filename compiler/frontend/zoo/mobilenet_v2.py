"""MobileNet v2 (Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018, table 2).

Parameters bear torchvision's names.
"""

from hwgen.compiler.frontend.zoo.blocks import Net, rounded
from hwgen.compiler.frontend.zoo.options import Network, Options
from hwgen.compiler.graph.graph import Graph

STEM, LAST = 32, 1280
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, output channels, blocks, stride of the first one."""


def define(options: Options) -> Graph:
    b = Net("mobilenet_v2")
    x = _layer(b, "features.0", b.image(options.resolution), rounded(STEM * options.width), 3, 2)
    number = 0
    for expansion, channels, blocks, stride in STAGES:
        for block in range(blocks):
            number += 1
            out = rounded(channels * options.width)
            x = _block(b, f"features.{number}", x, expansion, out, 1 if block else stride)
    x = _layer(b, f"features.{number + 1}", x, rounded(LAST * max(1.0, options.width)))
    x = b.add("pool", "global_avg_pool", x)
    return b.graph(b.dense("classifier.1", x, options.classes))


def _block(b: Net, name: str, x: str, expansion: int, channels: int, stride: int) -> str:
    y, index = x, 0
    if expansion != 1:
        y, index = _layer(b, f"{name}.conv.0", x, expansion * b.channels(x)), 1
    y = _layer(b, f"{name}.conv.{index}", y, 0, 3, stride, depthwise=True)
    y = b.conv(f"{name}.conv.{index + 1}", y, channels, norm=f"{name}.conv.{index + 2}")
    return b.add(name, "add", x, y) if stride == 1 and b.channels(x) == channels else y


def _layer(
    b: Net, name: str, x: str, channels: int, kernel: int = 1, stride: int = 1, *, depthwise: bool = False
) -> str:
    return b.conv(f"{name}.0", x, channels, kernel, stride, depthwise=depthwise, norm=f"{name}.1", activation="relu6")


NETWORK = Network(
    "mobilenet_v2",
    define,
    "Sandler et al. 2018",
    published=({}, {"width": 1.4}, {"width": 0.35, "resolution": 96}),
)
