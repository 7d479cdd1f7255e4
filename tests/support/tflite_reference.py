"""TensorFlow Lite's reference kernels in scalar Python, straight from their definition: no table, no folded zero point, no NumPy
arithmetic, nothing shared with the compiler. Tensors are nested by NumPy only to be stored.

`run` executes a file made by `tests.support.make_tflite`, reading it with the schema's readers directly.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import tflite

F = np.float32
NAMES = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
TYPES = {9: np.int8, 3: np.uint8, 2: np.int32, 4: np.int64, 0: np.float32}


def c_round(x: float | np.floating) -> int:
    return int(math.copysign(math.floor(abs(float(x)) + 0.5), float(x)))


def quantize_multiplier(real: float) -> tuple[int, int]:
    if real == 0:
        return 0, 0
    mantissa, exponent = math.frexp(real)
    fixed = c_round(mantissa * 2**31)
    if fixed == 2**31:
        fixed, exponent = 2**30, exponent + 1
    return (0, 0) if exponent < -31 else (fixed, exponent)


def truncating(a: int, b: int) -> int:
    return abs(a) // b * (1 if a >= 0 else -1)


def high_mul(a: int, b: int, bits: int = 31) -> int:
    """SaturatingRoundingDoublingHighMul."""
    nudge = 1 << (bits - 1)
    product = a * b
    return min(truncating(product + (nudge if product >= 0 else 1 - nudge), 1 << bits), 2**bits - 1)


def divide_by_pot(x: int, exponent: int) -> int:
    """RoundingDivideByPOT."""
    remainder, threshold = x & ((1 << exponent) - 1), (((1 << exponent) - 1) >> 1) + (x < 0)
    return (x >> exponent) + (remainder > threshold)


def scale(x: int, pair: tuple[int, int]) -> int:
    """MultiplyByQuantizedMultiplier with double rounding; OverflowError where its 32 bits do not suffice."""
    if not -(2**31) <= x << max(pair[1], 0) < 2**31:
        raise OverflowError(f"{x} << {pair[1]}")
    return divide_by_pot(high_mul(x << max(pair[1], 0), pair[0]), max(-pair[1], 0))


def clamp(x: int, low: int = -128, high: int = 127) -> int:
    return min(max(x, low), high)


class T:
    """A tensor of the file with its values `v`: a constant's from the beginning, another one's once they are computed."""

    def __init__(self, model: Any, graph: Any, index: int) -> None:
        tensor = graph.Tensors(index)
        self.type = TYPES[tensor.Type()]
        self.low, self.high = (0, 255) if self.type is np.uint8 else (-128, 127)
        self.shape = tuple(tensor.ShapeAsNumpy().tolist()) if tensor.ShapeLength() else ()
        quantization = tensor.Quantization()
        if quantization is not None and quantization.ScaleLength():
            self.scales, self.zeros = quantization.ScaleAsNumpy(), quantization.ZeroPointAsNumpy()
            self.s, self.z = self.scales[0], int(self.zeros[0])
        buffer = model.Buffers(tensor.Buffer())
        if buffer.DataLength():
            self.v: np.ndarray = buffer.DataAsNumpy().view(self.type).reshape(self.shape)

    def clamp(self, x: int) -> int:
        """To the range of the tensor's type."""
        return clamp(x, self.low, self.high)

    def fill(self, function: Any) -> None:
        self.v = np.zeros(self.shape, self.type)
        for place in np.ndindex(*self.shape):
            self.v[place] = function(*place)


def activation(code: int, out: T) -> tuple[int, int]:
    low, high = [(None, None), (0, None), (-1, 1), (0, 6)][code]
    return (
        out.low if low is None else max(out.low, out.z + c_round(F(low) / out.s)),
        out.high if high is None else min(out.high, out.z + c_round(F(high) / out.s)),
    )


def run(data: bytes, x: np.ndarray) -> np.ndarray:
    """The model's output."""
    return list(tensors(data, x).values())[-1]


def tensors(data: bytes, x: np.ndarray) -> dict[int, np.ndarray]:
    """All tensors that are computed for a frame, by their index in the file; the model's output is the last one."""
    model = tflite.Model.GetRootAs(data, 0)
    graph = model.Subgraphs(0)
    known = [T(model, graph, i) for i in range(graph.TensorsLength())]
    known[graph.Inputs(0)].v = x
    computed = {graph.Inputs(0): x}
    for i in range(graph.OperatorsLength()):
        op = graph.Operators(i)
        name = NAMES[model.OperatorCodes(op.OpcodeIndex()).BuiltinCode()]
        kind = {value: key for key, value in vars(tflite.BuiltinOptions).items() if isinstance(value, int)}[
            op.BuiltinOptionsType()
        ]
        options = None
        if op.BuiltinOptions() is not None:
            options = getattr(tflite, kind)()
            options.Init(op.BuiltinOptions().Bytes, op.BuiltinOptions().Pos)
        inputs = [known[j] for j in op.InputsAsNumpy() if j >= 0]  # -1: a bias that is left out
        outputs = [known[j] for j in op.OutputsAsNumpy()]
        KERNELS[name](options, inputs, outputs)
        computed |= {int(j): known[j].v for j in op.OutputsAsNumpy()}
    last = graph.Outputs(0)
    return computed | {last: computed.pop(last)}


def before(o: Any, size: int, out: int, k: int, stride: int, dilation: int = 1) -> int:
    return max((out - 1) * stride + (k - 1) * dilation + 1 - size, 0) // 2 if o.Padding() == 0 else 0


def conv(o: Any, i: list[T], outs: list[T], depthwise: bool = False) -> None:
    x, w, out = i[0], i[1], outs[0]
    _, height, width, channels = x.shape
    kh, kw = w.shape[1:3]
    dy, dx, sy, sx = o.DilationHFactor(), o.DilationWFactor(), o.StrideH(), o.StrideW()
    top, left = before(o, height, out.shape[1], kh, sy, dy), before(o, width, out.shape[2], kw, sx, dx)
    low, high = activation(o.FusedActivationFunction(), out)

    pixels, weights = x.v.tolist(), w.v.tolist()
    depth = 1 if depthwise else w.shape[3]
    each = out.shape[3] // (channels // depth)  # output channels of a group

    def at(b: int, y: int, column: int, c: int) -> int:
        acc = int(i[2].v[c]) if len(i) > 2 else 0
        first = c // each * depth
        for ky, kx in itertools.product(range(kh), range(kw)):
            iy, ix = y * sy + ky * dy - top, column * sx + kx * dx - left
            if not (0 <= iy < height and 0 <= ix < width):
                continue
            pixel = pixels[b][iy][ix]
            if depthwise:
                acc += weights[0][ky][kx][c] * (pixel[first] - x.z)
                continue
            for k, weight in enumerate(weights[c][ky][kx]):
                acc += weight * (pixel[first + k] - x.z)
        ws = w.scales[c if len(w.scales) > 1 else 0]
        return clamp(scale(acc, quantize_multiplier(float(x.s) * float(ws) / float(out.s))) + out.z, low, high)

    out.fill(at)


def fully_connected(o: Any, i: list[T], outs: list[T]) -> None:
    x, w, out = i[0], i[1], outs[0]
    several = len(w.scales) > 1  # only then are the scales multiplied in double precision
    reals = [float(x.s) * float(s) if several else float(x.s * s) for s in w.scales]
    pairs = [quantize_multiplier(real / float(out.s)) for real in reals]
    low, high = activation(o.FusedActivationFunction(), out)
    rows = x.v.reshape(-1, w.shape[1]).tolist()
    weights = (w.v.astype(int) - w.z).tolist()
    results = []
    for row, unit in itertools.product(rows, range(w.shape[0])):
        acc = int(i[2].v[unit]) if len(i) > 2 else 0
        for a, b in zip(row, weights[unit], strict=True):
            acc += (a - x.z) * b
        results.append(clamp(scale(acc, pairs[unit if several else 0]) + out.z, low, high))
    out.v = np.array(results, out.type).reshape(out.shape)


def pool(o: Any, i: list[T], outs: list[T], average: bool) -> None:
    x, out = i[0], outs[0]
    kh, kw, sy, sx = o.FilterHeight(), o.FilterWidth(), o.StrideH(), o.StrideW()
    top, left = before(o, x.shape[1], out.shape[1], kh, sy), before(o, x.shape[2], out.shape[2], kw, sx)
    low, high = activation(o.FusedActivationFunction(), out)

    def at(b: int, y: int, column: int, c: int) -> int:
        y0, x0 = y * sy - top, column * sx - left
        part = x.v[b, max(y0, 0) : y0 + kh, max(x0, 0) : x0 + kw, c].ravel().tolist()
        if not average:
            return clamp(max(part), low, high)
        total, count = sum(part), len(part)
        return clamp(truncating(total + (count // 2 if total > 0 else -(count // 2)), count), low, high)

    out.fill(at)


def mean(o: Any, i: list[T], outs: list[T]) -> None:
    x, out = i[0], outs[0]
    multiplier, exponent = quantize_multiplier(float(x.s) / float(out.s))
    count = x.shape[1] * x.shape[2]
    shift = min(int(math.log2(count) + 1e-9), 32, 31 + exponent)
    pair = ((multiplier << shift) // count, exponent - shift)
    total = (x.v.astype(int) - x.z).sum(axis=(0, 1, 2)).tolist()
    out.fill(lambda *place: out.clamp(scale(total[place[-1]], pair) + out.z))


def spread(t: T, place: tuple[int, ...]) -> int:
    """An element under broadcasting."""
    own = place[len(place) - len(t.shape) :]
    return int(t.v[tuple(0 if size == 1 else at for at, size in zip(own, t.shape, strict=True))]) - t.z


def add(o: Any, i: list[T], outs: list[T]) -> None:
    a, b, out = i[0], i[1], outs[0]
    twice = 2 * float(max(a.s, b.s))
    pa, pb = (quantize_multiplier(float(t.s) / twice) for t in (a, b))
    po = quantize_multiplier(twice / (2**20 * float(out.s)))
    low, high = activation(o.FusedActivationFunction(), out)
    out.fill(
        lambda *at: clamp(scale(scale(spread(a, at) << 20, pa) + scale(spread(b, at) << 20, pb), po) + out.z, low, high)
    )


def mul(o: Any, i: list[T], outs: list[T]) -> None:
    a, b, out = i[0], i[1], outs[0]
    pair = quantize_multiplier(float(a.s * b.s / out.s))
    low, high = activation(o.FusedActivationFunction(), out)
    out.fill(lambda *at: clamp(scale(spread(a, at) * spread(b, at), pair) + out.z, low, high))


def relu(low: float, high: float | None) -> Any:
    def kernel(o: Any, i: list[T], outs: list[T]) -> None:
        x, out = i[0], outs[0]
        pair = quantize_multiplier(float(x.s / out.s))
        least = max(out.low, out.z + c_round(F(low) / out.s))
        most = out.high if high is None else min(out.high, out.z + c_round(F(high) / out.s))
        out.fill(lambda *at: min(max(scale(int(x.v[at]) - x.z, pair) + out.z, least), most))

    return kernel


def leaky_relu(o: Any, i: list[T], outs: list[T]) -> None:
    x, out = i[0], outs[0]
    same, slope = quantize_multiplier(float(x.s / out.s)), quantize_multiplier(float(x.s * F(o.Alpha()) / out.s))

    def at(*place: int) -> int:
        value = int(x.v[place]) - x.z
        return out.clamp(scale(value, same if value >= 0 else slope) + out.z)

    out.fill(at)


def lookup(function: Any) -> Any:
    def kernel(o: Any, i: list[T], outs: list[T]) -> None:
        x, out = i[0], outs[0]
        inverse = F(1) / out.s
        out.fill(lambda *at: out.clamp(c_round(F(function(x.s * F(int(x.v[at]) - x.z)) * inverse)) + out.z))

    return kernel


def hard_swish(o: Any, i: list[T], outs: list[T]) -> None:
    x, out = i[0], outs[0]
    fine = F(1 / 128) * x.s
    (mo, eo), (mr, er) = (quantize_multiplier(float(fine / other)) for other in (out.s, F(3) / F(32768)))
    mo, mr = (min((m + 2**15) >> 16, 2**15 - 1) for m in (mo, mr))
    if not -15 <= eo <= 0 or not -15 <= er <= 31:  # shifts of 16 bits to the right, of 32 to the left
        raise OverflowError(f"{eo}, {er}")

    def at(*place: int) -> int:
        value = (int(x.v[place]) - x.z) * 128
        gate = value
        if er > 0:
            gate = clamp(gate << (er - 1), -(2**15), 2**15 - 1)
        gate = high_mul(gate, mr, 15)
        if er > 0:
            gate = clamp(gate << 1, -(2**15), 2**15 - 1)
        if er < 0:
            gate = divide_by_pot(gate, -er)
        product = truncating(((gate + 2**15) >> 1) * high_mul(value, mo, 15), 2**15)
        return out.clamp(divide_by_pot(product, -eo) + out.z)

    out.fill(at)


def quantize(o: Any, i: list[T], outs: list[T]) -> None:
    x, out = i[0], outs[0]
    if x.type is np.float32:
        out.fill(lambda *at: out.clamp(c_round(x.v[at] / out.s) + out.z))
        return
    pair = quantize_multiplier(float(x.s) / float(out.s))
    out.fill(lambda *at: out.clamp(scale(int(x.v[at]) - x.z, pair) + out.z))


def dequantize(o: Any, i: list[T], outs: list[T]) -> None:
    x = i[0]
    outs[0].fill(lambda *at: float(x.s) * (int(x.v[at]) - x.z))


def softmax(o: Any, i: list[T], outs: list[T]) -> None:
    """The definition in real numbers: the fixed-point kernel stays within one step of it."""
    x = i[0]
    real = np.exp(o.Beta() * float(x.s) * (x.v.astype(float) - x.v.max(axis=-1, keepdims=True)))
    outs[0].v = np.clip(np.rint(real / real.sum(axis=-1, keepdims=True) * 256) - 128, -128, 127).astype(np.int8)


def pad(o: Any, i: list[T], outs: list[T]) -> None:
    x, amounts, out = i[0], i[1].v.tolist(), outs[0]
    fill = int(i[2].v.ravel()[0]) if len(i) > 2 else out.z

    def at(*place: int) -> int:
        own = tuple(p - low for p, (low, _) in zip(place, amounts, strict=True))
        return int(x.v[own]) if all(0 <= p < size for p, size in zip(own, x.shape, strict=True)) else fill

    out.fill(at)


def concatenation(o: Any, i: list[T], outs: list[T]) -> None:
    out = outs[0]

    def part(x: T) -> np.ndarray:
        """In the output's scale; only uint8 inputs may have another one."""
        if (x.s, x.z) == (out.s, out.z):
            return x.v
        factor = x.s * (F(1) / out.s)
        bias = F(-x.z) * factor
        made = [out.clamp(c_round(F(F(q) * factor) + bias) + out.z) for q in x.v.ravel().tolist()]
        return np.array(made, out.type).reshape(x.shape)

    out.v = np.concatenate([part(x) for x in i], axis=o.Axis())


def split(x: T, axis: int, outs: list[T]) -> None:
    """By the sizes that the outputs have."""
    ends = np.cumsum([out.shape[axis] for out in outs])
    for out, part in zip(outs, np.split(x.v, ends[:-1], axis=axis), strict=True):
        out.v = part


def strided_slice(o: Any, i: list[T], outs: list[T]) -> None:
    cuts = [
        slice(None if o.BeginMask() >> axis & 1 else int(a), None if o.EndMask() >> axis & 1 else int(b), int(c))
        for axis, (a, b, c) in enumerate(zip(*(t.v for t in i[1:4]), strict=True))
    ]
    outs[0].v = i[0].v[tuple(cuts)]


def reshape(o: Any, i: list[T], outs: list[T]) -> None:
    outs[0].v = i[0].v.reshape(outs[0].shape)


def transpose(o: Any, i: list[T], outs: list[T]) -> None:
    outs[0].v = i[0].v.transpose(i[1].v.tolist())


def resize(o: Any, i: list[T], outs: list[T]) -> None:
    x, out = i[0], outs[0]

    def source(place: int, old: int, new: int) -> int:
        ratio = F(old - 1) / F(new - 1) if o.AlignCorners() and new > 1 else F(old) / F(new)
        at = (F(place) + F(0.5 if o.HalfPixelCenters() else 0)) * ratio
        return clamp(c_round(at) if o.AlignCorners() else math.floor(at), 0, old - 1)

    out.fill(lambda b, y, c, k: x.v[b, source(y, x.shape[1], out.shape[1]), source(c, x.shape[2], out.shape[2]), k])


KERNELS: dict[str, Any] = {
    "ADD": add,
    "AVERAGE_POOL_2D": lambda o, i, outs: pool(o, i, outs, True),
    "CONCATENATION": concatenation,
    "CONV_2D": conv,
    "DEPTHWISE_CONV_2D": lambda o, i, outs: conv(o, i, outs, True),
    "DEQUANTIZE": dequantize,
    "EXPAND_DIMS": reshape,
    "FULLY_CONNECTED": fully_connected,
    "HARD_SWISH": hard_swish,
    "LEAKY_RELU": leaky_relu,
    "LOGISTIC": lookup(
        lambda x: F(0) if x < -88 else F(1) / (F(1) + F(math.exp(-float(x))))
    ),  # exp is beyond float32 there
    "MAX_POOL_2D": lambda o, i, outs: pool(o, i, outs, False),
    "MEAN": mean,
    "MUL": mul,
    "PAD": pad,
    "PADV2": pad,
    "QUANTIZE": quantize,
    "RELU": relu(0, None),
    "RELU6": relu(0, 6),
    "RELU_N1_TO_1": relu(-1, 1),
    "RESHAPE": reshape,
    "RESIZE_NEAREST_NEIGHBOR": resize,
    "SOFTMAX": softmax,
    "SPLIT": lambda o, i, outs: split(i[1], int(i[0].v), outs),
    "SPLIT_V": lambda o, i, outs: split(i[0], int(i[2].v), outs),
    "SQUEEZE": reshape,
    "STRIDED_SLICE": strided_slice,
    "TANH": lookup(lambda x: F(math.tanh(float(x)))),
    "TRANSPOSE": transpose,
}
