"""ResNet-8 for CIFAR-10 (He et al., "Deep Residual Learning for Image Recognition", 2015, section 4.2; sizes of MLPerf
Tiny).
"""

from hwgen.compiler.frontend.zoo.blocks import Net, rounded
from hwgen.compiler.frontend.zoo.options import Network, Options
from hwgen.compiler.graph.graph import Graph

CHANNELS = (16, 32, 64)


def define(options: Options) -> Graph:
    b = Net("resnet8")
    first = rounded(CHANNELS[0] * options.width)
    x = b.conv("conv1", b.image(options.resolution), first, 3, norm="bn1", activation="relu")
    for number, channels in enumerate(CHANNELS, start=1):
        x = _block(b, f"layer{number}", x, rounded(channels * options.width), 2 if number > 1 else 1)
    x = b.add("avgpool", "global_avg_pool", x)
    return b.graph(b.dense("fc", x, options.classes))


def _block(b: Net, name: str, x: str, channels: int, stride: int) -> str:
    y = b.conv(f"{name}.conv1", x, channels, 3, stride, norm=f"{name}.bn1", activation="relu")
    y = b.conv(f"{name}.conv2", y, channels, 3, norm=f"{name}.bn2")
    if stride != 1:
        x = b.conv(f"{name}.downsample", x, channels, 1, stride, bias=True)
    return b.activate(b.add(name, "add", x, y), "relu")


NETWORK = Network("resnet8", define, "He et al. 2015", standard=Options(resolution=32, classes=10), stride=4, least=8)
