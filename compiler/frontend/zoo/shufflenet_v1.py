"""ShuffleNet v1 (Zhang et al., "ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices",
2017, table 1 and figure 2).
"""

from math import lcm

from hwgen.compiler.frontend.zoo.blocks import Net, rounded
from hwgen.compiler.frontend.zoo.options import Network, Options
from hwgen.compiler.graph.graph import Graph

CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
"""Output channels of the first stage for each number of groups; each stage after it has twice as many."""

UNITS = (4, 8, 4)
STEM = 24


def define(options: Options) -> Graph:
    b, groups = Net("shufflenet_v1"), options.groups
    x = b.conv(
        "conv1.0",
        b.image(options.resolution),
        rounded(STEM * options.width, lcm(4, groups)),
        3,
        2,
        norm="conv1.1",
        activation="relu",
    )
    x = b.max_pool("maxpool", x, pad=1)
    for stage, units in enumerate(UNITS):
        channels = rounded(CHANNELS[groups] * options.width, 4 * groups) << stage
        for unit in range(units):
            x = _unit(
                b, f"stage{stage + 2}.{unit}", x, channels, groups, first=stage == unit == 0, stride=2 - min(unit, 1)
            )
    x = b.add("pool", "global_avg_pool", x)
    return b.graph(b.dense("fc", x, options.classes))


def _unit(b: Net, name: str, x: str, channels: int, groups: int, *, first: bool, stride: int) -> str:
    """One unit; with stride 2 it makes the channels that the pooled input lacks.  The very first 1x1 has no groups."""
    rest = channels - b.channels(x) if stride == 2 else channels
    y = b.conv(f"{name}.conv1", x, channels // 4, groups=1 if first else groups, norm=f"{name}.bn1", activation="relu")
    if groups > 1:
        height, width, inner = b.shapes[y]
        y = b.add(f"{name}.grouped", "reshape", y, shape=(height, width, groups, inner // groups))
        y = b.add(f"{name}.swapped", "transpose", y, order=(0, 1, 3, 2))
        y = b.add(f"{name}.shuffled", "reshape", y, shape=(height, width, inner))
    y = b.conv(f"{name}.conv2", y, 0, 3, stride, depthwise=True, norm=f"{name}.bn2")
    # ReLU behind the concatenation changes nothing of the pooled half, which is not negative.
    last = "relu" if stride == 2 else ""
    y = b.conv(f"{name}.conv3", y, rest, groups=groups, norm=f"{name}.bn3", activation=last)
    if stride == 1:
        return b.activate(b.add(name, "add", x, y), "relu")
    pooled = b.add(f"{name}.pool", "avg_pool", x, kernel=(3, 3), stride=(2, 2), pad=(1, 1, 1, 1), count_pad=1)
    return b.add(name, "concat", pooled, y)


NETWORK = Network(
    "shufflenet_v1",
    define,
    "Zhang et al. 2017",
    standard=Options(groups=3),
    groups=tuple(CHANNELS),
    published=tuple({"groups": groups} for groups in CHANNELS),
)
