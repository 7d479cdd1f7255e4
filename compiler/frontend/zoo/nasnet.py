"""NASNet-A mobile, 4 @ 1056 (Zoph et al., "Learning Transferable Architectures for Scalable Image Recognition", 2017,
figure 4), as keras.applications builds it.

A cell reads the output of the cell before it and of the one before that.  Two things are written otherwise than in Keras, with
the same values: the batch norm behind the concatenation in `_adjusted` is one for each half, and the sum of a pooled
tensor with itself doubles it.
"""

from hwgen.compiler.frontend.zoo.blocks import Net
from hwgen.compiler.frontend.zoo.options import Network, Options
from hwgen.compiler.graph.graph import Graph

STEM = 32
FILTERS = 44  # of the first stage: 1056 channels at the end, 24 times as many
CELLS = 4
STAGES = 3


def define(options: Options) -> Graph:
    b = Net("nasnet_mobile", eps=1e-3)
    filters = max(4, round(FILTERS * options.width / 4) * 4)
    x = b.conv("stem.conv", b.image(options.resolution), STEM, 3, 2, pad=0, norm="stem.bn")
    before = x
    for number, part in enumerate((4, 2), start=1):
        x, before = _reduction(b, f"stem.{number}", x, before, filters // part), x
    for stage in range(STAGES):
        wide = filters << stage
        if stage:
            x, before = _reduction(b, f"reduce.{stage}", x, before, wide), x
        for cell in range(CELLS):
            x, before = _normal(b, f"cells.{stage * CELLS + cell}", x, before, wide), x
    x = b.add("pool", "global_avg_pool", _relu(b, x))
    return b.graph(b.dense("fc", x, options.classes))


def _normal(b: Net, name: str, x: str, before: str, filters: int) -> str:
    p = _adjusted(b, f"{name}.adjust", before, x, filters)
    h = b.conv(f"{name}.conv", _relu(b, x), filters, norm=f"{name}.bn")
    first = b.add(
        f"{name}.1",
        "add",
        _separable(b, f"{name}.1.left", h, filters, 5),
        _separable(b, f"{name}.1.right", p, filters, 3),
    )
    second = b.add(
        f"{name}.2",
        "add",
        _separable(b, f"{name}.2.left", p, filters, 5),
        _separable(b, f"{name}.2.right", p, filters, 3),
    )
    third = b.add(f"{name}.3", "add", _mean(b, f"{name}.3.left", h), p)
    fourth = b.add(f"{name}.4", "affine", _mean(b, f"{name}.4.left", p), scale=2.0)
    fifth = b.add(f"{name}.5", "add", _separable(b, f"{name}.5.left", h, filters, 3), h)
    return b.add(name, "concat", p, first, second, third, fourth, fifth)


def _reduction(b: Net, name: str, x: str, before: str, filters: int) -> str:
    p = _adjusted(b, f"{name}.adjust", before, x, filters)
    h = b.conv(f"{name}.conv", _relu(b, x), filters, norm=f"{name}.bn")
    padded = b.add(f"{name}.padded", "pad", h, pad=_reducing(b, h, 3))
    pool = {"kernel": (3, 3), "stride": (2, 2)}
    largest = b.add(f"{name}.max", "max_pool", padded, **pool)
    mean = b.add(f"{name}.3.left", "avg_pool", padded, **pool)
    first = b.add(
        f"{name}.1",
        "add",
        _separable(b, f"{name}.1.left", h, filters, 5, 2),
        _separable(b, f"{name}.1.right", p, filters, 7, 2),
    )
    second = b.add(f"{name}.2", "add", largest, _separable(b, f"{name}.2.right", p, filters, 7, 2))
    third = b.add(f"{name}.3", "add", mean, _separable(b, f"{name}.3.right", p, filters, 5, 2))
    fourth = b.add(f"{name}.4", "add", second, _mean(b, f"{name}.4.left", first))
    fifth = b.add(f"{name}.5", "add", _separable(b, f"{name}.5.left", first, filters, 3), largest)
    return b.add(name, "concat", second, third, fourth, fifth)


def _adjusted(b: Net, name: str, before: str, x: str, filters: int) -> str:
    """The output of the cell before the last one with the map size of `x` and `filters` channels."""
    if before == x:
        return before
    if b.shapes[before][:2] != b.shapes[x][:2]:
        y = _relu(b, before)
        # Every other pixel, from the first one and from the second one on; behind the last one there are zeros.
        halves = [
            b.conv(f"{name}.conv{i + 1}", y, filters // 2, 1, 2, pad=(-i, i, -i, i), norm=f"{name}.bn{i + 1}")
            for i in range(2)
        ]
        return b.add(name, "concat", *halves)
    if b.channels(before) != filters:
        return b.conv(f"{name}.conv", _relu(b, before), filters, norm=f"{name}.bn")
    return before


def _separable(b: Net, name: str, x: str, filters: int, kernel: int, stride: int = 1) -> str:
    """ReLU, depthwise, 1x1, batch norm, all of it twice; the first time with the stride."""
    for number in (1, 2):
        pad = _reducing(b, x, kernel) if stride == 2 else None
        x = b.conv(f"{name}.dw{number}", _relu(b, x), 0, kernel, stride, pad=pad, depthwise=True)
        x = b.conv(f"{name}.pw{number}", x, filters, norm=f"{name}.bn{number}")
        stride = 1
    return x


def _relu(b: Net, x: str) -> str:
    """ReLU, once for all readers of `x`."""
    return f"{x}/relu" if f"{x}/relu" in b.shapes else b.activate(x, "relu")


def _mean(b: Net, name: str, x: str) -> str:
    return b.add(name, "avg_pool", x, kernel=(3, 3), pad=(1, 1, 1, 1))


def _reducing(b: Net, x: str, kernel: int) -> tuple[int, int, int, int]:
    """Padding of a window with stride 2: one row and column less before a map of even size."""
    (top, left), after = (kernel // 2 - 1 + size % 2 for size in b.shapes[x][:2]), kernel // 2
    return (top, after, left, after)


NETWORK = Network("nasnet_mobile", define, "Zoph et al. 2017")
