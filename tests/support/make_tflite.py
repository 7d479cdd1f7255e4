"""Makes small TensorFlow Lite models with the schema's own builders.

A model is made of `tensor` and `operator` calls and `finish`; `tests.support.tflite_examples` has random ones for each operator.
"""

from __future__ import annotations

from collections.abc import Callable
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

    def constant(self, values: Any, kind: type[np.generic] = np.int32) -> int:
        """An unquantised constant."""
        data = np.asarray(values, dtype=kind)
        return self.tensor(data.shape, None, data=data)

    def operator(self, op: str, inputs: list[int], outputs: list[int], **options: Any) -> None:
        """Add an operator; options by the schema's names."""
        self.operators.append((op, inputs, outputs, options))

    def finish(
        self,
        inputs: list[int],
        outputs: list[int],
        identifier: bytes = b"TFL3",
        code_fields: Callable[[int], tuple[int, int]] = lambda value: (value, min(value, 127)),
    ) -> bytes:
        """The file; `code_fields` gives what `builtin_code` and `deprecated_builtin_code` say of an operator's number."""
        b = self.builder
        codes = sorted({op for op, *_ in self.operators})
        buffers = []
        for content in self.buffers:
            vector = b.CreateByteVector(content) if content else None
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
            new, old = code_fields(getattr(tflite.BuiltinOperator, op))
            tflite.OperatorCodeStart(b)
            tflite.OperatorCodeAddDeprecatedBuiltinCode(b, old)
            tflite.OperatorCodeAddVersion(b, 1)
            tflite.OperatorCodeAddBuiltinCode(b, new)
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
