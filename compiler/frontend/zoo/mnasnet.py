"""MnasNet-A1 (Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile", 2018, figure 7).

Parameters bear timm's names.
"""

from hwgen.compiler.frontend.zoo.blocks import Net, rounded
from hwgen.compiler.frontend.zoo.options import Network, Options
from hwgen.compiler.graph.graph import Graph

STEM, FIRST, LAST = 32, 16, 1280
STAGES = (
    (3, 2, 6, 24, False, 2),
    (5, 2, 3, 40, True, 3),
    (3, 2, 6, 80, False, 4),
    (3, 1, 6, 112, True, 2),
    (5, 2, 6, 160, True, 3),
    (3, 1, 6, 320, False, 1),
)
"""Kernel, stride of the first block, expansion, output channels, squeeze and excite, blocks."""


def define(options: Options) -> Graph:
    b = Net("mnasnet_a1")
    x = b.conv(
        "conv_stem", b.image(options.resolution), rounded(STEM * options.width), 3, 2, norm="bn1", activation="relu"
    )
    x = b.conv("blocks.0.0.conv_dw", x, kernel=3, depthwise=True, norm="blocks.0.0.bn1", activation="relu")
    x = b.conv("blocks.0.0.conv_pw", x, rounded(FIRST * options.width), norm="blocks.0.0.bn2")
    for stage, (kernel, stride, expansion, channels, squeezes, blocks) in enumerate(STAGES, start=1):
        for block in range(blocks):
            name, out = f"blocks.{stage}.{block}", rounded(channels * options.width)
            x = _block(b, name, x, kernel, 1 if block else stride, expansion, out, squeezes=squeezes)
    x = b.conv("conv_head", x, LAST, norm="bn2", activation="relu")
    x = b.add("global_pool", "global_avg_pool", x)
    return b.graph(b.dense("classifier", x, options.classes))


def _block(
    b: Net, name: str, x: str, kernel: int, stride: int, expansion: int, channels: int, *, squeezes: bool
) -> str:
    y = b.conv(f"{name}.conv_pw", x, rounded(expansion * b.channels(x)), norm=f"{name}.bn1", activation="relu")
    y = b.conv(f"{name}.conv_dw", y, 0, kernel, stride, depthwise=True, norm=f"{name}.bn2", activation="relu")
    if squeezes:
        squeezed = round(b.channels(x) / 4)
        y = b.squeeze_excite(f"{name}.se", y, squeezed, gate="sigmoid", layers=("conv_reduce", "conv_expand"))
    y = b.conv(f"{name}.conv_pwl", y, channels, norm=f"{name}.bn3")
    return b.add(name, "add", x, y) if stride == 1 and b.channels(x) == channels else y


NETWORK = Network("mnasnet_a1", define, "Tan et al. 2018")
