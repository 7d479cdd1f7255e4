"""A small TensorFlow Lite classifier with random weights, of the kind that microcontrollers run: one input channel, a tall first kernel,
depthwise-separable convolutions, average pool, fully connected layer, softmax."""

from __future__ import annotations

import numpy as np

from hwgen.hw.isa.ceil_div import ceil_div
from tests.support.make_tflite import ACTIVATIONS, SAME, VALID, Maker

INPUT = (20, 9, 1)
CLASSES = 10


def classifier(seed: int = 0, kernel: tuple[int, int] = (10, 4), *, functions: bool = False) -> bytes:
    """The file; `kernel` of its first convolution; with `functions` other activations than ReLU, which are tables."""
    rng, m = np.random.default_rng(seed), Maker()
    height, width, channels = INPUT
    x = source = m.tensor((1, *INPUT), scale := 0.02, 3)
    zero = 3

    def layer(
        op: str, shape: tuple[int, ...], axis: int, out: tuple[int, ...], activation: str, **options: int
    ) -> None:
        nonlocal x, scale, zero
        weights = rng.integers(-127, 128, shape).astype(np.int8)
        scales = rng.uniform(0.002, 0.01, shape[axis] if op != "FULLY_CONNECTED" else 1).astype(np.float32)
        bias = rng.integers(-900, 900, shape[axis]).astype(np.int32)
        w = m.tensor(shape, scales, data=weights, axis=axis)
        c = m.tensor((shape[axis],), scale * scales, data=bias)
        spread = scale * float(scales.max()) * 70 * 40 * np.sqrt(weights.size / shape[axis])
        scale, zero = float(np.float32(spread / 128)), -128 if activation == "RELU" else 5
        result = m.tensor(out, scale, zero)
        m.operator(op, [x, w, c], [result], FusedActivationFunction=ACTIVATIONS[activation], **options)
        x = result

    def function(op: str, shape: tuple[int, ...], scale_out: float, zero_out: int, **options: float) -> None:
        nonlocal x, scale, zero
        if functions:
            scale, zero = scale_out, zero_out
            result = m.tensor(shape, scale, zero)
            m.operator(op, [x], [result], **options)
            x = result

    relu = "NONE" if functions else "RELU"
    height, width = ceil_div(height, 2), ceil_div(width, 2)
    first = (1, height, width, 12)
    layer("CONV_2D", (12, *kernel, 1), 0, first, relu, Padding=SAME, StrideH=2, StrideW=2)
    function("HARD_SWISH", first, 0.05, -100)
    strides = {"Padding": SAME, "StrideH": 1, "StrideW": 1}
    layer("DEPTHWISE_CONV_2D", (1, 3, 3, 12), 3, first, relu, DepthMultiplier=1, **strides)
    function("LEAKY_RELU", first, scale, -60, Alpha=0.2)
    second = (1, height, width, 20)
    layer("CONV_2D", (20, 1, 1, 12), 0, second, relu, **strides)
    function("LOGISTIC", second, 1 / 256, -128)
    pooled = m.tensor((1, 1, 1, 20), scale, zero)
    m.operator(
        "AVERAGE_POOL_2D",
        [x],
        [pooled],
        FilterHeight=height,
        FilterWidth=width,
        StrideH=1,
        StrideW=1,
        Padding=VALID,
        FusedActivationFunction=0,
    )
    flat = m.tensor((1, 20), scale, zero)
    m.operator("RESHAPE", [pooled, m.constant([1, 20])], [flat])
    x = flat
    layer("FULLY_CONNECTED", (CLASSES, 20), 0, (1, CLASSES), "NONE")
    chances = m.tensor((1, CLASSES), 1 / 256, -128)
    m.operator("SOFTMAX", [x], [chances], Beta=1.0)
    return m.finish([source], [chances])
