"""Random TensorFlow Lite models of one operator each: `python -m tests.support.tflite_examples FOLDER` writes one per operator."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tflite

from hwgen.hw.isa.ceil_div import ceil_div
from tests.support.make_tflite import SAME, Maker


class Example:
    """A model in the making, and what is drawn for it first."""

    def __init__(self, op: str, seed: int) -> None:
        rng = np.random.default_rng([seed, *op.encode()])
        self.op, self.seed, self.rng, self.m = op, seed, rng, Maker()
        self.scale, self.zero = float(np.float32(rng.uniform(0.005, 0.1))), int(rng.integers(-128, 128))
        self.out_zero = int(rng.integers(-128, 128))
        self.height, self.width = int(rng.integers(4, 10)), int(rng.integers(4, 10))
        self.channels = int(rng.integers(1, 9))
        self.shape: tuple[int, ...] = (1, self.height, self.width, self.channels)
        self.activation = int(rng.integers(4))

    def source(self, size: tuple[int, ...] | None = None) -> int:
        """The model's input."""
        return self.m.tensor(size or self.shape, self.scale, self.zero)

    def done(self, x: int, out: int) -> bytes:
        """The file."""
        return self.m.finish([x], [out])


def example(op: str, seed: int) -> bytes:
    """A random model of one operator."""
    return MAKERS[op](Example(op, seed))


def _window(rng: np.random.Generator, pool: bool = False) -> dict[str, Any]:
    stride = int(rng.integers(1, 3))
    options: dict[str, Any] = {
        "Padding": int(rng.integers(2)),
        "StrideH": stride,
        "StrideW": stride if pool is False else int(rng.integers(1, 3)),
        "FusedActivationFunction": int(rng.integers(4)),
    }
    if not pool:
        dilation = 1 if stride > 1 else int(rng.integers(1, 3))
        options |= {"DilationHFactor": dilation, "DilationWFactor": dilation}
    return options


def _filters(
    m: Maker, rng: np.random.Generator, shape: tuple[int, ...], axis: int, in_scale: float
) -> tuple[int, int, float]:
    """Weights and bias constants, and a fitting output scale."""
    outputs = shape[axis]
    per_channel = bool(rng.integers(2))
    scales = rng.uniform(0.002, 0.02, outputs if per_channel else 1).astype(np.float32)
    weights = rng.integers(-127, 128, shape).astype(np.int8)
    bias = rng.integers(-3000, 3000, outputs).astype(np.int32)
    w = m.tensor(shape, scales, data=weights, axis=axis)
    c = m.tensor((outputs,), in_scale * scales, data=bias)
    spread = in_scale * float(scales.max()) * 60 * 70 * np.sqrt(weights.size / outputs)
    return w, c, float(np.float32(spread / 60 * rng.uniform(0.3, 1.5)))


def _convolution(e: Example) -> bytes:
    kernel = [(1, 1), (3, 3), (5, 5), (1, 3), (3, 1), (2, 2)][int(e.rng.integers(6))]
    options = _window(e.rng)
    if e.op == "CONV_2D":
        groups = int(e.rng.integers(1, 3))
        size, axis = (groups * int(e.rng.integers(1, 5)), *kernel, e.channels), 0
        x = e.source((1, e.height, e.width, e.channels * groups))
    else:
        multiplier = int(e.rng.integers(1, 3))
        size, axis = (1, *kernel, e.channels * multiplier), 3
        options["DepthMultiplier"] = multiplier
        x = e.source()
    w, c, out_scale = _filters(e.m, e.rng, size, axis, e.scale)
    rows, columns = (
        ceil_div(
            extent if options["Padding"] == SAME else extent - (k - 1) * options["DilationHFactor"], options["StrideH"]
        )
        for extent, k in zip((e.height, e.width), kernel, strict=True)
    )
    if min(rows, columns) < 1:
        return example(e.op, e.seed + 100_000)
    out = e.m.tensor((1, rows, columns, size[axis]), out_scale, e.out_zero)
    e.m.operator(e.op, [x, w, c] if e.op == "CONV_2D" or e.rng.integers(4) else [x, w], [out], **options)
    return e.done(x, out)


def _fully_connected(e: Example) -> bytes:
    flat = bool(e.rng.integers(2))
    depth, units = (
        (e.height * e.width * e.channels, int(e.rng.integers(1, 9)))
        if flat
        else (e.channels, int(e.rng.integers(1, 9)))
    )
    x = e.source(e.shape if flat else (1, depth))
    w, c, out_scale = _filters(e.m, e.rng, (units, depth), 0, e.scale)
    e.m.tensors[w]["scales"] = e.m.tensors[w]["scales"][:1]
    e.m.tensors[w]["zero_points"] = e.m.tensors[w]["zero_points"][:1]
    e.m.tensors[c]["scales"] = e.m.tensors[w]["scales"] * np.float32(e.scale)
    e.m.tensors[c]["zero_points"] = e.m.tensors[w]["zero_points"]
    out = e.m.tensor((1, units), out_scale, e.out_zero)
    e.m.operator(e.op, [x, w, c], [out], FusedActivationFunction=e.activation)
    return e.done(x, out)


def _pool(e: Example) -> bytes:
    options = _window(e.rng, pool=True)
    kernel = (int(e.rng.integers(1, 4)), int(e.rng.integers(1, 4)))
    rows, columns = (
        ceil_div(extent if options["Padding"] == SAME else extent - k + 1, stride)
        for extent, k, stride in zip((e.height, e.width), kernel, (options["StrideH"], options["StrideW"]), strict=True)
    )
    x, out = e.source(), e.m.tensor((1, rows, columns, e.channels), e.scale, e.zero)
    e.m.operator(e.op, [x], [out], FilterHeight=kernel[0], FilterWidth=kernel[1], **options)
    return e.done(x, out)


def _mean(e: Example) -> bytes:
    keep = bool(e.rng.integers(2))
    x = e.source()
    out = e.m.tensor((1, 1, 1, e.channels) if keep else (1, e.channels), e.scale * e.rng.uniform(0.3, 1.2), e.out_zero)
    e.m.operator(e.op, [x, e.m.constant([1, 2])], [out], KeepDims=keep)
    return e.done(x, out)


def _binary(e: Example) -> bytes:
    x = e.source()
    kind = int(e.rng.integers(4))
    other_scale = float(np.float32(e.scale * e.rng.uniform(0.1, 5)))
    other_zero = int(e.rng.integers(-128, 128))
    out_scale = max(e.scale, other_scale) if e.op == "ADD" else e.scale * other_scale * 30
    out = e.m.tensor(e.shape, float(np.float32(out_scale * e.rng.uniform(0.5, 2))), e.out_zero)
    if kind < 2:  # the second operand is a function of the first
        y = e.m.tensor(e.shape if kind == 0 or e.op == "ADD" else (1, 1, 1, e.channels), other_scale, other_zero)
        if kind == 0 or e.op == "ADD":
            e.m.operator("QUANTIZE", [x], [y])
        else:
            e.m.operator("MEAN", [x, e.m.constant([1, 2])], [y], KeepDims=True)
    else:
        size: tuple[int, ...] = () if kind == 2 else (e.channels,)
        data = e.rng.integers(-128, 128, size).astype(np.int8)
        y = e.m.tensor(size, other_scale, other_zero, data=data)
    e.m.operator(e.op, [x, y] if e.rng.integers(2) else [y, x], [out], FusedActivationFunction=e.activation)
    return e.done(x, out)


def _pad(e: Example) -> bytes:
    amounts = e.rng.integers(0, 3, (4, 2))
    amounts[0] = 0
    x, out = e.source(), e.m.tensor(tuple(int(n) for n in np.array(e.shape) + amounts.sum(axis=1)), e.scale, e.zero)
    inputs = [x, e.m.constant(amounts)]
    if e.op == "PADV2":
        inputs.append(e.m.tensor((1,), e.scale, e.zero, data=np.array([e.rng.integers(-128, 128)], np.int8)))
    e.m.operator(e.op, inputs, [out])
    return e.done(x, out)


def _concatenation(e: Example) -> bytes:
    x = e.source()
    y = e.m.tensor(e.shape, e.scale, e.zero)
    e.m.operator("RELU", [x], [y])
    out = e.m.tensor((*e.shape[:3], 3 * e.channels), e.scale, e.zero)
    e.m.operator(e.op, [x, y, x], [out], Axis=int(e.rng.choice([-1, 3])))
    return e.done(x, out)


def _split(e: Example) -> bytes:
    axis, parts = int(e.rng.choice([1, 3, -1])), 2
    extent = [1, 2 * e.height, e.width, 2 * e.channels]
    x = e.source(tuple(extent))
    sizes = [extent[axis] // 2] * 2 if e.op == "SPLIT" else [1, extent[axis] - 1]
    ends = []
    for part in sizes:
        piece = list(extent)
        piece[axis] = part
        ends.append(e.m.tensor(tuple(piece), e.scale, e.zero))
    if e.op == "SPLIT":
        e.m.operator(e.op, [e.m.constant(axis), x], ends, NumSplits=parts)
    else:
        e.m.operator(e.op, [x, e.m.constant(sizes), e.m.constant(axis)], ends, NumSplits=parts)
    return e.done(x, ends[int(e.rng.integers(2))])


def _strided_slice(e: Example) -> bytes:
    x = e.source()
    begin, end, step, size = [0], [1], [1], [1]
    for extent in e.shape[1:]:
        stride = int(e.rng.choice([1, 1, 2, -1]))
        low, high = sorted(int(n) for n in e.rng.choice(extent + 1, 2, replace=False))
        chosen = range(low, high, stride) if stride > 0 else range(high - 1, low - 1, stride)
        begin.append(chosen[0])
        end.append(high if stride > 0 else low - 1 - (extent if low == 0 else 0))
        step.append(stride)
        size.append(len(chosen))
    out = e.m.tensor(tuple(size), e.scale, e.zero)
    e.m.operator(e.op, [x, e.m.constant(begin), e.m.constant(end), e.m.constant(step)], [out], BeginMask=1, EndMask=1)
    return e.done(x, out)


def _reshape(e: Example) -> bytes:
    x, out = e.source(), e.m.tensor((1, e.height * e.width * e.channels), e.scale, e.zero)
    e.m.operator(e.op, [x, e.m.constant([1, -1])], [out])
    return e.done(x, out)


def _transpose(e: Example) -> bytes:
    groups, each = int(e.rng.integers(2, 5)), int(e.rng.integers(2, 5))
    e.shape = (1, e.height, e.width, groups * each)
    x = e.source(e.shape)
    split = e.m.tensor((1, e.height, e.width, groups, each), e.scale, e.zero)
    moved = e.m.tensor((1, e.height, e.width, each, groups), e.scale, e.zero)
    out = e.m.tensor(e.shape, e.scale, e.zero)
    e.m.operator("RESHAPE", [x, e.m.constant([1, e.height, e.width, groups, each])], [split])
    e.m.operator(e.op, [split, e.m.constant([0, 1, 2, 4, 3])], [moved])
    e.m.operator("RESHAPE", [moved, e.m.constant(e.shape)], [out])
    return e.done(x, out)


def _quantize(e: Example) -> bytes:
    x, out = e.source(), e.m.tensor(e.shape, e.scale * e.rng.uniform(0.3, 3), e.out_zero)
    if e.rng.integers(2):
        e.m.tensors[x] |= {"type": tflite.TensorType.UINT8, "zero_points": np.array([e.zero + 128])}
    e.m.operator(e.op, [x], [out])
    return e.done(x, out)


def _dequantize(e: Example) -> bytes:
    x, out = e.source(), e.m.tensor(e.shape, None, kind="FLOAT32")
    e.m.operator(e.op, [x], [out])
    return e.done(x, out)


def _softmax(e: Example) -> bytes:
    e.scale *= float(e.rng.choice([0.01, 1, 4]))
    e.scale = float(np.float32(e.scale))
    x, out = e.source((1, 3 + e.channels * 5)), e.m.tensor((1, 3 + e.channels * 5), 1 / 256, -128)
    e.m.operator(e.op, [x], [out], Beta=float(e.rng.choice([1.0, 1.0, 0.5])))
    return e.done(x, out)


def _of_float(e: Example) -> bytes:
    out_scale, e.out_zero = (1 / 256, -128) if e.op == "LOGISTIC" else (1 / 128, 0)
    x, out = e.source(), e.m.tensor(e.shape, out_scale, e.out_zero)
    e.m.operator(e.op, [x], [out])
    return e.done(x, out)


def _table(e: Example) -> bytes:
    x, out = e.source(), e.m.tensor(e.shape, float(np.float32(e.scale * e.rng.uniform(0.3, 2))), e.out_zero)
    options = {"Alpha": float(np.float32(e.rng.choice([0.1, 0.3, 0.01, 1.5])))} if e.op == "LEAKY_RELU" else {}
    e.m.operator(e.op, [x], [out], **options)
    return e.done(x, out)


def _resize(e: Example) -> bytes:
    size = (int(e.rng.integers(1, 20)), int(e.rng.integers(1, 20)))
    x, out = e.source(), e.m.tensor((1, *size, e.channels), e.scale, e.zero)
    mode = int(e.rng.integers(3))
    e.m.operator(e.op, [x, e.m.constant(size)], [out], AlignCorners=mode == 1, HalfPixelCenters=mode == 2)
    return e.done(x, out)


MAKERS: dict[str, Callable[[Example], bytes]] = {
    "ADD": _binary,
    "AVERAGE_POOL_2D": _pool,
    "CONCATENATION": _concatenation,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "DEQUANTIZE": _dequantize,
    "FULLY_CONNECTED": _fully_connected,
    "HARD_SWISH": _table,
    "LEAKY_RELU": _table,
    "LOGISTIC": _of_float,
    "MAX_POOL_2D": _pool,
    "MEAN": _mean,
    "MUL": _binary,
    "PAD": _pad,
    "PADV2": _pad,
    "QUANTIZE": _quantize,
    "RELU": _table,
    "RELU6": _table,
    "RELU_N1_TO_1": _table,
    "RESHAPE": _reshape,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
    "SOFTMAX": _softmax,
    "SPLIT": _split,
    "SPLIT_V": _split,
    "STRIDED_SLICE": _strided_slice,
    "TANH": _of_float,
    "TRANSPOSE": _transpose,
}
OPERATORS = list(MAKERS)

if __name__ == "__main__":
    for name in OPERATORS:
        Path(sys.argv[1], f"{name.lower()}.tflite").write_bytes(example(name, 0))
