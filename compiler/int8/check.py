"""What a node must give to its output, and everything that is wrong with it."""

import numpy as np

from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.int8.host import QSoftmax
from hwgen.compiler.int8.nodes import (
    LEAST_SHIFT,
    TIED,
    QAdd,
    QAvgPool,
    QConcat,
    QConv,
    QMaxPool,
    QMean,
    QMul,
    QNode,
    QPad,
    QReshape,
    QResize,
    QShuffle,
    QShuffleMerge,
    QSlice,
    QStridedSlice,
    QTensor,
    Shape,
)


def output_shape(node: QNode | QSoftmax, tensors: dict[str, QTensor]) -> Shape:
    """The shape `node` must give to its output."""
    height, width, channels = tensors[node.inputs[0]].shape
    match node:
        case QConv():
            return (*node.window.output_size(height, width), node.out_channels)
        case QMaxPool() | QAvgPool():
            return (*node.window.output_size(height, width), channels)
        case QSlice():
            return (height, width, node.channels)
        case QConcat() if node.offsets:
            return (height, width, node.offsets[-1] + tensors[node.inputs[-1]].channels)
        case QConcat() | QShuffleMerge():
            return (height, width, sum(tensors[name].channels for name in node.inputs))
        case QMean():
            return (1, 1, channels)
        case QPad():
            low, high = node.before, node.after
            return (height + low[0] + high[0], width + low[1] + high[1], channels + low[2] + high[2])
        case QReshape() | QStridedSlice():
            return node.shape
        case QResize():
            return (len(node.rows), len(node.columns), channels)
        case _:
            return (height, width, channels)


def node_problems(node: QNode | QSoftmax, tensors: dict[str, QTensor]) -> list[str]:
    """Everything that is wrong with one node whose tensors exist."""
    problems: list[str] = []
    first, out = tensors[node.inputs[0]], tensors[node.output]
    if out.shape != (expected := output_shape(node, tensors)):
        problems.append(f"output {out.name} has shape {out.shape}, not {expected}")
    if min(out.shape) < 1:
        problems.append(f"output {out.name} is empty: {out.shape}")
    if isinstance(node, TIED):
        for name in node.inputs:
            if (tensors[name].scale, tensors[name].zero_point) != (out.scale, out.zero_point):
                problems.append(f"scale or zero point of {name} differs from {out.name}'s")
    if isinstance(node, QSlice) and not 0 <= node.offset <= first.channels - node.channels:
        problems.append(f"channels {node.offset} to {node.offset + node.channels} of a tensor of {first.channels}")
    if isinstance(node, QShuffle) and first.channels % node.groups:
        problems.append(f"{first.channels} channels do not divide into {node.groups} groups")
    if isinstance(node, QShuffleMerge) and tensors[node.identity].shape != tensors[node.processed].shape:
        problems.append("identity and processed halves differ in shape")
    if isinstance(node, QConcat) and node.offsets:
        past = [offset + tensors[name].channels for offset, name in zip(node.offsets, node.sources, strict=True)]
        if any(offset < end for offset, end in zip(node.offsets[1:], past, strict=False)):
            problems.append(f"its inputs overlap at the channels {node.offsets}")
    if isinstance(node, QMean):
        problems += _mean_problems(node, first, out)
    if isinstance(node, QReshape) and first.size != out.size:
        problems.append(f"{first.size} elements reshaped to {out.size}")
    if isinstance(node, QMul | QAdd):
        right = tensors[node.right]
        if right.shape not in (first.shape, (1, 1, first.channels)):
            problems.append(f"operands have shapes {first.shape} and {right.shape}")
        product = max(abs(q - first.zero_point) for q in INT8) * max(abs(q - right.zero_point) for q in INT8)
        if isinstance(node, QMul) and _overflows(-product, product, node.shift):
            problems.append(_factor("scales of its inputs / output scale", first.scale * right.scale / out.scale))
    if isinstance(node, QConv):
        problems += _conv_problems(node, first, out)
    return problems


INT8 = (arithmetic.INT8_MIN, arithmetic.INT8_MAX)


def _overflows(low: int, high: int, shift: int) -> bool:
    """Whether sums of `low` to `high` leave 32 bits when they are shifted left by the -n of a factor above 1."""
    left = max(-shift, 0)
    return max(abs(low), abs(high)) << left > arithmetic.SCALED_LIMIT


def _factor(what: str, value: float) -> str:
    return f"{what} is {value:g}, so that a scaled value can leave 32 bits; check the scales"


def _mean_problems(mean: QMean, first: QTensor, out: QTensor) -> list[str]:
    problems: list[str] = []
    if (mean.input_zero_point, mean.output_zero_point) != (first.zero_point, out.zero_point) or (
        mean.count != first.height * first.width
    ):
        problems.append("zero points or count differ from the tensors'")
    low, high = (mean.count * (q - first.zero_point) for q in INT8)
    if _overflows(low, high, 0):
        problems.append(
            f"the sum of {first.height:,} x {first.width:,} elements can leave 32 bits; nearest: means of parts of the map"
        )
    elif _overflows(low, high, mean.shift):
        problems.append(_factor("input scale / output scale", first.scale / out.scale))
    return problems


def _conv_problems(conv: QConv, first: QTensor, out: QTensor) -> list[str]:
    if (conv.shift < LEAST_SHIFT).any():
        return ["input scale x weight scale / output scale is 2^16 or more; check the scales"]
    problems: list[str] = []
    if conv.in_channels != first.channels or conv.out_channels % conv.groups:
        problems.append(f"weights {conv.weights.shape} in {conv.groups} groups do not suit {first.channels} channels")
    if conv.weights.dtype != np.int8 or conv.weights.shape[1:3] != conv.window.kernel:
        problems.append(
            f"weights are {conv.weights.dtype} {conv.weights.shape}, not int8 with kernel {conv.window.kernel}"
        )
    if (conv.input_zero_point, conv.output_zero_point) != (first.zero_point, out.zero_point):
        problems.append("zero points differ from the tensors'")
    if not -128 <= conv.act_min <= conv.act_max <= 127:
        problems.append(f"activation range {conv.act_min} .. {conv.act_max} is not within int8")
    for label, array, low, high in (
        ("bias", conv.bias, -(2**31), 2**31 - 1),
        ("multiplier", conv.multiplier, 0, 2**31 - 1),
        ("shift", conv.shift, LEAST_SHIFT, arithmetic.MAX_SHIFT),
    ):
        if array.shape != (conv.out_channels,) or array.min() < low or array.max() > high:
            problems.append(f"{label} is not {conv.out_channels} values of {low} .. {high}")
    if not problems:
        low_bound, high_bound = arithmetic.accumulator_bounds(conv.weights, conv.folded_bias)
        left = np.maximum(-conv.shift, 0)
        beyond = np.flatnonzero(np.maximum(-low_bound << left, high_bound << left) > arithmetic.SCALED_LIMIT)
        if beyond.size:
            channel = int(beyond[0])
            problems.append(
                f"the sum of output channel {channel}, with its bias of {int(conv.bias[channel]):,}, can leave 32 bits; nearest: a smaller "
                "bias, by a larger scale of the channel's weights (whose own are near 0, if it is a dead one)"
            )
    return problems
