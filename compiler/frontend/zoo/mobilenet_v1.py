"""MobileNet v1 (Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
2017, table 1).  Parameters bear timm's names.
"""

from hwgen.compiler.frontend.zoo.blocks import Net, rounded
from hwgen.compiler.frontend.zoo.options import Network, Options
from hwgen.compiler.graph.graph import Graph

STEM = 32
STAGES = ((1, 64), (2, 128), (2, 256), (6, 512), (2, 1024))
"""Blocks of each stage and their output channels; all but the first stage begin with stride 2."""


def define(options: Options) -> Graph:
    b = Net("mobilenet_v1")
    x = b.conv(
        "conv_stem", b.image(options.resolution), rounded(STEM * options.width), 3, 2, norm="bn1", activation="relu6"
    )
    for stage, (blocks, channels) in enumerate(STAGES):
        for block in range(blocks):
            name, stride = f"blocks.{stage}.{block}", 2 if stage and block == 0 else 1
            x = b.conv(
                f"{name}.conv_dw", x, kernel=3, stride=stride, depthwise=True, norm=f"{name}.bn1", activation="relu6"
            )
            x = b.conv(f"{name}.conv_pw", x, rounded(channels * options.width), norm=f"{name}.bn2", activation="relu6")
    x = b.add("global_pool", "global_avg_pool", x)
    return b.graph(b.dense("classifier", x, options.classes))


NETWORK = Network(
    "mobilenet_v1",
    define,
    "Howard et al. 2017",
    published=({}, {"width": 0.75}, {"width": 0.5}, {"width": 0.25}, {"width": 0.25, "resolution": 96, "classes": 2}),
)
