"""Small TensorFlow Lite networks of several operators, as blocks of real ones are made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hwgen.hw.isa.ceil_div import ceil_div
from tests.support.make_tflite import ACTIVATIONS, SAME, VALID
from tests.support.tflite_net import SCALE, ZERO, Net


def _inverted(net: Net, x: int) -> int:
    """Tables behind every convolution: of the array, of the window, of both in one pass."""
    wide = net.one("HARD_SWISH", net.conv(x, 12), quantisation=(0.04, -20))
    middle = net.one("LEAKY_RELU", net.depthwise(wide), Alpha=0.1)
    return net.one("TANH", net.conv(middle, 6), quantisation=(1 / 128, 0))


def _branches(net: Net, x: int) -> int:
    """Parts of whole words, one of them a pool, one read elsewhere too."""
    left, right = net.conv(x, 8, activation="RELU"), net.conv(x, 8, 3)
    pooled = net.one("MAX_POOL_2D", left, FilterHeight=3, FilterWidth=3, StrideH=1, StrideW=1, Padding=SAME)
    return net.conv(net.join(right, pooled, left), 5, 3)


def _odd_branches(net: Net, x: int) -> int:
    """Parts with gaps between them, read by convolutions only; then by a depthwise one."""
    first = net.conv(net.join(net.conv(x, 5), net.conv(x, 3)), 7)
    return net.depthwise(net.join(net.conv(first, 3), first))


def _nested(net: Net, x: int) -> int:
    """A concatenation in a concatenation, the same part twice, and other scales."""
    part = net.conv(x, 8)
    inner = net.join(part, net.conv(x, 8))
    other = net.conv(x, 8, quantisation=(0.08, 10))
    return net.conv(net.join(inner, part, other), 6)


def _grouped(net: Net, x: int) -> int:
    """A unit of ShuffleNet v1: grouped convolutions around a shuffle."""
    first = net.shuffle(net.conv(net.conv(x, 16), 32, groups=4, activation="RELU"), 4)
    return net.conv(net.depthwise(first), 12, groups=2)


def _shuffled_units(net: Net, x: int) -> int:
    """Units of ShuffleNet v2: one that halves the map, two that leave half of the channels as they are."""
    left = net.conv(net.depthwise(x, stride=2), 12, activation="RELU")
    right = net.conv(net.depthwise(net.conv(x, 12, activation="RELU"), stride=2), 12, activation="RELU")
    joined = net.shuffle(net.join(left, right), 2)
    for _ in range(2):
        kept, half = net.split(joined, 12, 12)
        made = net.conv(net.depthwise(net.conv(half, 12, activation="RELU")), 12, activation="RELU")
        joined = net.shuffle(net.join(kept, made), 2)
    return net.conv(joined, 7)


def _multiplied(net: Net, x: int) -> int:
    """A depth multiplier, an even stride, then a grouped 3x3 convolution of few channels."""
    return net.conv(net.depthwise(x, stride=2, multiplier=3), 6, 3, groups=3)


def _halves(net: Net, x: int) -> int:
    """Slices that do not begin with a word, through the window and through the array."""
    first, second, third = net.split(net.conv(x, 17), 3, 6, 8)
    return net.conv(net.join(net.depthwise(second), first, net.conv(third, 4)), 8)


def _head(net: Net, x: int) -> int:
    """The end of a classifier; SOFTMAX is the host's."""
    return net.head(net.conv(x, 9, stride=2, activation="RELU6"), 10)


def _flattened(net: Net, x: int) -> int:
    """FULLY_CONNECTED of a map."""
    small = net.conv(x, 4, 3, stride=2, padding=VALID)
    _, height, width, channels = net.shape(small)
    return net.dense(net.one("RESHAPE", small, (1, height * width * channels)), 7)


def _padded(net: Net, x: int) -> int:
    """PAD before a pool, behind a rectifier, and before a convolution."""
    relu = net.conv(x, 6, activation="RELU", quantisation=(SCALE, -128))
    _, height, width, channels = net.shape(relu)
    amounts = [[0, 0], [1, 1], [1, 1], [0, 0]]
    wide = net.one("PAD", relu, (1, height + 2, width + 2, channels), constants=[amounts])
    pooled = net.one(
        "MAX_POOL_2D",
        wide,
        (1, height, width, channels),
        FilterHeight=3,
        FilterWidth=3,
        StrideH=1,
        StrideW=1,
        Padding=VALID,
    )
    outer = net.one("PAD", pooled, (1, height + 2, width + 2, channels), constants=[amounts])
    return net.conv(outer, 4, 3, padding=VALID)


def _surrounded(net: Net, x: int) -> int:
    """More padding than a kernel has rows and columns, around a convolution and a depthwise one."""
    _, height, width, channels = net.shape(x)
    first = net.one("PAD", x, (1, height + 5, width + 7, channels), constants=[[[0, 0], [3, 2], [3, 4], [0, 0]]])
    middle = net.conv(first, 5, 3, stride=2, padding=VALID)
    _, height, width, channels = net.shape(middle)
    second = net.one("PAD", middle, (1, height + 4, width + 4, channels), constants=[[[0, 0], [2, 2], [2, 2], [0, 0]]])
    return net.depthwise(second, 2)


def _large_factors(net: Net, x: int) -> int:
    """A factor above 1: weights are doubled until the shift is to the right."""
    net.rng = np.random.default_rng(5)
    small = net.conv(x, 4)
    shape = (4, 1, 1, 4)
    w = net.m.tensor(shape, [3.0] * 4, data=net.rng.integers(-2, 3, shape).astype(np.int8))
    c = net.m.tensor((4,), [3.0 * SCALE] * 4, data=net.rng.integers(-9, 9, 4).astype(np.int32))
    out = net.tensor(net.shape(small))
    options = {"Padding": SAME, "StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    net.m.operator("CONV_2D", [small, w, c], [out], **options)
    return out


def _clamped(net: Net, x: int) -> int:
    """Rectifiers of their own: one goes into the convolution before it, one behind a pool, one reads a tensor with other readers."""
    first = net.one("RELU6", net.conv(x, 8))
    pooled = net.one("MAX_POOL_2D", first, FilterHeight=2, FilterWidth=2, StrideH=1, StrideW=1, Padding=SAME)
    return net.join(net.one("RELU", pooled), net.one("RELU_N1_TO_1", pooled), pooled)


def _residual(net: Net, x: int) -> int:
    """Sums, one with a rectifier, one of a slice, one of them a part of a concatenation."""
    first = net.conv(x, 12)
    second = net.two("ADD", first, net.conv(first, 12), (0.06, -128), FusedActivationFunction=ACTIVATIONS["RELU"])
    left, right = net.split(net.conv(second, 12), 4, 8)
    return net.conv(net.join(net.two("ADD", right, net.depthwise(right), (SCALE, ZERO)), left), 6)


def _excited(net: Net, x: int) -> int:
    """Squeeze and excitation, with a sigmoid."""
    wide = net.one("HARD_SWISH", net.depthwise(net.conv(x, 10)))
    pooled = net.one("MEAN", wide, (1, 1, 1, 10), constants=[[1, 2]], KeepDims=True)
    gate = net.one("LOGISTIC", net.conv(net.conv(pooled, 4, activation="RELU"), 10), quantisation=(1 / 256, -128))
    return net.conv(net.two("MUL", wide, gate, (0.04, 2)), 5)


def _pyramid(net: Net, x: int) -> int:
    """A map enlarged into a concatenation and a sum with finer ones, another one made smaller."""
    fine = net.conv(x, 8)
    _, height, width, _ = net.shape(fine)
    coarse = net.conv(fine, 8, stride=2)
    size = (2 * net.shape(coarse)[1], 3 * net.shape(coarse)[2])
    large = net.one("RESIZE_NEAREST_NEIGHBOR", coarse, (1, *size, 8), constants=[size])
    cut = net.one("STRIDED_SLICE", large, (1, height, width, 8), constants=[[0] * 4, [1, height, width, 8], [1] * 4])
    small = net.one("RESIZE_NEAREST_NEIGHBOR", fine, (1, 3, max(1, width // 2), 8), constants=[(3, max(1, width // 2))])
    again = net.one("RESIZE_NEAREST_NEIGHBOR", small, (1, 6, 2 * (width // 2), 8), constants=[(6, 2 * (width // 2))])
    joined = net.conv(net.join(net.two("ADD", cut, fine, (0.08, 0)), net.conv(cut, 3)), 6)
    return net.join(net.conv(joined, 4, 3), joined) if height != 6 else net.conv(net.join(again, again), 5)


def _cropped(net: Net, x: int) -> int:
    """Every third column from one far to the right on."""
    _, height, width, channels = net.shape(x)
    size = (height, 4 * width)
    wide = net.one("RESIZE_NEAREST_NEIGHBOR", x, (1, *size, channels), constants=[size])
    begin, end = [0, 1, size[1] - 7, 0], [1, height, size[1], channels]
    return net.one("STRIDED_SLICE", wide, (1, height - 1, 3, channels), constants=[begin, end, [1, 1, 3, 1]])


def _enlarged(net: Net, x: int) -> int:
    """Ends with what only the host has."""
    small = net.conv(x, 4)
    _, height, width, channels = net.shape(small)
    size = (2 * height, 2 * width)
    return net.one("RESIZE_NEAREST_NEIGHBOR", small, (1, *size, channels), constants=[size])


NETWORKS: dict[str, Callable[[Net, int], int]] = {
    function.__name__[1:]: function
    for function in (
        _inverted,
        _branches,
        _odd_branches,
        _nested,
        _grouped,
        _shuffled_units,
        _multiplied,
        _halves,
        _head,
        _flattened,
        _padded,
        _surrounded,
        _large_factors,
        _clamped,
        _residual,
        _excited,
        _pyramid,
        _cropped,
        _enlarged,
    )
}


def network(name: str, shape: tuple[int, int, int] = (6, 7, 5), seed: int = 0) -> bytes:
    """A network's file; `shape` of its input."""
    net = Net(seed)
    x = net.tensor((1, *shape))
    return net.m.finish([x], [NETWORKS[name](net, x)])


def random_network(seed: int) -> bytes:
    """Three to nine operators at random, each reading what others made before; the output joins what was made last."""
    net = Net(seed)
    rng = net.rng
    height, width = int(rng.integers(1, 8)), int(rng.integers(1, 8))
    x = net.tensor((1, height, width, int(rng.integers(1, 20))))
    made = [x]
    for _ in range(int(rng.integers(3, 10))):
        source = made[int(rng.integers(max(0, len(made) - 3), len(made)))]
        made += _random_operator(net, source, made)
    last = [tensor for tensor in made[-2:] if net.shape(tensor)[1:3] == net.shape(made[-1])[1:3]]
    same = all(net.scale(tensor) == net.scale(last[0]) for tensor in last)
    return net.m.finish([x], [net.join(*last) if len(last) > 1 and same else made[-1]])


def _random_operator(net: Net, x: int, made: list[int]) -> list[int]:
    rng, (_, height, width, channels) = net.rng, net.shape(x)
    alike = [other for other in made if other != x and net.shape(other) == net.shape(x)]
    quantisation = (float(rng.choice([SCALE, 0.03, 0.08])), int(rng.choice([ZERO, -128, 20])))
    match int(rng.integers(14)):
        case 0 | 1:
            groups = int(rng.choice([g for g in (1, 1, 2, 3, 4) if channels % g == 0]))
            kernel, stride = int(rng.choice([1, 1, 3])), int(rng.choice([1, 1, 2]))
            activation = str(rng.choice(["NONE", "RELU", "RELU6"]))
            out = groups * int(rng.integers(1, 9))
            return [
                net.conv(x, out, kernel, groups=groups, stride=stride, activation=activation, quantisation=quantisation)
            ]
        case 2:
            return [net.depthwise(x, int(rng.choice([1, 2, 3])), multiplier=int(rng.choice([1, 1, 2])))]
        case 3:
            op = str(rng.choice(["HARD_SWISH", "RELU", "RELU6", "LEAKY_RELU", "LOGISTIC", "TANH"]))
            fixed = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
            options: dict[str, Any] = {"Alpha": 0.2} if op == "LEAKY_RELU" else {}
            return [net.one(op, x, quantisation=fixed.get(op, quantisation), **options)]
        case 4:
            size = min(2, height, width)
            options = {"FilterHeight": size, "FilterWidth": size, "StrideH": 1, "StrideW": 1, "Padding": SAME}
            return [net.one("MAX_POOL_2D", x, FusedActivationFunction=int(rng.integers(4)), **options)]
        case 5:
            same = [other for other in made if net.shape(other)[1:3] == net.shape(x)[1:3]]
            parts = [int(part) for part in rng.choice(same, int(rng.integers(1, 3)))]
            return [net.join(x, *parts)]
        case 6 if channels > 1:
            first = int(rng.integers(1, channels))
            return net.split(x, first, channels - first)
        case 7 if channels % 2 == 0:
            return [net.shuffle(x, 2)]
        case 8:
            amounts = rng.integers(0, 3, (4, 2))
            amounts[0] = 0
            shape = tuple(int(n) for n in np.array(net.shape(x)) + amounts.sum(axis=1))
            return [net.one("PAD", x, shape, constants=[amounts])]
        case 9:
            begin = [0, *(int(rng.integers(size)) for size in (height, width, channels))]
            step = [1, *(int(rng.choice([1, 2, 3, 4])) for _ in range(3))]
            end = net.shape(x)
            shape = tuple(ceil_div(e - b, s) for b, e, s in zip(begin, end, step, strict=True))
            return [net.one("STRIDED_SLICE", x, shape, constants=[begin, list(end), step])]
        case 10:
            return [net.one("QUANTIZE", x, quantisation=quantisation)]
        case 11 if alike:
            return [net.two(str(rng.choice(["ADD", "MUL"])), x, alike[-1], (0.1, int(rng.integers(-20, 20))))]
        case 12:
            gate = net.one("MEAN", x, (1, 1, 1, channels), constants=[[1, 2]], KeepDims=True, quantisation=quantisation)
            return [net.two("MUL", x, gate, (0.1, 0))]
        case 13 if alike and all(net.scale(other) == net.scale(x) for other in alike):
            left = alike[-1] if rng.integers(2) else net.split(net.join(x, x), channels, channels)[0]
            return [net.shuffle(net.join(left, net.conv(x, channels, quantisation=net.scale(x))), 2)]
        case _:
            return []
