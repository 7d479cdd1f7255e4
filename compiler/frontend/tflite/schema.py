"""A .tflite file as plain objects: every access to the flatbuffer happens here, within bounds.

The readers of the published schema come from the package `tflite`; they trust the file, so lengths are checked
against the file's size before anything is read, and whatever a damaged offset makes them raise becomes one
ModelError.
"""

import struct
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import tflite

from hwgen.errors import ModelError, printable

IDENTIFIER = b"TFL3"
LARGEST_FILE = 1 << 30
MOST_ENTRIES = 1 << 16  # tensors, operators, buffers
DAMAGE = (
    struct.error,
    ValueError,
    IndexError,
    TypeError,
    OverflowError,
    AttributeError,
)

TYPE_NAMES = {value: name for name, value in vars(tflite.TensorType).items() if isinstance(value, int)}
OPERATOR_NAMES = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
NUMPY_TYPES = {"INT8": np.int8, "UINT8": np.uint8, "INT32": np.int32, "INT64": np.int64, "FLOAT32": np.float32}

# The fields that are read of each operator's options table.
OPTIONS = {
    "Conv2DOptions": "Padding StrideH StrideW DilationHFactor DilationWFactor FusedActivationFunction",
    "DepthwiseConv2DOptions": "Padding StrideH StrideW DilationHFactor DilationWFactor FusedActivationFunction",
    "FullyConnectedOptions": "FusedActivationFunction WeightsFormat KeepNumDims",
    "Pool2DOptions": "Padding StrideH StrideW FilterHeight FilterWidth FusedActivationFunction",
    "AddOptions": "FusedActivationFunction",
    "MulOptions": "FusedActivationFunction",
    "ConcatenationOptions": "Axis FusedActivationFunction",
    "SplitOptions": "NumSplits",
    "StridedSliceOptions": "BeginMask EndMask EllipsisMask NewAxisMask ShrinkAxisMask Offset",
    "ReducerOptions": "KeepDims",
    "SoftmaxOptions": "Beta",
    "LeakyReluOptions": "Alpha",
    "ResizeNearestNeighborOptions": "AlignCorners HalfPixelCenters",
}
OPTION_TYPES = {value: name for name, value in vars(tflite.BuiltinOptions).items() if isinstance(value, int)}
TABLE_OF = {
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
    "STRIDED_SLICE": "StridedSliceOptions",
}
"""The options table of each operator whose options are read."""

BUILTIN_CODE = 10
"""Place of `builtin_code`, field 3 of an operator code, in the table's list of fields."""

PLACEHOLDER = 127
"""The most that the old field of 8 bits can say: the new one says which."""


@dataclass(frozen=True, eq=False)
class FileTensor:
    """One tensor of the file."""

    index: int
    name: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]  # the shape with -1 for sizes that are open; () if the file has none
    type: str
    data: np.ndarray | None  # uint8 bytes of a constant
    scales: np.ndarray  # float32
    zero_points: np.ndarray  # int64
    axis: int  # quantized_dimension
    variable: bool
    sparse: bool

    @property
    def constant(self) -> bool:
        return self.data is not None


@dataclass(frozen=True)
class FileOperator:
    """One operator of the file."""

    index: int
    op: str  # name in the schema; that of a custom operator is "CUSTOM name"
    inputs: tuple[int, ...]  # tensors by index; -1 is an optional one left out
    outputs: tuple[int, ...]
    options: dict[str, Any] | None = field(default=None)


@dataclass(frozen=True)
class File:
    """The only subgraph of a .tflite file."""

    tensors: list[FileTensor]
    operators: list[FileOperator]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read(data: bytes, name: str) -> File:
    """The file's content.

    Raises:
        ModelError: it is no TensorFlow Lite file, or truncated, or damaged so that it cannot be read.
    """
    if not data:
        raise ModelError(f"{name}: the file is empty; give a TensorFlow Lite model (.tflite)")
    if len(data) < 16 or data[4:8] != IDENTIFIER:
        raise ModelError(f"{name}: not a TensorFlow Lite file (bytes 4 to 7 must be 'TFL3'); give a .tflite model")
    if len(data) > LARGEST_FILE:
        raise ModelError(f"{name}: {len(data):,} bytes; at most {LARGEST_FILE:,} can be read")
    try:
        return _Reader(data).read()
    except DAMAGE as error:
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise ModelError(
            f"{name}: damaged or truncated TensorFlow Lite file ({reason}); copy or convert it again"
        ) from None


def _line(text: bytes, most: int) -> str:
    """The first letters of a name, fit for a line of a message: a damaged one may hold anything, line ends too."""
    return printable(text.decode(errors="replace")[:most]).replace("\n", "\\n").replace("\t", "\\t")


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self) -> File:
        model = tflite.Model.GetRootAs(self.data, 0)
        if model.Version() != 3:
            raise ValueError(f"schema version {model.Version()}, not 3")
        if self._count(model.SubgraphsLength(), "subgraphs") != 1:
            raise ValueError(f"{model.SubgraphsLength()} subgraphs; control flow is not supported, one is needed")
        codes = [
            self._code(i, model.OperatorCodes(i))
            for i in range(self._count(model.OperatorCodesLength(), "operator codes"))
        ]
        buffers = [model.Buffers(i) for i in range(self._count(model.BuffersLength(), "buffers"))]
        graph = model.Subgraphs(0)
        tensors = [
            self._tensor(i, graph.Tensors(i), buffers) for i in range(self._count(graph.TensorsLength(), "tensors"))
        ]
        operators = [
            self._operator(i, graph.Operators(i), codes)
            for i in range(self._count(graph.OperatorsLength(), "operators"))
        ]
        result = File(
            tensors,
            operators,
            self._integers(graph.InputsAsNumpy, graph.InputsLength()),
            self._integers(graph.OutputsAsNumpy, graph.OutputsLength()),
        )
        for operator in operators:
            for index in operator.inputs + operator.outputs:
                if not -1 <= index < len(tensors):
                    raise ValueError(f"operator {operator.index} names tensor {index} of {len(tensors)}")
            if -1 in operator.outputs:
                raise ValueError(f"operator {operator.index} has an output that is no tensor")
        for index in result.inputs + result.outputs:
            if not 0 <= index < len(tensors):
                raise ValueError(f"the model names tensor {index} of {len(tensors)}")
        return result

    def _count(self, count: int, what: str) -> int:
        if count > min(MOST_ENTRIES, len(self.data) // 4):
            raise ValueError(f"{count:,} {what} in a file of {len(self.data):,} bytes")
        return count

    def _integers(self, vector: Any, length: int) -> tuple[int, ...]:
        if not self._count(length, "elements"):
            return ()
        return tuple(int(value) for value in vector())

    def _code(self, index: int, code: tflite.OperatorCode) -> str:
        """The operator that an operator code names.

        Old files have the field of 8 bits alone, newer ones both, some only the new one.  Both are read from the table
        itself: the package's `BuiltinCode` looks at the new one only where the old one does not suffice.
        """
        old, place = code.DeprecatedBuiltinCode(), code._tab.Offset(BUILTIN_CODE)
        new = code._tab.Get(flatbuffers.number_types.Int32Flags, code._tab.Pos + place) if place else 0
        value = new or old
        if old not in (0, min(value, PLACEHOLDER)) or value == PLACEHOLDER or value < 0:
            raise ValueError(f"operator code {index}: {new} as builtin_code, {old} as deprecated_builtin_code")
        op = OPERATOR_NAMES.get(value, f"number {value}")
        custom = code.CustomCode() if op == "CUSTOM" else None
        return f"CUSTOM {_line(custom, 40)}" if custom else op

    def _tensor(self, index: int, tensor: tflite.Tensor, buffers: list[tflite.Buffer]) -> FileTensor:
        quantization = tensor.Quantization()
        scales, zero_points, axis = np.zeros(0, np.float32), np.zeros(0, np.int64), 0
        if quantization is not None:
            axis = quantization.QuantizedDimension()
            if quantization.ScaleLength():
                scales = np.array(quantization.ScaleAsNumpy(), dtype=np.float32)
            if quantization.ZeroPointLength():
                zero_points = np.array(quantization.ZeroPointAsNumpy(), dtype=np.int64)
        if tensor.Buffer() >= len(buffers):
            raise ValueError(f"tensor {index} is in buffer {tensor.Buffer()} of {len(buffers)}")
        return FileTensor(
            index,
            _line(tensor.Name() or b"", 200),
            self._integers(tensor.ShapeAsNumpy, tensor.ShapeLength()),
            self._integers(tensor.ShapeSignatureAsNumpy, tensor.ShapeSignatureLength()),
            TYPE_NAMES.get(tensor.Type(), f"type {tensor.Type()}"),
            self._bytes(buffers[tensor.Buffer()]),
            scales,
            zero_points,
            axis,
            bool(tensor.IsVariable()),
            tensor.Sparsity() is not None,
        )

    def _bytes(self, buffer: tflite.Buffer) -> np.ndarray | None:
        if buffer.DataLength():
            return np.asarray(buffer.DataAsNumpy())
        if buffer.Offset() > 1:  # content outside the flatbuffer
            if buffer.Offset() + buffer.Size() > len(self.data):
                raise ValueError("a buffer lies outside the file")
            return np.frombuffer(self.data, np.uint8, buffer.Size(), buffer.Offset())
        return None

    def _operator(self, index: int, operator: tflite.Operator, codes: list[str]) -> FileOperator:
        if operator.OpcodeIndex() >= len(codes):
            raise ValueError(f"operator {index} has code {operator.OpcodeIndex()} of {len(codes)}")
        kind = OPTION_TYPES.get(operator.BuiltinOptionsType(), "")
        op, table, options = codes[operator.OpcodeIndex()], operator.BuiltinOptions(), None
        if table is not None and kind and op in TABLE_OF and kind != TABLE_OF[op]:
            raise ValueError(f"operator {index} is {op} with {kind}")
        if table is not None and kind in OPTIONS:
            reader = getattr(tflite, kind)()
            reader.Init(table.Bytes, table.Pos)
            options = {name: getattr(reader, name)() for name in OPTIONS[kind].split()}
        return FileOperator(
            index,
            op,
            self._integers(operator.InputsAsNumpy, operator.InputsLength()),
            self._integers(operator.OutputsAsNumpy, operator.OutputsLength()),
            options,
        )
