"""Small TensorFlow Lite networks with sums and products of tensors, made by `tests.support.make_tflite`."""

from __future__ import annotations

import numpy as np

from hwgen.hw.isa.ceil_div import ceil_div
from tests.support.make_tflite import ACTIVATIONS, SAME, Maker


class Network:
    """A network in the making; layers take and give tensor numbers, and choose scales that fill the range of int8."""

    def __init__(self, seed: int, shape: tuple[int, int, int]) -> None:
        self.rng, self.m = np.random.default_rng(seed), Maker()
        self.input = self.tensor(shape, 0.02)
        self.shapes = {self.input: shape}

    def tensor(self, shape: tuple[int, int, int], scale: float, zero: int | None = None) -> int:
        zero = int(self.rng.integers(-40, 40)) if zero is None else zero
        number = self.m.tensor((1, *shape), float(np.float32(scale)), zero)
        if hasattr(self, "shapes"):
            self.shapes[number] = shape
        return number

    def scale(self, tensor: int) -> float:
        return float(self.m.tensors[tensor]["scales"][0])

    def conv(
        self, x: int, channels: int, kernel: int = 1, stride: int = 1, relu: bool = False, depthwise: bool = False
    ) -> int:
        """A convolution with a bias; a depthwise one keeps the channels."""
        height, width, depth = self.shapes[x]
        out_shape = (ceil_div(height, stride), ceil_div(width, stride), depth if depthwise else channels)
        size = (1, kernel, kernel, depth) if depthwise else (channels, kernel, kernel, depth)
        weights = self.rng.integers(-127, 128, size).astype(np.int8)
        scales = self.rng.uniform(0.002, 0.01, out_shape[2]).astype(np.float32)
        bias = self.rng.integers(-4000, 4000, out_shape[2]).astype(np.int32)
        axis = 3 if depthwise else 0
        w = self.m.tensor(size, scales, data=weights, axis=axis)
        b = self.m.tensor((out_shape[2],), self.scale(x) * scales, data=bias)
        terms = weights.size / out_shape[2]
        out = self.tensor(out_shape, self.scale(x) * 0.006 * 70 * np.sqrt(terms) * 0.7, -128 if relu else None)
        options = {
            "Padding": SAME,
            "StrideH": stride,
            "StrideW": stride,
            "FusedActivationFunction": ACTIVATIONS["RELU" if relu else "NONE"],
        }
        if depthwise:
            options["DepthMultiplier"] = 1
        self.m.operator("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", [x, w, b], [out], **options)
        return out

    def pool(self, x: int, op: str, kernel: int) -> int:
        """A pool of stride 1, or a global one (AVERAGE_POOL_2D with the kernel of the whole tensor)."""
        height, width, channels = self.shapes[x]
        whole = op == "AVERAGE_POOL_2D"
        out = self.tensor(
            (1, 1, channels) if whole else (height, width, channels), self.scale(x), self.m.tensors[x]["zero_points"][0]
        )
        self.m.operator(
            op,
            [x],
            [out],
            FilterHeight=height if whole else kernel,
            FilterWidth=width if whole else kernel,
            StrideH=1,
            StrideW=1,
            Padding=1 if whole else SAME,
        )
        return out

    def combined(self, op: str, x: int, y: int, scale: float, relu: bool = False) -> int:
        """ADD or MUL, the output's scale relative to what the operands suggest."""
        base = max(self.scale(x), self.scale(y)) if op == "ADD" else 40 * self.scale(x) * self.scale(y)
        out = self.tensor(max(self.shapes[x], self.shapes[y]), base * scale)
        self.m.operator(op, [x, y], [out], FusedActivationFunction=ACTIVATIONS["RELU6" if relu else "NONE"])
        return out

    def finish(self, output: int) -> bytes:
        return self.m.finish([self.input], [output])


def residual(seed: int = 0, size: int = 20, channels: int = 40) -> bytes:
    """Sums and products in every place: of a projection and a block's input, of two projections, of stored tensors, of a tensor and
    a value per channel, of one tensor with itself.
    """
    n = Network(seed, (size, size, 3))
    stem = n.conv(n.input, channels, 3, 2, relu=True)
    expanded = n.conv(stem, 2 * channels, relu=True)
    deep = n.conv(expanded, 0, 3, relu=True, depthwise=True)
    block = n.combined("ADD", stem, n.conv(deep, channels), 1.3)  # what is stored comes first
    pooled = n.pool(block, "MAX_POOL_2D", 3)
    total = n.combined("ADD", pooled, block, 1.7, relu=True)  # nothing to share a pass with
    squeezed = n.conv(n.pool(total, "AVERAGE_POOL_2D", 0), channels, relu=True)
    scaled = n.combined("MUL", total, squeezed, 1.0)
    excited = n.combined("ADD", squeezed, scaled, 1.1)  # the value per channel comes first
    left, right = n.conv(excited, 2 * channels, relu=True), n.conv(excited, 2 * channels)
    both = n.combined("ADD", right, left, 0.8)
    gate = n.combined("MUL", n.conv(both, 2 * channels), both, 1.0)
    again = n.combined("MUL", n.conv(gate, channels), squeezed, 1.0)
    double = n.combined("ADD", again, again, 2.0)
    return n.finish(n.conv(n.pool(double, "AVERAGE_POOL_2D", 0), 12))


def inverted(seed: int = 0, size: int = 64) -> bytes:
    """Inverted residual blocks as in MobileNet v2, whose expanded tensors are six times as large as what goes in and out."""
    n = Network(seed, (size, size, 3))
    x = n.conv(n.input, 16, 3, 2, relu=True)
    for channels, stride in ((16, 1), (24, 2), (24, 1), (24, 1)):
        deep = n.conv(n.conv(x, 6 * n.shapes[x][2], relu=True), 0, 3, stride, relu=True, depthwise=True)
        projected = n.conv(deep, channels)
        x = n.combined("ADD", x, projected, 1.2) if n.shapes[x] == n.shapes[projected] else projected
    return n.finish(n.conv(n.pool(n.conv(x, 48, relu=True), "AVERAGE_POOL_2D", 0), 10))
