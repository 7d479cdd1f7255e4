"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED as convolutions of the int8 graph."""

import math
from dataclasses import replace

import numpy as np

from hwgen.compiler.frontend.tflite.builder import Builder, Unsound, Unsupported
from hwgen.compiler.frontend.tflite.geometry import activation_of, option, window_of
from hwgen.compiler.frontend.tflite.schema import FileOperator, FileTensor
from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8 import arithmetic, tables
from hwgen.compiler.int8.nodes import QConv, QPad, QTensor


def convolution(b: Builder, op: FileOperator, name: str) -> None:
    """CONV_2D, grouped where the filters are less deep than the input."""
    x = b.activation(b.operand(op, 0), name)
    filters = b.operand(op, 1)
    weights = _weights(b, filters, 4)
    depth, outputs = weights.shape[3], weights.shape[0]
    if x.channels % depth or outputs % (x.channels // depth):
        raise Unsound(f"filters of shape {list(weights.shape)} do not suit {x.channels} input channels")
    _emit(b, op, name, x, filters, weights, x.channels // depth)


def depthwise(b: Builder, op: FileOperator, name: str) -> None:
    """DEPTHWISE_CONV_2D with any depth multiplier."""
    x = b.activation(b.operand(op, 0), name)
    filters = b.operand(op, 1)
    weights = _weights(b, filters, 4)
    if weights.shape[0] != 1 or weights.shape[3] % x.channels:
        raise Unsound(f"filters of shape {list(weights.shape)} do not suit {x.channels} input channels")
    _emit(b, op, name, x, filters, np.ascontiguousarray(weights.transpose(3, 1, 2, 0)), x.channels)


def fully_connected(b: Builder, op: FileOperator, name: str) -> None:
    """FULLY_CONNECTED: a convolution whose kernel covers the whole input, or a 1x1 one over the rows of a matrix."""
    source, filters = b.operand(op, 0), b.operand(op, 1)
    weights = _weights(b, filters, 2)
    units, depth = weights.shape
    if op.options is not None and option(op, "WeightsFormat") != 0:
        raise Unsupported("its weights are stored shuffled; nearest: the default format")
    x = b.flat(source)
    if x is None or x.size != depth:
        x = b.activation(source, name)
        if depth not in (x.channels, x.size):
            raise Unsupported(f"inputs of {x.shape} for weights {units} x {depth}; nearest: a flattened input")
    kernel = x.shape[:2] if x.size == depth else (1, 1)
    target = b.file.tensors[op.outputs[0]]
    quantisation = b.quantisation(target)
    factors = None
    assert filters is not None
    if len(filters.scales) == 1:  # the kernel multiplies the scales in float32 here, unlike in CONV_2D
        product = float(np.float32(x.scale) * filters.scales[0])
        factors = np.full(units, product / quantisation[0])
    _emit(
        b,
        op,
        name,
        x,
        filters,
        weights.reshape(units, *kernel, -1),
        1,
        window=Window((kernel[0], kernel[1])),
        factors=factors,
    )


def scale_channels(
    name: str, x: QTensor, out: QTensor, factors: np.ndarray, multiplier: int, shift: int, limits: tuple[int, int]
) -> QConv:
    """MUL by a constant for each channel (int8): a depthwise 1x1 convolution, which rounds in the same way."""
    return QConv(
        name=name,
        input=x.name,
        output=out.name,
        weights=factors.reshape(-1, 1, 1, 1),
        bias=np.zeros(len(factors), np.int32),
        multiplier=np.full(len(factors), multiplier, np.int64),
        shift=np.full(len(factors), shift, np.int64),
        window=Window(),
        groups=x.channels,
        input_zero_point=x.zero_point,
        output_zero_point=out.zero_point,
        act_min=limits[0],
        act_max=limits[1],
    )


def _weights(b: Builder, tensor: FileTensor | None, rank: int) -> np.ndarray:
    """int8 weights with their zero point, if any, taken out."""
    weights = b.constant(tensor, ("INT8",), "weights")
    assert tensor is not None
    if weights.ndim != rank:
        raise Unsound(f"its weights have {weights.ndim} dimensions, not {rank}")
    if len(tensor.zero_points) and tensor.zero_points.any():
        if rank == 2 and len(tensor.zero_points) == 1:
            shifted = weights.astype(np.int64) - np.clip(tensor.zero_points[0], -1000, 1000)
            if shifted.min() >= -128 and shifted.max() <= 127:
                return shifted.astype(np.int8)
        raise Unsupported(
            f"its weights have zero point {int(tensor.zero_points[tensor.zero_points != 0][0])}; nearest: symmetric weights, zero "
            "point 0"
        )
    return weights


def _bias(b: Builder, op: FileOperator, name: str, outputs: int) -> np.ndarray:
    tensor = b.operand(op, 2)
    if tensor is None:
        return np.zeros(outputs, dtype=np.int32)
    bias = b.constant(tensor, ("INT32",), "bias").ravel()
    if bias.size != outputs:
        raise Unsound(f"{bias.size} biases for {outputs} output channels")
    if tensor.axis >= max(len(tensor.shape), 1):
        b.notes.append(
            f"{name}: bias '{tensor.name}' has quantized_dimension {tensor.axis} of {len(tensor.shape)} dimensions; taken as 0"
        )
    return bias


def _factors(
    b: Builder, name: str, x: QTensor, out: tuple[float, int], filters: FileTensor, outputs: int
) -> np.ndarray:
    """Requantisation factor of each output channel, in double precision."""
    scales = filters.scales.astype(np.float64)
    if len(scales) not in (1, outputs):
        raise Unsound(f"{len(scales)} scales of weights for {outputs} output channels; needed: one, or one each")
    if len(scales) > 1:
        axis = filters.axis
        if not 0 <= axis < len(filters.shape) or filters.shape[axis] != outputs:
            b.notes.append(
                f"{name}: weights '{filters.name}' have quantized_dimension {axis}; scales taken per output channel"
            )
    return np.broadcast_to(x.scale * scales / out[0], (outputs,))


def _emit(
    b: Builder,
    op: FileOperator,
    name: str,
    x: QTensor,
    filters: FileTensor | None,
    weights: np.ndarray,
    groups: int,
    window: Window | None = None,
    factors: np.ndarray | None = None,
) -> None:
    assert filters is not None
    target = b.file.tensors[op.outputs[0]]
    quantisation = b.quantisation(target)
    if not np.isfinite(filters.scales).all() or not (filters.scales > 0).all():
        raise Unsound(f"weights '{filters.name}' have a scale that is not a positive number")
    outputs = weights.shape[0]
    if factors is None:
        factors = _factors(b, name, x, quantisation, filters, outputs)
    multiplier, shift = arithmetic.quantize_multipliers(factors)
    if window is None:
        window = window_of(op, x.shape, (weights.shape[1], weights.shape[2]), dilated=True)
    limits = tables.activation_range(activation_of(op), *quantisation)
    bias = _bias(b, op, name, outputs)
    shape = (*window.output_size(x.height, x.width), outputs)
    x, window = _without_pad(b, x, window)
    if math.prod(window.kernel) > 1 << 16:
        raise Unsupported(f"a kernel of {window.kernel}; nearest: 256 x 256")
    out = b.define(target, shape)
    b.emit(
        QConv(
            name=name,
            input=x.name,
            output=out.name,
            weights=weights,
            bias=bias,
            multiplier=multiplier,
            shift=shift,
            window=window,
            groups=groups,
            input_zero_point=x.zero_point,
            output_zero_point=out.zero_point,
            act_min=limits[0],
            act_max=limits[1],
        )
    )


def _without_pad(b: Builder, x: QTensor, window: Window) -> tuple[QTensor, Window]:
    """A PAD before becomes the window's padding, where it pads with what the convolution would read there."""
    pad = next((node for node in b.nodes if node.output == x.name), None)
    if not isinstance(pad, QPad) or pad.value != x.zero_point or pad.before[2] or pad.after[2]:
        return x, window
    outer = (pad.before[0], pad.after[0], pad.before[1], pad.after[1])
    top, bottom, left, right = (inner + more for inner, more in zip(window.padding, outer, strict=True))
    return b.tensors[pad.input], replace(window, padding=(top, bottom, left, right))
