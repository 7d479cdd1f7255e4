"""Small relatives of ShuffleNet v2 and MobileNet v3 for 16 x 16 grey images of digits.

The units are the papers'; there are fewer of them, and strides of 8 instead of 32 leave something of so small an image.
"""

from hwgen.compiler.graph.graph import Builder, Graph

SIZE = 16
CLASSES = 10


def shufflenet_v2() -> Graph:
    """ShuffleNet v2 (Ma et al. 2018, figure 3): stem, three stages of 2, 3 and 2 units, 1x1, pool, classifier."""
    b = Builder("digits_shufflenet_v2")
    x = b.add("image", "input", shape=(SIZE, SIZE, 1))
    x = _conv(b, "conv1", x, 16, kernel=3)
    for stage, (channels, units) in enumerate(((32, 2), (64, 3), (96, 2)), start=2):
        for unit in range(units):
            x = _shuffle_unit(b, f"stage{stage}.{unit}", x, channels, first=unit == 0)
    x = _conv(b, "conv5", x, 128)
    x = b.add("pool", "global_avg_pool", x)
    return b.graph(b.add("fc", "fully_connected", x, channels=CLASSES, weight="fc.weight", bias="fc.bias"))


def _shuffle_unit(b: Builder, name: str, x: str, channels: int, *, first: bool) -> str:
    half, stride = channels // 2, 2 if first else 1
    if first:
        left = _conv(b, f"{name}.left.deep", x, 0, kernel=3, stride=stride, depthwise=True, activation="")
        left = _conv(b, f"{name}.left.point", left, half)
    else:
        left = b.add(f"{name}.identity", "slice", x, offset=0, channels=half)
        x = b.add(f"{name}.split", "slice", x, offset=half, channels=half)
    right = _conv(b, f"{name}.right.expand", x, half)
    right = _conv(b, f"{name}.right.deep", right, 0, kernel=3, stride=stride, depthwise=True, activation="")
    right = _conv(b, f"{name}.right.point", right, half)
    joined = b.add(f"{name}.concat", "concat", left, right)
    return b.add(name, "shuffle", joined, groups=2)


# Expanded channels, output channels, squeeze-and-excitation, activation, stride.
BLOCKS = (
    (16, 16, True, "relu", 2),
    (48, 24, False, "relu", 2),
    (64, 24, False, "relu", 1),
    (80, 32, True, "hard_swish", 2),
    (96, 32, False, "hard_swish", 1),
)


def mobilenet_v3() -> Graph:
    """MobileNet v3 (Howard et al. 2019, figure 4): stem, five blocks, 1x1, pool, two fully connected layers."""
    b = Builder("digits_mobilenet_v3")
    x = b.add("image", "input", shape=(SIZE, SIZE, 1))
    x = _conv(b, "stem", x, 16, kernel=3, activation="hard_swish")
    for number, (expanded, channels, excite, activation, stride) in enumerate(BLOCKS):
        name, source = f"block{number}", x
        x = _conv(b, f"{name}.expand", x, expanded, activation=activation)
        x = _conv(b, f"{name}.deep", x, 0, kernel=3, stride=stride, depthwise=True, activation=activation)
        if excite:
            x = _squeeze_excite(b, f"{name}.se", x)
        x = _conv(b, f"{name}.project", x, channels, activation="")
        if stride == 1 and b.shapes[source] == b.shapes[x]:
            x = b.add(f"{name}.add", "add", source, x)
    x = _conv(b, "last", x, 80, activation="hard_swish")
    x = b.add("pool", "global_avg_pool", x)
    x = b.add("hidden", "fully_connected", x, channels=48, weight="hidden.weight", bias="hidden.bias")
    x = b.add("hidden.act", "hard_swish", x)
    return b.graph(b.add("fc", "fully_connected", x, channels=CLASSES, weight="fc.weight", bias="fc.bias"))


def _squeeze_excite(b: Builder, name: str, x: str) -> str:
    channels = b.shapes[x][2]
    y = b.add(f"{name}.pool", "global_avg_pool", x)
    squeezed = max(8, channels // 32 * 8)
    y = b.add(
        f"{name}.fc1", "fully_connected", y, channels=squeezed, weight=f"{name}.fc1.weight", bias=f"{name}.fc1.bias"
    )
    y = b.add(f"{name}.relu", "relu", y)
    y = b.add(
        f"{name}.fc2", "fully_connected", y, channels=channels, weight=f"{name}.fc2.weight", bias=f"{name}.fc2.bias"
    )
    y = b.add(f"{name}.sigmoid", "hard_sigmoid", y)
    return b.add(f"{name}.scale", "mul", x, y)


def _conv(
    b: Builder,
    name: str,
    x: str,
    channels: int,
    *,
    kernel: int = 1,
    stride: int = 1,
    depthwise: bool = False,
    activation: str = "relu",
) -> str:
    """Convolution (a depthwise one keeps the channels), batch norm, activation."""
    side, groups = kernel // 2, b.shapes[x][2] if depthwise else 1
    x = b.add(
        name,
        "conv2d",
        x,
        channels=groups if depthwise else channels,
        kernel=(kernel, kernel),
        stride=(stride, stride),
        pad=(side, side, side, side),
        groups=groups,
        weight=f"{name}.weight",
    )
    x = b.add(f"{name}.norm", "batch_norm", x, norm=f"{name}.norm")
    return b.add(f"{name}.{activation}", activation, x) if activation else x


NETWORKS = {"shufflenet_v2": shufflenet_v2, "mobilenet_v3": mobilenet_v3}
