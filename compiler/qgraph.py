"""The int8 graph: what the machine runs, operation by operation.

A `QGraph` is an ordered list of nodes (every node after the producers of its inputs) and a dict of tensors.  All
tensors are int8, row-major (height, width, channels), with one scale and zero point each; formulas are those of
docs/arithmetic.md, cited by number.

Slices, merges, concatenations, shuffles and maximum or average pools change no scale: their inputs and outputs must
share scale and zero point (equation 15), and `QGraph.verify` insists on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from compiler import arithmetic
from compiler.errors import ModelError, one_line
from compiler.window import Window

Shape = tuple[int, int, int]
LEAST_SHIFT = -16
"""Factors of 1 and more shift left first; larger ones than 2^16 overflow with any accumulator worth having."""


@dataclass(frozen=True)
class QTensor:
    """An int8 tensor of one frame: `real = scale * (q - zero_point)`."""

    name: str
    shape: Shape  # (height, width, channels)
    scale: float
    zero_point: int

    @property
    def height(self) -> int:
        return self.shape[0]

    @property
    def width(self) -> int:
        return self.shape[1]

    @property
    def channels(self) -> int:
        return self.shape[2]

    @property
    def size(self) -> int:
        """Bytes, without any padding of channels."""
        return self.shape[0] * self.shape[1] * self.shape[2]


@dataclass(frozen=True, eq=False)
class QConv:
    """Convolution of any kernel and grouping; a fully connected layer is one of a 1x1 input (equations 3 to 8).

    `out = clamp(requantise(sum(w * x) + folded_bias, M, n) + output_zero_point, act_min, act_max)`; padded elements
    read `input_zero_point`.
    """

    op: ClassVar[str] = "conv"
    name: str
    input: str
    output: str
    weights: np.ndarray  # int8 [out_channels, kernel rows, kernel columns, in_channels / groups], -127 .. 127
    bias: np.ndarray  # int32 [out_channels], in units of input scale x weight scale
    multiplier: np.ndarray  # int64 [out_channels], 0 .. 2^31 - 1
    shift: np.ndarray  # int64 [out_channels], right shift n, LEAST_SHIFT .. 31; the machine needs 0 .. 31
    window: Window
    groups: int
    input_zero_point: int
    output_zero_point: int
    act_min: int
    act_max: int

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,)

    @property
    def out_channels(self) -> int:
        return int(self.weights.shape[0])

    @property
    def in_channels(self) -> int:
        return int(self.weights.shape[3]) * self.groups

    @property
    def depthwise(self) -> bool:
        """One input channel per output channel, as many outputs as inputs."""
        return self.groups == self.in_channels == self.out_channels and self.groups > 1

    @property
    def pointwise(self) -> bool:
        """A plain matrix product per pixel: 1x1, stride 1, no padding, one group."""
        return self.window.trivial and self.groups == 1

    @property
    def folded_bias(self) -> np.ndarray:
        """Bias with the input's zero point taken in, int64 [out_channels] (equation 4)."""
        return arithmetic.fold_zero_point(self.bias, self.weights, self.input_zero_point)

    @property
    def clamp_bits(self) -> np.ndarray:
        """Proven width A to which accumulator + folded bias may be saturated, int64 [out_channels] (equation 9)."""
        low, high = arithmetic.accumulator_bounds(self.weights, self.folded_bias)
        return arithmetic.clamp_bits(
            low, high, self.multiplier, self.shift, self.output_zero_point, self.act_min, self.act_max
        )

    def macs(self, output: Shape) -> int:
        """Multiply-accumulates of one frame."""
        return output[0] * output[1] * int(self.weights.size)


@dataclass(frozen=True)
class QMaxPool:
    """Maximum over the valid elements of a window (equation 11)."""

    op: ClassVar[str] = "max_pool"
    name: str
    input: str
    output: str
    window: Window

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,)


@dataclass(frozen=True)
class QAvgPool:
    """Mean over the valid elements, rounded half away from zero (equation 12); `window.kernel` = input size makes it
    global.
    """

    op: ClassVar[str] = "avg_pool"
    name: str
    input: str
    output: str
    window: Window

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,)


@dataclass(frozen=True)
class QSlice:
    """A view: `channels` channels of the input from `offset` on."""

    op: ClassVar[str] = "slice"
    name: str
    input: str
    output: str
    offset: int
    channels: int

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,)


@dataclass(frozen=True)
class QConcat:
    """Channel concatenation of the inputs in order."""

    op: ClassVar[str] = "concat"
    name: str
    sources: tuple[str, ...]
    output: str

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.sources


@dataclass(frozen=True)
class QShuffle:
    """Channel shuffle: `out[i * groups + g] = in[g * (channels / groups) + i]` (equation 16)."""

    op: ClassVar[str] = "shuffle"
    name: str
    input: str
    output: str
    groups: int

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,)


@dataclass(frozen=True)
class QShuffleMerge:
    """Concat then shuffle by two: `out[2i] = identity[i]`, `out[2i + 1] = processed[i]` (equation 17)."""

    op: ClassVar[str] = "shuffle_merge"
    name: str
    identity: str
    processed: str
    output: str

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.identity, self.processed)


@dataclass(frozen=True)
class QAdd:
    """Element-wise sum of two tensors of different scales, as TensorFlow Lite's reference ADD (equation 13)."""

    op: ClassVar[str] = "add"
    name: str
    left: str
    right: str
    output: str
    act_min: int
    act_max: int

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, eq=False)
class QTable:
    """Any int8 -> int8 function: `out = table[q + 128]` (equation 14)."""

    op: ClassVar[str] = "table"
    name: str
    input: str
    output: str
    table: np.ndarray  # int8 [256]

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,)


@dataclass(frozen=True)
class QMul:
    """Element-wise product (equation 18); `right` may be one value per channel, 1 x 1 x channels, as a
    squeeze-and-excitation block has it.
    """

    op: ClassVar[str] = "mul"
    name: str
    left: str
    right: str
    output: str
    multiplier: int
    shift: int
    act_min: int
    act_max: int

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.left, self.right)


@dataclass(frozen=True)
class QMean:
    """Mean over height and width with a requantisation of its own, which rounds otherwise than the average pool
    (equation 19).
    """

    op: ClassVar[str] = "mean"
    name: str
    input: str
    output: str
    multiplier: int  # 0 .. 2^31 - 1
    shift: int  # right shift n

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,)


@dataclass(frozen=True)
class QPad:
    """The input with `value` around it."""

    op: ClassVar[str] = "pad"
    name: str
    input: str
    output: str
    before: Shape  # rows, columns, channels
    after: Shape
    value: int

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,)


@dataclass(frozen=True)
class QReshape:
    """The same bytes in the same row-major order under another shape."""

    op: ClassVar[str] = "reshape"
    name: str
    input: str
    output: str
    shape: Shape

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,)


@dataclass(frozen=True)
class QStridedSlice:
    """A cut-out: element i of each axis is the input's element `begin + i * step`."""

    op: ClassVar[str] = "strided_slice"
    name: str
    input: str
    output: str
    begin: Shape
    step: Shape  # not 0; negative runs backwards
    shape: Shape

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,)


@dataclass(frozen=True)
class QResize:
    """Nearest-neighbour resizing: output pixel (y, x) is input pixel (`rows[y]`, `columns[x]`)."""

    op: ClassVar[str] = "resize"
    name: str
    input: str
    output: str
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,)


@dataclass(frozen=True, eq=False)
class QChannelTable:
    """An int8 -> int8 function for each channel: `out[..., c] = tables[c, q + 128]` (equation 14)."""

    op: ClassVar[str] = "channel_table"
    name: str
    input: str
    output: str
    tables: np.ndarray  # int8 [channels, 256]

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,)


@dataclass(frozen=True)
class QSoftmax:
    """Softmax over the channels of each pixel, in fixed point (equation 20); the host computes it."""

    op: ClassVar[str] = "softmax"
    name: str
    input: str
    output: str
    multiplier: int
    shift: int  # left shift
    least: int  # differences below this have no weight

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,)


QNode = (
    QConv
    | QMaxPool
    | QAvgPool
    | QSlice
    | QConcat
    | QShuffle
    | QShuffleMerge
    | QAdd
    | QTable
    | QMul
    | QMean
    | QPad
    | QReshape
    | QStridedSlice
    | QResize
    | QChannelTable
)
QHostNode = QSoftmax | QTable | QReshape
TIED = (
    QMaxPool,
    QAvgPool,
    QSlice,
    QConcat,
    QShuffle,
    QShuffleMerge,
    QPad,
    QReshape,
    QStridedSlice,
    QResize,
)


@dataclass(frozen=True)
class Host:
    """What the host does around the machine: types and shapes of the model's own input and output, the last nodes.

    A uint8 tensor is its int8 tensor plus 128; a float32 one is quantised by equation 2 or read back by equation 1, in
    float32.
    """

    input_type: str = "int8"  # int8, uint8 or float32
    input_shape: tuple[int, ...] = ()  # as the model's file has it; () is the tensor's own
    output_type: str = "int8"
    output_shape: tuple[int, ...] = ()
    nodes: tuple[QHostNode, ...] = ()  # run in order on the graph's output
    tensors: tuple[QTensor, ...] = ()  # outputs of `nodes`, in the same order


@dataclass(eq=False)
class QGraph:
    """An int8 network: nodes in execution order, tensors by name, one input and one output tensor."""

    name: str
    tensors: dict[str, QTensor]
    nodes: list[QNode]
    input: str
    output: str
    provenance: str = "unknown"  # of the weights: "file NAME" or "random, seed N"
    host: Host = field(default_factory=Host)
    notes: tuple[str, ...] = ()  # what the importer found odd but harmless
    origins: dict[str, int] = field(default_factory=dict)  # tensors by their index in the model's file

    def convs(self) -> Iterator[QConv]:
        """The convolutions in execution order."""
        return (node for node in self.nodes if isinstance(node, QConv))

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one frame, depthwise included."""
        return sum(conv.macs(self.tensors[conv.output].shape) for conv in self.convs())

    @property
    def weight_count(self) -> int:
        """Weights without biases; one byte each."""
        return sum(int(conv.weights.size) for conv in self.convs())

    @property
    def clamp_bits(self) -> int:
        """The requantisers' width A for the whole network (equation 9)."""
        return max((int(conv.clamp_bits.max()) for conv in self.convs()), default=2)

    @property
    def imported(self) -> bool:
        """Whether the graph comes from a model's file, with a quantisation of its own."""
        return bool(self.origins)

    @property
    def result(self) -> QTensor:
        """The last tensor, after the host's nodes."""
        return self.host.tensors[-1] if self.host.tensors else self.tensors[self.output]

    def producer(self, tensor: str) -> QNode | None:
        """The node that writes `tensor`; None for the network's input."""
        return next((node for node in self.nodes if node.output == tensor), None)

    def consumers(self, tensor: str) -> list[QNode]:
        """The nodes that read `tensor`, in execution order."""
        return [node for node in self.nodes if tensor in node.inputs]

    def verify(self) -> None:
        """Raise one ModelError listing everything that is unsound: order, shapes, zero points, tied scales, ranges."""
        problems: list[str] = []
        written = {self.input}
        for node in self.nodes:
            missing = [name for name in (*node.inputs, node.output) if name not in self.tensors]
            early = [name for name in node.inputs if name not in written]
            if missing or early or node.output in written:
                problems.append(
                    f"{node.name}: unknown {missing}, not yet written {early}, or output {node.output} written twice"
                )
                continue
            written.add(node.output)
            problems += [f"{node.name}: {text}" for text in node_problems(node, self.tensors)]
        if self.output not in written:
            problems.append(f"output {self.output} is never written")
        if problems:
            raise ModelError(f"int8 graph {self.name} is unsound: {one_line(problems)}")

    def __str__(self) -> str:
        lines = [f"qgraph {self.name} input {self.input} output {self.output}"]
        for node in self.nodes:
            out = self.tensors[node.output]
            lines.append(
                f"  {out.name} {'x'.join(map(str, out.shape))} s={out.scale:.6g} z={out.zero_point} = "
                f"{node.op}({', '.join(node.inputs)})"
            )
        return "\n".join(lines)


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
    if isinstance(node, QReshape) and first.size != out.size:
        problems.append(f"{first.size} elements reshaped to {out.size}")
    if isinstance(node, QMul | QAdd):
        shape = tensors[node.right].shape
        if shape != first.shape and (isinstance(node, QAdd) or shape != (1, 1, first.channels)):
            problems.append(f"operands have shapes {first.shape} and {shape}")
    if isinstance(node, QConv):
        problems += _conv_problems(node, first, out)
    return problems


def _conv_problems(conv: QConv, first: QTensor, out: QTensor) -> list[str]:
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
        if (low_bound << left).min() < -(2**31) or (high_bound << left).max() >= 2**31:
            problems.append("the accumulator with its bias can leave 32 bits")
    return problems
