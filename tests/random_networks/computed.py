"""Random operators that compute on values: pools, means, sums, products, functions of one value."""

from __future__ import annotations

from typing import Any

from hwgen.hw.isa.ceil_div import ceil_div
from tests.random_networks.drawn import MOST_ELEMENTS, Drawn
from tests.support.make_tflite import SAME, VALID

UNIT = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
"""Scale and zero point that the output of these must have."""


def pool(d: Drawn) -> None:
    """MAX_POOL_2D or AVERAGE_POOL_2D; input and output share their quantisation."""
    x = d.source()
    _, height, width, channels = d.shape(x)
    padding = d.pick([SAME, VALID])
    options: dict[str, int] = {"Padding": padding, "FusedActivationFunction": d.activation()}
    size = []
    for axis, extent in (("H", height), ("W", width)):
        kernel, stride = d.between(1, min(extent if padding == VALID else 2 * extent, 6)), d.pick([1, 1, 2, 3])
        size.append(ceil_div(extent if padding == SAME else extent - kernel + 1, stride))
        options |= {"FilterHeight" if axis == "H" else "FilterWidth": kernel, f"Stride{axis}": stride}
    op = d.pick(["MAX_POOL_2D", "AVERAGE_POOL_2D"])
    d.add(d.one(op, x, (1, *size, channels), **options))


def mean(d: Drawn) -> None:
    """MEAN over height and width, its axes written in any way; what loses them gets the shape of a frame again."""
    x = d.source()
    channels = d.shape(x)[3]
    out = _mean(d, x, d.chance(0.7))
    if len(d.shape(out)) == 2:
        out = d.one("RESHAPE", out, (1, 1, 1, channels), constants=[[1, 1, 1, channels]])
    d.add(out)


def _mean(d: Drawn, x: int, keep: bool) -> int:
    channels = d.shape(x)[3]
    axes = d.pick([[1, 2], [2, 1], [-3, -2], [1, -2]])
    shape = (1, 1, 1, channels) if keep else (1, channels)
    quantisation = d.quantisation(d.scale(x)[0] / 2)
    return d.one("MEAN", x, shape, constants=[axes], KeepDims=keep, quantisation=quantisation)


def binary(d: Drawn) -> None:
    """ADD or MUL: with another tensor or itself, one value a channel or one for all, constant or not, in either order."""
    op = d.pick(["ADD", "MUL"])
    x = d.source()
    shape = d.shape(x)
    kind = d.pick(["tensor", "tensor", "tensor", "gate", "channels", "value"])
    if kind == "tensor":
        y = d.pick([other for other in d.made if d.shape(other) == shape])
        d.unread.discard(y)
    elif kind == "gate":
        y = _mean(d, x, keep=True)
    else:
        size = d.pick([(shape[3],), (1, 1, 1, shape[3])]) if kind == "channels" else d.pick([(), (1,), (1, 1, 1, 1)])
        y = d.constant_q(size, d.near(d.scale(x)[0]), d.zero_point())
    left, right = float(d.m.tensors[x]["scales"][0]), float(d.m.tensors[y]["scales"][0])
    natural = max(left, right) if op == "ADD" else left * right * 60
    out = d.tensor(shape, *d.quantisation(natural))
    inputs = [x, y] if d.chance(0.5) else [y, x]
    d.m.operator(op, inputs, [out], FusedActivationFunction=d.activation())
    d.add(out)


def function(d: Drawn) -> None:
    """A function of one value: a rectifier, a sigmoid, a change of scale."""
    op = d.pick(
        ["RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "LEAKY_RELU", "HARD_SWISH", "LOGISTIC", "TANH", "QUANTIZE"]
    )
    x = d.source()
    options: dict[str, Any] = {}
    if op == "LEAKY_RELU":
        options["Alpha"] = d.power(-12, 2) * d.pick([1.0, 1.0, -1.0])
    quantisation = UNIT.get(op) or d.quantisation(d.scale(x)[0])
    d.add(d.one(op, x, quantisation=quantisation, **options))


def resize(d: Drawn) -> None:
    """RESIZE_NEAREST_NEIGHBOR to any size."""
    x = d.source()
    _, height, width, channels = d.shape(x)
    size = [d.pick([extent, 2 * extent, 3 * extent, d.between(1, 2 * extent)]) for extent in (height, width)]
    if size[0] * size[1] * channels > MOST_ELEMENTS:
        return
    mode = d.between(0, 2)
    options = {"AlignCorners": mode == 1, "HalfPixelCenters": mode == 2}
    d.add(d.one("RESIZE_NEAREST_NEIGHBOR", x, (1, *size, channels), constants=[size], **options))
