"""A random network from a seed."""

from __future__ import annotations

import numpy as np
import tflite

from tests.random_networks.computed import UNIT, binary, function, mean, pool, resize
from tests.random_networks.drawn import Drawn
from tests.random_networks.moved import concatenation, pad, reshape, split, strided_slice, transpose
from tests.random_networks.weighted import conv, depthwise, fully_connected

WEIGHTLESS = (pool, pool, mean, function, concatenation, concatenation, pad, split, strided_slice, reshape, resize)
"""What uint8 networks consist of: the importer takes weights of int8 alone."""

OPERATORS = (
    *(conv, conv, conv, conv, depthwise, depthwise, fully_connected),
    *(binary, binary, binary, function, function, function, pool, mean),
    *(concatenation, split, strided_slice, pad, reshape, transpose, resize),
)


def random_network(seed: int) -> bytes:
    """The file of a seed: one to twelve operators, each reading what others made before, with branches that meet again."""
    d = Drawn(seed)
    entry = _entry(d)
    operators = WEIGHTLESS if d.uint8 else OPERATORS
    for _ in range(d.pick([1, 2, 3, 4, 6, 8, 10, 12])):
        d.pick(operators)(d)
    while len(d.made) == 1:  # what was drawn did not suit the input
        d.pick(operators)(d)
    _join(d)
    return d.m.finish([entry], [_end(d, d.made[-1])])


def random_frames(data: bytes, seed: int, count: int) -> list[np.ndarray]:
    """Inputs of a file, of its own type: every value, those of float between two steps and on the middle of them too."""
    graph = tflite.Model.GetRootAs(data, 0).Subgraphs(0)
    tensor = graph.Tensors(graph.Inputs(0))
    shape = tuple(tensor.ShapeAsNumpy().tolist())
    rng = np.random.default_rng([seed, 2])
    if tensor.Type() == tflite.TensorType.FLOAT32:
        scale = next(
            graph.Tensors(i).Quantization().Scale(0)
            for i in range(graph.TensorsLength())
            if graph.Tensors(i).Quantization() is not None
        )
        quarters = [rng.integers(-1100, 1100, shape) for _ in range(count)]
        return [(np.float32(scale) * (q.astype(np.float32) / np.float32(4))).astype(np.float32) for q in quarters]
    octets = [rng.integers(0, 256, shape).astype(np.uint8) for _ in range(count)]
    return octets if tensor.Type() == tflite.TensorType.UINT8 else [frame.view(np.int8) for frame in octets]


def _entry(d: Drawn) -> int:
    """The model's input; of float or uint8 ones an int8 network's first tensor is a QUANTIZE of it."""
    height, width = d.pick([(d.between(1, 8), d.between(1, 8)), (d.between(3, 9), d.between(3, 9)), (1, 1)])
    if d.chance(0.1):
        height, width = d.pick([(1, 40), (33, 1), (2, 17)])
    channels = d.pick([1, 2, 3, d.between(1, 9), d.between(4, 20), 8, 16])
    if height * width < 26 and d.chance(0.1):
        channels = d.pick([32, 33, 64, 65, d.between(20, 90)])
    shape = (1, height, width, channels)
    quantisation = (float(np.float32(d.power(-9, 0))), d.zero_point())
    if d.chance(0.05):
        quantisation = (float(np.float32(d.power(-50, 30))), quantisation[1])
    first = d.tensor(shape, *quantisation)
    d.add(first)
    kind = d.pick(["int8", "int8", "int8", "float", "uint8"])
    if d.uint8 or kind == "int8":
        return first
    if kind == "float":
        entry = d.m.tensor(shape, None, kind="FLOAT32")
    elif d.chance(0.5):  # the bytes plus 128
        entry = d.m.tensor(shape, quantisation[0], quantisation[1] + 128, kind="UINT8")
    else:
        entry = d.m.tensor(shape, d.near(quantisation[0]), d.between(0, 255), kind="UINT8")
    d.m.operator("QUANTIZE", [entry], [first])
    return entry


def _join(d: Drawn) -> None:
    """Let one tensor depend on what nobody has read, as far as shapes allow."""
    last = d.made[-1]
    for other in sorted(d.unread - {last}):
        if d.shape(other)[:3] != d.shape(last)[:3] or d.shape(other)[3] + d.shape(last)[3] > 96:
            continue
        quantisation = d.scale(last)
        last = d.join(last, other if d.uint8 else d.requantised(other, quantisation))
        d.add(last)


def _end(d: Drawn, x: int) -> int:
    """The output: the last tensor as it is, the end of a classifier, or as a float or uint8 one."""
    if d.uint8:
        return x
    kind = d.pick(["plain", "plain", "plain", "classes", "softmax", "float", "uint8"])
    if kind == "classes":
        return d.dense(x, d.between(1, 12))
    if kind == "softmax":
        shape = d.shape(x)
        if shape[3] == 1 or d.chance(0.4):
            x = d.dense(x, d.between(2, 30))
            shape = d.shape(x)
        options = {"Beta": d.pick([1.0, 1.0, d.power(-3, 2)])}
        return d.one("SOFTMAX", x, shape, quantisation=UNIT["LOGISTIC"], **options)
    if kind == "float":
        out = d.m.tensor(d.shape(x), None, kind="FLOAT32")
        d.m.operator("DEQUANTIZE", [x], [out])
        return out
    if kind == "uint8":
        scale, zero = d.scale(x)
        pair = (scale, zero + 128) if d.chance(0.5) else (d.near(scale), d.between(0, 255))
        out = d.m.tensor(d.shape(x), *pair, kind="UINT8")
        d.m.operator("QUANTIZE", [x], [out])
        return out
    return x
