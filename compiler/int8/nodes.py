"""The nodes of the int8 graph: tensors and the operations on them; formulas are those of docs/arithmetic.md, cited by number."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8 import arithmetic

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
class Unary:
    """A node of one input."""

    name: str
    input: str
    output: str

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,)


@dataclass(frozen=True, eq=False)
class Binary:
    """A node of two operands."""

    name: str
    left: str
    right: str
    output: str

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, eq=False)
class QConv(Unary):
    """Convolution of any kernel and grouping; a fully connected layer is one of a 1x1 input (equations 3 to 8).

    `out = clamp(requantise(sum(w * x) + folded_bias, M, n) + output_zero_point, act_min, act_max)`; padded elements
    read `input_zero_point`.
    """

    op: ClassVar[str] = "conv"
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

    @cached_property
    def folded_bias(self) -> np.ndarray:
        """Bias with the input's zero point taken in, int64 [out_channels] (equation 4)."""
        return arithmetic.fold_zero_point(self.bias, self.weights, self.input_zero_point)

    @cached_property
    def accumulator_bits(self) -> int:
        """Bits of the accumulator that no input overflows."""
        return arithmetic.accumulator_bits(self.weights)

    @cached_property
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
class QMaxPool(Unary):
    """Maximum over the valid elements of a window, clamped (equation 11).

    With a 1x1 kernel it copies: strides leave pixels out, negative padding cuts off.
    """

    op: ClassVar[str] = "max_pool"
    window: Window
    act_min: int = arithmetic.INT8_MIN
    act_max: int = arithmetic.INT8_MAX


@dataclass(frozen=True)
class QAvgPool(Unary):
    """Mean over the valid elements, rounded half away from zero (equation 12); `window.kernel` = input size makes it
    global.
    """

    op: ClassVar[str] = "avg_pool"
    window: Window


@dataclass(frozen=True)
class QSlice(Unary):
    """A view: `channels` channels of the input from `offset` on."""

    op: ClassVar[str] = "slice"
    offset: int
    channels: int


@dataclass(frozen=True)
class QConcat:
    """Channel concatenation of the inputs in order, one behind the other or from the channels `offsets` on; gaps hold 0."""

    op: ClassVar[str] = "concat"
    name: str
    sources: tuple[str, ...]
    output: str
    offsets: tuple[int, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.sources


@dataclass(frozen=True)
class QShuffle(Unary):
    """Channel shuffle: `out[i * groups + g] = in[g * (channels / groups) + i]` (equation 16)."""

    op: ClassVar[str] = "shuffle"
    groups: int


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
class QAdd(Binary):
    """Element-wise sum of two tensors of different scales, as TensorFlow Lite's reference ADD (equation 13); `right` may be one value
    per channel, 1 x 1 x channels.
    """

    op: ClassVar[str] = "add"
    act_min: int
    act_max: int


@dataclass(frozen=True, eq=False)
class QTable(Unary):
    """Any int8 -> int8 function: `out = table[q + 128]` (equation 14)."""

    op: ClassVar[str] = "table"
    table: np.ndarray  # int8 [256]


@dataclass(frozen=True)
class QMul(Binary):
    """Element-wise product (equation 18); `right` may be one value per channel, 1 x 1 x channels, as a
    squeeze-and-excitation block has it.
    """

    op: ClassVar[str] = "mul"
    multiplier: int
    shift: int
    act_min: int
    act_max: int


@dataclass(frozen=True)
class QMean(Unary):
    """Mean over height and width with a requantisation of its own, which rounds otherwise than the average pool
    (equation 19).
    """

    op: ClassVar[str] = "mean"
    multiplier: int  # 0 .. 2^31 - 1
    shift: int  # right shift n
    count: int  # elements of a sum
    input_zero_point: int
    output_zero_point: int

    @cached_property
    def folded_bias(self) -> int:
        """Added to the sum of the raw values to take the input's zero point out of it."""
        return -self.count * self.input_zero_point


@dataclass(frozen=True)
class QPad(Unary):
    """The input with `value` around it."""

    op: ClassVar[str] = "pad"
    before: Shape  # rows, columns, channels
    after: Shape
    value: int


@dataclass(frozen=True)
class QReshape(Unary):
    """The same bytes in the same row-major order under another shape."""

    op: ClassVar[str] = "reshape"
    shape: Shape


@dataclass(frozen=True)
class QStridedSlice(Unary):
    """A cut-out: element i of each axis is the input's element `begin + i * step`."""

    op: ClassVar[str] = "strided_slice"
    begin: Shape
    step: Shape  # not 0; negative runs backwards
    shape: Shape


@dataclass(frozen=True)
class QResize(Unary):
    """Nearest-neighbour resizing: output pixel (y, x) is input pixel (`rows[y]`, `columns[x]`)."""

    op: ClassVar[str] = "resize"
    rows: tuple[int, ...]
    columns: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class QChannelTable(Unary):
    """An int8 -> int8 function for each channel: `out[..., c] = tables[c, q + 128]` (equation 14)."""

    op: ClassVar[str] = "channel_table"
    tables: np.ndarray  # int8 [channels, 256]


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
