"""DS-CNN for keyword spotting (Zhang et al., "Hello Edge: Keyword Spotting on Microcontrollers", 2017; sizes of MLPerf
Tiny): the input is a map of sound features, one row a frame.
"""

from hwgen.compiler.frontend.zoo.blocks import Net, rounded, same_pads
from hwgen.compiler.frontend.zoo.options import Network, Options
from hwgen.compiler.graph.graph import Graph

FEATURES = 10
CHANNELS = 64
BLOCKS = 4
KERNEL, STRIDE = (10, 4), (2, 2)


def define(options: Options) -> Graph:
    b, channels = Net("ds_cnn"), rounded(CHANNELS * options.width)
    x = b.add("features", "input", shape=(options.resolution, FEATURES, 1))
    pad = same_pads((options.resolution, FEATURES), KERNEL, STRIDE)
    x = b.conv("conv1", x, channels, KERNEL, STRIDE, pad=pad, norm="bn1", activation="relu")
    for block in range(BLOCKS):
        name = f"blocks.{block}"
        x = b.conv(f"{name}.conv_dw", x, kernel=3, depthwise=True, norm=f"{name}.bn1", activation="relu")
        x = b.conv(f"{name}.conv_pw", x, channels, norm=f"{name}.bn2", activation="relu")
    x = b.add("pool", "global_avg_pool", x)
    return b.graph(b.dense("fc", x, options.classes))


NETWORK = Network(
    "ds_cnn", define, "Zhang et al. 2017", standard=Options(resolution=49, classes=12), stride=1, least=10
)
