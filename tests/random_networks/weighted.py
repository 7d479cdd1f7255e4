"""Random convolutions and fully connected layers: kernels, strides, dilations, groups, scales, biases."""

from __future__ import annotations

import math

import numpy as np

from hwgen.hw.isa.ceil_div import ceil_div
from tests.random_networks.drawn import EXTREME, MOST_ELEMENTS, MOST_WORK, Drawn
from tests.support.make_tflite import SAME, VALID

_SPREAD = 90.0
"""Accumulators of random int8 by random weights, over the root of their terms, that fill an output of 8 bits."""


def conv(d: Drawn) -> None:
    """CONV_2D, grouped or not."""
    x = d.source()
    channels = d.shape(x)[3]
    groups = d.pick([1, 1, 1, *(g for g in (2, 3, 4, channels) if channels % g == 0)])
    kernel, window, size = _window(d, x)
    depth = channels // groups
    work = size[0] * size[1] * kernel[0] * kernel[1] * depth
    most = max(1, min(MOST_WORK // work, MOST_ELEMENTS // (size[0] * size[1]), 20) // groups)
    outputs = groups * d.pick([d.between(1, most), 1, most])
    _emit(d, "CONV_2D", x, (outputs, *kernel, depth), 0, (1, *size, outputs), window)


def depthwise(d: Drawn) -> None:
    """DEPTHWISE_CONV_2D, with a multiplier now and then."""
    x = d.source()
    kernel, window, size = _window(d, x)
    multiplier = d.pick([1, 1, 1, 2, 3])
    outputs = d.shape(x)[3] * multiplier
    if size[0] * size[1] * outputs * kernel[0] * kernel[1] > 2 * MOST_WORK:
        return
    window["DepthMultiplier"] = multiplier
    _emit(d, "DEPTHWISE_CONV_2D", x, (1, *kernel, outputs), 3, (1, *size, outputs), window)


def fully_connected(d: Drawn) -> None:
    """FULLY_CONNECTED of the rows of a tensor; of all of it, the output gets the shape of a frame again."""
    x = d.source()
    _, height, width, channels = d.shape(x)
    rows = height * width > 1 and d.chance(0.4)
    depth = channels if rows else height * width * channels
    units = d.between(1, max(1, min(20, MOST_WORK // (depth * (height * width if rows else 1)))))
    shape = (1, height, width, units) if rows else (1, units)
    options = {"KeepNumDims": rows, "FusedActivationFunction": d.activation()}
    out = _emit(d, "FULLY_CONNECTED", x, (units, depth), 0, shape, options)
    if not rows:
        d.made.remove(out)
        d.unread.discard(out)
        d.add(d.one("RESHAPE", out, (1, 1, 1, units), constants=[[1, 1, 1, units]]))


def _window(d: Drawn, x: int) -> tuple[tuple[int, int], dict[str, int], tuple[int, int]]:
    """Kernel, options, and height and width of the output."""
    size = d.shape(x)[1:3]
    padding = d.pick([SAME, SAME, VALID])
    kernel: list[int] = []
    stride: list[int] = []
    dilation: list[int] = []
    outputs: list[int] = []
    square = d.chance(0.6)
    for axis, extent in enumerate(size):
        k, s, dil = d.pick([1, 1, 2, 3, 3, 5, 7]), d.pick([1, 1, 1, 2, 3, 4]), d.pick([1, 1, 1, 2, 3])
        if axis and square:
            k, s, dil = kernel[0], stride[0], dilation[0]
        if padding == VALID:
            dil = dil if (k - 1) * dil < extent else 1
            k = min(k, extent)
        kernel.append(k)
        stride.append(s)
        dilation.append(dil)
        outputs.append(ceil_div(extent - (0 if padding == SAME else (k - 1) * dil), s))
    options = {
        "Padding": padding,
        "StrideH": stride[0],
        "StrideW": stride[1],
        "DilationHFactor": dilation[0],
        "DilationWFactor": dilation[1],
        "FusedActivationFunction": d.activation(),
    }
    return (kernel[0], kernel[1]), options, (outputs[0], outputs[1])


def _emit(
    d: Drawn,
    op: str,
    x: int,
    shape: tuple[int, ...],
    axis: int,
    output: tuple[int, ...],
    options: dict[str, int],
) -> int:
    """The operator with weights of a shape, whose output channels lie along an axis."""
    outputs = shape[axis]
    terms = math.prod(shape) // outputs
    in_scale, _ = d.scale(x)
    weights = d.rng.integers(-128 if d.chance(0.1) else -127, 128, shape)
    scales = np.full(outputs if d.chance(0.6) else 1, d.power(-12, -4))
    if len(scales) > 1:
        scales = scales * np.array([d.power(-2, 1) for _ in scales])
    if d.chance(0.1):  # a dead channel, with a scale near 0 of its own if it can have one
        dead = d.between(0, outputs - 1)
        weights[(slice(None),) * axis + (dead,)] = 0
        if len(scales) > 1:
            scales[dead] = d.power(-60, -30)
    scales = scales.astype(np.float32)
    zero = d.between(-3, 3) if op == "FULLY_CONNECTED" and len(scales) == 1 and d.chance(0.15) else 0
    if zero:  # the difference has 8 bits too
        weights = weights.clip(-124, 124)
    w = d.m.tensor(shape, scales, zero, data=weights.astype(np.int8), axis=axis)
    natural = in_scale * float(scales.max()) * _SPREAD * math.sqrt(terms)
    inputs = [x, w]
    if d.chance(0.97 if op == "CONV_2D" else 0.8):  # the interpreter refuses a CONV_2D without
        inputs.append(d.m.tensor((outputs,), in_scale * scales, data=_bias(d, outputs, terms)))
    elif op == "FULLY_CONNECTED" and d.chance(0.5):
        inputs.append(-1)
    out = d.tensor(output, *d.quantisation(natural))
    d.m.operator(op, inputs, [out], **options)
    d.add(out)
    return out


def _bias(d: Drawn, outputs: int, terms: int) -> np.ndarray:
    """Biases that suit the sums; now and then those of real models, which nearly fill 32 bits."""
    most = int(5000 * math.sqrt(terms)) if not d.chance(EXTREME) else 1 << d.between(20, 30)
    return d.rng.integers(-most, most + 1, outputs).astype(np.int32)
