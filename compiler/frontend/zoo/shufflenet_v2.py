"""ShuffleNet v2 (Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", 2018, table
5).

Nodes and parameters bear torchvision's names.
"""

from hwgen.compiler.frontend.zoo.options import Network, Options
from hwgen.compiler.graph.graph import Builder, Graph

# Width: channels of the three stages and of conv5.
CHANNELS = {
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (244, 488, 976, 2048),
}
UNITS = (4, 8, 4)
STEM = 24
PAD = (1, 1, 1, 1)


def define(options: Options) -> Graph:
    *stages, last = CHANNELS[options.width]
    b = Builder("shufflenet_v2")
    x = b.add("image", "input", shape=(options.resolution, options.resolution, 3))
    x = _conv(b, "conv1", 0, x, STEM, kernel=3, stride=2)
    x = b.add("maxpool", "max_pool", x, kernel=(3, 3), stride=(2, 2), pad=PAD)
    for number, (channels, units) in enumerate(zip(stages, UNITS, strict=True), start=2):
        for unit in range(units):
            x = _unit(b, f"stage{number}.{unit}", x, channels, first=unit == 0)
    x = _conv(b, "conv5", 0, x, last)
    x = b.add("pool", "global_avg_pool", x)
    x = b.add("fc", "fully_connected", x, channels=options.classes, weight="fc.weight", bias="fc.bias")
    return b.graph(x)


def _unit(b: Builder, name: str, x: str, channels: int, *, first: bool) -> str:
    """One unit (figure 3 (c) and (d) of the paper); the first of a stage halves the map."""
    half = channels // 2
    if first:
        left = _conv(b, f"{name}.branch1", 0, x, kernel=3, stride=2, depthwise=True, relu=False)
        left = _conv(b, f"{name}.branch1", 2, left, half)
        right = x
    else:
        left = b.add(f"{name}.identity", "slice", x, offset=0, channels=half)
        right = b.add(f"{name}.split", "slice", x, offset=half, channels=half)
    right = _conv(b, f"{name}.branch2", 0, right, half)
    right = _conv(b, f"{name}.branch2", 3, right, kernel=3, stride=2 if first else 1, depthwise=True, relu=False)
    right = _conv(b, f"{name}.branch2", 5, right, half)
    joined = b.add(f"{name}.concat", "concat", left, right)
    height, width, _ = b.shapes[joined]
    grouped = b.add(f"{name}.grouped", "reshape", joined, shape=(height, width, 2, half))
    swapped = b.add(f"{name}.swapped", "transpose", grouped, order=(0, 1, 3, 2))
    return b.add(name, "reshape", swapped, shape=(height, width, channels))


def _conv(
    b: Builder,
    sequence: str,
    index: int,
    x: str,
    channels: int = 0,
    *,
    kernel: int = 1,
    stride: int = 1,
    depthwise: bool = False,
    relu: bool = True,
) -> str:
    """Convolution, batch norm and perhaps ReLU, numbered as in torchvision's Sequential `sequence` from `index` on."""
    inputs = b.shapes[x][2]
    name = f"{sequence}.{index}"
    y = b.add(
        name,
        "conv2d",
        x,
        channels=inputs if depthwise else channels,
        kernel=(kernel, kernel),
        stride=(stride, stride),
        pad=PAD if kernel == 3 else (0, 0, 0, 0),
        groups=inputs if depthwise else 1,
        weight=f"{name}.weight",
    )
    y = b.add(f"{sequence}.{index + 1}", "batch_norm", y, norm=f"{sequence}.{index + 1}", eps=1e-5)
    return b.add(f"{sequence}.{index + 2}", "relu", y) if relu else y


NETWORK = Network(
    "shufflenet_v2",
    define,
    "Ma et al. 2018",
    widths=tuple(CHANNELS),
    published=tuple({"width": width} for width in CHANNELS),
)
