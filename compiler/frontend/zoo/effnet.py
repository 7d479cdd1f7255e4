"""EffNet (Freeman et al., "EffNet: An Efficient Structure for Convolutional Neural Networks", 2018, section 4): a
3x3 depthwise convolution as 1x3, pooling along the columns, and 3x1.
"""

from hwgen.compiler.frontend.zoo.blocks import Net, rounded
from hwgen.compiler.frontend.zoo.options import Network, Options
from hwgen.compiler.graph.graph import Graph

BLOCKS = ((32, 64), (64, 128), (128, 256))
"""Channels of the first convolution and of the output."""


def define(options: Options) -> Graph:
    b = Net("effnet")
    x = b.image(options.resolution)
    for number, (inner, outer) in enumerate(BLOCKS, start=1):
        x = _block(b, f"block{number}", x, rounded(inner * options.width), rounded(outer * options.width))
    height, width, _ = b.shapes[x]
    # A fully connected layer of the whole map, whose weights are those of a convolution as large as the map.
    return b.graph(b.conv("fc", x, options.classes, (height, width), pad=0, bias=True))


def _block(b: Net, name: str, x: str, inner: int, outer: int) -> str:
    act = "leaky_relu"
    x = b.conv(f"{name}.conv1", x, inner, norm=f"{name}.bn1", activation=act)
    x = b.conv(f"{name}.conv2", x, 0, (1, 3), depthwise=True, norm=f"{name}.bn2", activation=act)
    x = b.add(f"{name}.pool", "max_pool", x, kernel=(2, 1), stride=(2, 1))
    x = b.conv(f"{name}.conv3", x, 0, (3, 1), depthwise=True, norm=f"{name}.bn3", activation=act)
    return b.conv(f"{name}.conv4", x, outer, (2, 1), (1, 2), pad=(0, 1, 0, 0), norm=f"{name}.bn4", activation=act)


NETWORK = Network(
    "effnet", define, "Freeman et al. 2018", standard=Options(resolution=32, classes=10), stride=8, least=8
)
