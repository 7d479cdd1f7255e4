"""ResNet-18 (He et al., "Deep Residual Learning for Image Recognition", 2015, table 1).  Parameters bear torchvision's names."""

from hwgen.compiler.frontend.zoo.blocks import Net, rounded
from hwgen.compiler.frontend.zoo.options import Network, Options
from hwgen.compiler.graph.graph import Graph

CHANNELS = (64, 128, 256, 512)
BLOCKS = 2
"""Of each stage; the first one of all stages but the first halves the map."""


def define(options: Options) -> Graph:
    b = Net("resnet18")
    first = rounded(CHANNELS[0] * options.width)
    x = b.conv("conv1", b.image(options.resolution), first, 7, 2, norm="bn1", activation="relu")
    x = b.max_pool("maxpool", x, pad=1)
    for number, channels in enumerate(CHANNELS, start=1):
        for block in range(BLOCKS):
            stride = 2 if number > 1 and block == 0 else 1
            x = _block(b, f"layer{number}.{block}", x, rounded(channels * options.width), stride)
    x = b.add("avgpool", "global_avg_pool", x)
    return b.graph(b.dense("fc", x, options.classes))


def _block(b: Net, name: str, x: str, channels: int, stride: int) -> str:
    y = b.conv(f"{name}.conv1", x, channels, 3, stride, norm=f"{name}.bn1", activation="relu")
    y = b.conv(f"{name}.conv2", y, channels, 3, norm=f"{name}.bn2")
    if stride != 1:
        x = b.conv(f"{name}.downsample.0", x, channels, 1, stride, norm=f"{name}.downsample.1")
    return b.activate(b.add(name, "add", x, y), "relu")


NETWORK = Network("resnet18", define, "He et al. 2015")
