"""Makes small TensorFlow Lite models with the schema's own builders: `python -m tests.make_tflite FOLDER` writes one per operator.

A model is made of `tensor` and `operator` calls and `finish`; `example` gives random ones for each operator.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import tflite

OPTION_KINDS = {
    "ADD": "AddOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MUL": "MulOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "SOFTMAX": "SoftmaxOptions",
    "SPLIT": "SplitOptions",
    "SPLIT_V": "SplitVOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
}
SAME, VALID = 0, 1
ACTIVATIONS = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3}


class Maker:
    """A model in the making."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1024)
        self.tensors: list[dict[str, Any]] = []
        self.operators: list[tuple[str, list[int], list[int], dict[str, Any]]] = []
        self.buffers: list[bytes] = [b""]

    def tensor(
        self,
        shape: tuple[int, ...],
        scale: float | list[float] | np.ndarray | None = 1.0,
        zero_point: int | list[int] = 0,
        data: np.ndarray | None = None,
        kind: str | None = None,
        axis: int = 0,
        name: str | None = None,
        signature: tuple[int, ...] | None = None,
    ) -> int:
        """Add a tensor, constant if it has data; its index."""
        types = {np.dtype(np.int8): "INT8", np.dtype(np.int32): "INT32", np.dtype(np.float32): "FLOAT32"}
        buffer = 0
        if data is not None:
            kind = kind or types[data.dtype]
            self.buffers.append(data.tobytes())
            buffer = len(self.buffers) - 1
        scales = np.zeros(0) if scale is None else np.atleast_1d(scale)
        self.tensors.append(
            {
                "shape": shape,
                "scales": scales.astype(np.float32),
                "zero_points": np.broadcast_to(np.atleast_1d(zero_point), scales.shape).astype(np.int64)
                if np.ndim(zero_point) == 0
                else np.asarray(zero_point, np.int64),
                "buffer": buffer,
                "type": getattr(tflite.TensorType, kind or "INT8"),
                "axis": axis,
                "name": name or f"t{len(self.tensors)}",
                "signature": signature,
            }
        )
        return len(self.tensors) - 1

    def constant(self, values: Any, kind: type = np.int32) -> int:
        """An unquantised constant."""
        data = np.asarray(values, dtype=kind)
        return self.tensor(data.shape, None, data=data)

    def operator(self, op: str, inputs: list[int], outputs: list[int], **options: Any) -> None:
        """Add an operator; options by the schema's names."""
        self.operators.append((op, inputs, outputs, options))

    def finish(self, inputs: list[int], outputs: list[int], identifier: bytes = b"TFL3") -> bytes:
        """The file."""
        b = self.builder
        codes = sorted({op for op, *_ in self.operators})
        buffers = []
        for data in self.buffers:
            vector = b.CreateByteVector(data) if data else None
            tflite.BufferStart(b)
            if vector is not None:
                tflite.BufferAddData(b, vector)
            buffers.append(tflite.BufferEnd(b))
        tensors = [self._tensor(tensor) for tensor in self.tensors]
        operators = [self._operator(codes, *operator) for operator in self.operators]
        offsets = [self._vector(values, tables=True) for values in (tensors, operators)]
        ends = [self._vector(values) for values in (inputs, outputs)]
        tflite.SubGraphStart(b)
        tflite.SubGraphAddTensors(b, offsets[0])
        tflite.SubGraphAddInputs(b, ends[0])
        tflite.SubGraphAddOutputs(b, ends[1])
        tflite.SubGraphAddOperators(b, offsets[1])
        graph = tflite.SubGraphEnd(b)
        code_tables = []
        for op in codes:
            value = getattr(tflite.BuiltinOperator, op)
            tflite.OperatorCodeStart(b)
            tflite.OperatorCodeAddDeprecatedBuiltinCode(b, min(value, 127))
            tflite.OperatorCodeAddVersion(b, 1)
            tflite.OperatorCodeAddBuiltinCode(b, value)
            code_tables.append(tflite.OperatorCodeEnd(b))
        parts = [self._vector(values, tables=True) for values in (code_tables, [graph], buffers)]
        tflite.ModelStart(b)
        tflite.ModelAddVersion(b, 3)
        tflite.ModelAddOperatorCodes(b, parts[0])
        tflite.ModelAddSubgraphs(b, parts[1])
        tflite.ModelAddBuffers(b, parts[2])
        b.Finish(tflite.ModelEnd(b), file_identifier=identifier)
        return bytes(b.Output())

    def _vector(self, values: Any, tables: bool = False) -> int:
        if not tables:
            return int(self.builder.CreateNumpyVector(np.asarray(values, dtype=np.int32)))
        self.builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self.builder.PrependUOffsetTRelative(value)
        return int(self.builder.EndVector())

    def _tensor(self, tensor: dict[str, Any]) -> int:
        b = self.builder
        name, shape = b.CreateString(tensor["name"]), self._vector(tensor["shape"])
        signature = None if tensor["signature"] is None else self._vector(tensor["signature"])
        quantization = None
        if len(tensor["scales"]):
            scales, zero_points = b.CreateNumpyVector(tensor["scales"]), b.CreateNumpyVector(tensor["zero_points"])
            tflite.QuantizationParametersStart(b)
            tflite.QuantizationParametersAddScale(b, scales)
            tflite.QuantizationParametersAddZeroPoint(b, zero_points)
            tflite.QuantizationParametersAddQuantizedDimension(b, tensor["axis"])
            quantization = tflite.QuantizationParametersEnd(b)
        tflite.TensorStart(b)
        tflite.TensorAddShape(b, shape)
        tflite.TensorAddType(b, tensor["type"])
        tflite.TensorAddBuffer(b, tensor["buffer"])
        tflite.TensorAddName(b, name)
        if quantization is not None:
            tflite.TensorAddQuantization(b, quantization)
        if signature is not None:
            tflite.TensorAddShapeSignature(b, signature)
        return int(tflite.TensorEnd(b))

    def _operator(
        self, codes: list[str], op: str, inputs: list[int], outputs: list[int], options: dict[str, Any]
    ) -> int:
        b = self.builder
        kind, table = OPTION_KINDS.get(op), None
        if kind is not None:
            getattr(tflite, f"{kind}Start")(b)
            for name, value in options.items():
                getattr(tflite, f"{kind}Add{name}")(b, value)
            table = getattr(tflite, f"{kind}End")(b)
        ends = self._vector(inputs), self._vector(outputs)
        tflite.OperatorStart(b)
        tflite.OperatorAddOpcodeIndex(b, codes.index(op))
        tflite.OperatorAddInputs(b, ends[0])
        tflite.OperatorAddOutputs(b, ends[1])
        if table is not None:
            tflite.OperatorAddBuiltinOptionsType(b, getattr(tflite.BuiltinOptions, str(kind)))
            tflite.OperatorAddBuiltinOptions(b, table)
        return int(tflite.OperatorEnd(b))


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


def example(op: str, seed: int) -> bytes:
    """A random model of one operator."""
    rng = np.random.default_rng([seed, *op.encode()])
    m = Maker()
    scale, zero = float(np.float32(rng.uniform(0.005, 0.1))), int(rng.integers(-128, 128))
    out_zero = int(rng.integers(-128, 128))
    height, width = int(rng.integers(4, 10)), int(rng.integers(4, 10))
    channels = int(rng.integers(1, 9))
    shape = (1, height, width, channels)
    activation = int(rng.integers(4))

    def source(size: tuple[int, ...] = shape) -> int:
        return m.tensor(size, scale, zero)

    def done(x: int, out: int) -> bytes:
        return m.finish([x], [out])

    if op in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        kernel = [(1, 1), (3, 3), (5, 5), (1, 3), (3, 1), (2, 2)][int(rng.integers(6))]
        options = _window(rng)
        if op == "CONV_2D":
            groups = int(rng.integers(1, 3))
            size, axis = (groups * int(rng.integers(1, 5)), *kernel, channels), 0
            x = source((1, height, width, channels * groups))
        else:
            multiplier = int(rng.integers(1, 3))
            size, axis = (1, *kernel, channels * multiplier), 3
            options["DepthMultiplier"] = multiplier
            x = source()
        w, c, out_scale = _filters(m, rng, size, axis, scale)
        rows, columns = (
            -(
                -(extent if options["Padding"] == SAME else extent - (k - 1) * options["DilationHFactor"])
                // options["StrideH"]
            )
            for extent, k in zip((height, width), kernel, strict=True)
        )
        if min(rows, columns) < 1:
            return example(op, seed + 100_000)
        out = m.tensor((1, rows, columns, size[axis]), out_scale, out_zero)
        m.operator(op, [x, w, c] if op == "CONV_2D" or rng.integers(4) else [x, w], [out], **options)
        return done(x, out)
    if op == "FULLY_CONNECTED":
        flat = bool(rng.integers(2))
        depth, units = (
            (height * width * channels, int(rng.integers(1, 9))) if flat else (channels, int(rng.integers(1, 9)))
        )
        x = source(shape if flat else (1, depth))
        w, c, out_scale = _filters(m, rng, (units, depth), 0, scale)
        m.tensors[w]["scales"] = m.tensors[w]["scales"][:1]
        m.tensors[w]["zero_points"] = m.tensors[w]["zero_points"][:1]
        m.tensors[c]["scales"] = m.tensors[w]["scales"] * np.float32(scale)
        m.tensors[c]["zero_points"] = m.tensors[w]["zero_points"]
        out = m.tensor((1, units), out_scale, out_zero)
        m.operator(op, [x, w, c], [out], FusedActivationFunction=activation)
        return done(x, out)
    if op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        options = _window(rng, pool=True)
        kernel = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        rows, columns = (
            -(-(extent if options["Padding"] == SAME else extent - k + 1) // stride)
            for extent, k, stride in zip((height, width), kernel, (options["StrideH"], options["StrideW"]), strict=True)
        )
        x, out = source(), m.tensor((1, rows, columns, channels), scale, zero)
        m.operator(op, [x], [out], FilterHeight=kernel[0], FilterWidth=kernel[1], **options)
        return done(x, out)
    if op == "MEAN":
        keep = bool(rng.integers(2))
        x = source()
        out = m.tensor((1, 1, 1, channels) if keep else (1, channels), scale * rng.uniform(0.3, 1.2), out_zero)
        m.operator(op, [x, m.constant([1, 2])], [out], KeepDims=keep)
        return done(x, out)
    if op in ("ADD", "MUL"):
        x = source()
        kind = int(rng.integers(4))
        other_scale = float(np.float32(scale * rng.uniform(0.1, 5)))
        other_zero = int(rng.integers(-128, 128))
        out_scale = max(scale, other_scale) if op == "ADD" else scale * other_scale * 30
        out = m.tensor(shape, float(np.float32(out_scale * rng.uniform(0.5, 2))), out_zero)
        if kind < 2:  # the second operand is a function of the first
            y = m.tensor(shape if kind == 0 or op == "ADD" else (1, 1, 1, channels), other_scale, other_zero)
            if kind == 0 or op == "ADD":
                m.operator("QUANTIZE", [x], [y])
            else:
                m.operator("MEAN", [x, m.constant([1, 2])], [y], KeepDims=True)
        else:
            size: tuple[int, ...] = () if kind == 2 else (channels,)
            data = rng.integers(-128, 128, size).astype(np.int8)
            y = m.tensor(size, other_scale, other_zero, data=data)
        m.operator(op, [x, y] if rng.integers(2) else [y, x], [out], FusedActivationFunction=activation)
        return done(x, out)
    if op in ("PAD", "PADV2"):
        amounts = rng.integers(0, 3, (4, 2))
        amounts[0] = 0
        x, out = source(), m.tensor(tuple(int(n) for n in np.array(shape) + amounts.sum(axis=1)), scale, zero)
        inputs = [x, m.constant(amounts)]
        if op == "PADV2":
            inputs.append(m.tensor((1,), scale, zero, data=np.array([rng.integers(-128, 128)], np.int8)))
        m.operator(op, inputs, [out])
        return done(x, out)
    if op == "CONCATENATION":
        x = source()
        y = m.tensor(shape, scale, zero)
        m.operator("RELU", [x], [y])
        out = m.tensor((*shape[:3], 3 * channels), scale, zero)
        m.operator(op, [x, y, x], [out], Axis=int(rng.choice([-1, 3])))
        return done(x, out)
    if op in ("SPLIT", "SPLIT_V"):
        axis, parts = int(rng.choice([1, 3, -1])), 2
        extent = [1, 2 * height, width, 2 * channels]
        x = source(tuple(extent))
        sizes = [extent[axis] // 2] * 2 if op == "SPLIT" else [1, extent[axis] - 1]
        ends = []
        for part in sizes:
            piece = list(extent)
            piece[axis] = part
            ends.append(m.tensor(tuple(piece), scale, zero))
        if op == "SPLIT":
            m.operator(op, [m.constant(axis), x], ends, NumSplits=parts)
        else:
            m.operator(op, [x, m.constant(sizes), m.constant(axis)], ends, NumSplits=parts)
        return done(x, ends[int(rng.integers(2))])
    if op == "STRIDED_SLICE":
        x = source()
        begin, end, step, size = [0], [1], [1], [1]
        for extent in shape[1:]:
            stride = int(rng.choice([1, 1, 2, -1]))
            low, high = sorted(int(n) for n in rng.choice(extent + 1, 2, replace=False))
            chosen = range(low, high, stride) if stride > 0 else range(high - 1, low - 1, stride)
            begin.append(chosen[0])
            end.append(high if stride > 0 else low - 1 - (extent if low == 0 else 0))
            step.append(stride)
            size.append(len(chosen))
        out = m.tensor(tuple(size), scale, zero)
        m.operator(op, [x, m.constant(begin), m.constant(end), m.constant(step)], [out], BeginMask=1, EndMask=1)
        return done(x, out)
    if op == "RESHAPE":
        x, out = source(), m.tensor((1, height * width * channels), scale, zero)
        m.operator(op, [x, m.constant([1, -1])], [out])
        return done(x, out)
    if op == "TRANSPOSE":
        groups, each = int(rng.integers(2, 5)), int(rng.integers(2, 5))
        shape = (1, height, width, groups * each)
        x = source(shape)
        apart = m.tensor((1, height, width, groups, each), scale, zero)
        moved = m.tensor((1, height, width, each, groups), scale, zero)
        out = m.tensor(shape, scale, zero)
        m.operator("RESHAPE", [x, m.constant([1, height, width, groups, each])], [apart])
        m.operator(op, [apart, m.constant([0, 1, 2, 4, 3])], [moved])
        m.operator("RESHAPE", [moved, m.constant(shape)], [out])
        return done(x, out)
    if op == "QUANTIZE":
        x, out = source(), m.tensor(shape, scale * rng.uniform(0.3, 3), out_zero)
        if rng.integers(2):
            m.tensors[x] |= {"type": tflite.TensorType.UINT8, "zero_points": np.array([zero + 128])}
        m.operator(op, [x], [out])
        return done(x, out)
    if op == "DEQUANTIZE":
        x, out = source(), m.tensor(shape, None, kind="FLOAT32")
        m.operator(op, [x], [out])
        return done(x, out)
    if op == "SOFTMAX":
        scale *= float(rng.choice([0.01, 1, 4]))
        scale = float(np.float32(scale))
        x, out = source((1, 3 + channels * 5)), m.tensor((1, 3 + channels * 5), 1 / 256, -128)
        m.operator(op, [x], [out], Beta=float(rng.choice([1.0, 1.0, 0.5])))
        return done(x, out)
    if op in ("LOGISTIC", "TANH"):
        out_scale, out_zero = (1 / 256, -128) if op == "LOGISTIC" else (1 / 128, 0)
        x, out = source(), m.tensor(shape, out_scale, out_zero)
        m.operator(op, [x], [out])
        return done(x, out)
    if op in ("RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "HARD_SWISH"):
        x, out = source(), m.tensor(shape, float(np.float32(scale * rng.uniform(0.3, 2))), out_zero)
        options = {"Alpha": float(np.float32(rng.choice([0.1, 0.3, 0.01, 1.5])))} if op == "LEAKY_RELU" else {}
        m.operator(op, [x], [out], **options)
        return done(x, out)
    if op == "RESIZE_NEAREST_NEIGHBOR":
        size = (int(rng.integers(1, 20)), int(rng.integers(1, 20)))
        x, out = source(), m.tensor((1, *size, channels), scale, zero)
        mode = int(rng.integers(3))
        m.operator(op, [x, m.constant(size)], [out], AlignCorners=mode == 1, HalfPixelCenters=mode == 2)
        return done(x, out)
    raise ValueError(f"no example of {op}")


OPERATORS = [
    "ADD",
    "AVERAGE_POOL_2D",
    "CONCATENATION",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "DEQUANTIZE",
    "FULLY_CONNECTED",
    "HARD_SWISH",
    "LEAKY_RELU",
    "LOGISTIC",
    "MAX_POOL_2D",
    "MEAN",
    "MUL",
    "PAD",
    "PADV2",
    "QUANTIZE",
    "RELU",
    "RELU6",
    "RELU_N1_TO_1",
    "RESHAPE",
    "RESIZE_NEAREST_NEIGHBOR",
    "SOFTMAX",
    "SPLIT",
    "SPLIT_V",
    "STRIDED_SLICE",
    "TANH",
    "TRANSPOSE",
]

if __name__ == "__main__":
    for name in OPERATORS:
        Path(sys.argv[1], f"{name.lower()}.tflite").write_bytes(example(name, 0))
