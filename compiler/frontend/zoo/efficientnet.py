"""EfficientNet-B0 (Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019, table
1).  Parameters bear torchvision's names.
"""

from hwgen.compiler.frontend.zoo.blocks import Net, rounded
from hwgen.compiler.frontend.zoo.options import Network, Options
from hwgen.compiler.graph.graph import Graph

STEM = 32
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
"""Kernel, stride of the first block, expansion, output channels, blocks."""


def define(options: Options) -> Graph:
    b = Net("efficientnet_b0")
    stem = rounded(STEM * options.width)
    x = b.conv("features.0.0", b.image(options.resolution), stem, 3, 2, norm="features.0.1", activation="swish")
    for stage, (kernel, stride, expansion, channels, blocks) in enumerate(STAGES, start=1):
        for block in range(blocks):
            name, out = f"features.{stage}.{block}", rounded(channels * options.width)
            x = _block(b, name, x, kernel, 1 if block else stride, expansion, out)
    x = b.conv("features.8.0", x, 4 * b.channels(x), norm="features.8.1", activation="swish")
    x = b.add("avgpool", "global_avg_pool", x)
    return b.graph(b.dense("classifier.1", x, options.classes))


def _block(b: Net, name: str, x: str, kernel: int, stride: int, expansion: int, channels: int) -> str:
    y, layer = x, f"{name}.block.0"
    if expansion != 1:
        expanded = rounded(expansion * b.channels(x))
        y = b.conv(f"{layer}.0", x, expanded, norm=f"{layer}.1", activation="swish")
        layer = f"{name}.block.1"
    y = b.conv(f"{layer}.0", y, 0, kernel, stride, depthwise=True, norm=f"{layer}.1", activation="swish")
    index = int(layer[-1]) + 1
    squeezed = max(1, b.channels(x) // 4)
    y = b.squeeze_excite(
        f"{name}.block.{index}", y, squeezed, gate="sigmoid", activation="swish", layers=("fc1", "fc2")
    )
    layer = f"{name}.block.{index + 1}"
    y = b.conv(f"{layer}.0", y, channels, norm=f"{layer}.1")
    return b.add(name, "add", x, y) if stride == 1 and b.channels(x) == channels else y


NETWORK = Network("efficientnet_b0", define, "Tan and Le 2019")
