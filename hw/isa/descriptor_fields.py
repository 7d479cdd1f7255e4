"""The fields of a pass's descriptor, in groups by the part of the datapath that they describe: the bits of each, and as plain numbers what
the compiler writes and the models read.

`hwgen.hw.isa.elements` says which element each one belongs to. The layouts of `hwgen.hw.isa.descriptor`, which the hardware reads, are
made of these classes. A field that is not given is 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from itertools import accumulate
from typing import Any

from amaranth.hdl import Shape, ShapeLike, signed
from amaranth.lib import data


def number(shape: ShapeLike) -> Any:
    """A field of a number of this shape."""
    return field(default=0, metadata={"shape": shape})


def numbers(bits: int, count: int) -> Any:
    """A field of an array of unsigned numbers."""
    return field(default=(0,) * count, metadata={"shape": data.ArrayLayout(bits, count)})


def structure(default: Any) -> Any:
    """A field of a structure; `default` has its fields."""
    return field(default=default, metadata={"shape": layout_of(type(default))})


def layout_of(structure_fields: type) -> data.StructLayout:
    """The layout of a class whose fields are made by the functions above, the first one in the least significant bits."""
    return data.StructLayout({entry.name: entry.metadata["shape"] for entry in fields(structure_fields)})


class FieldRangeError(ValueError):
    """A number does not fit its field; the text names the field, its range and the number."""


@dataclass(frozen=True)
class RowPointerFields:
    """A row of a tensor: `hwgen.hw.isa.descriptor.RowPointer`."""

    slot: int = number(10)  # row slot v of the first row, 0 <= v < depth; its bank is v % 4
    addr: int = number(14)  # word address of that row in its bank: base + (v // 4) * row_words
    base: int = number(14)  # word address of row slot 0
    depth: int = number(10)  # row slots of the tensor, a multiple of 4; slot `depth - 1` is followed by slot 0
    row_words: int = number(13)  # words of one row = width * pixel_words


@dataclass(frozen=True)
class ClampFields:
    """Zero point and activation range of a requantiser: `hwgen.hw.isa.descriptor.Clamp`."""

    zero_point: int = number(signed(8))
    low: int = number(signed(8))
    high: int = number(signed(8))


@dataclass(frozen=True)
class FetchFields:
    """What the fetch reads and in which order; also the pass's kind and the size of its output, which all elements need."""

    mode: int = number(2)  # FeedMode
    op: int = number(2)  # WindowOp; SUM: SumOp
    to_rows: int = number(1)  # window's results: 0 = to the pixel ring, 1 = to the row writer
    last: int = number(1)  # last pass of the frame
    input: RowPointerFields = structure(RowPointerFields())  # row in_y of the input (also when in_y is negative)
    in_y: int = number(signed(11))  # first input row of the first output row: y0 * stride_y - pad_top
    in_h: int = number(10)  # rows of the whole input tensor; rows outside 0..in_h-1 read as `fill`
    in_w: int = number(10)  # columns of the input tensor; columns outside read as `fill`
    in_x: int = number(signed(5))  # column of the first tap of x = 0: -pad_left
    pixel_words: int = number(9)  # words from one input pixel to the next
    first_word: int = number(9)  # first word of the view inside a pixel
    groups: int = number(10)  # TAP: words per tap; WINDOW, SUM: subgroups of L channels
    stride_y: int = number(3)  # 1..3, with row steps 1..7
    stride_x: int = number(3)
    kernel_h: int = number(4)  # TAP 1..3, with row steps 1..15; WINDOW 1..3, of a block; SUM: not used
    kernel_w: int = number(4)  # TAP 1..7, with row steps 1..15; WINDOW 1..3, of a block
    # WINDOW: columns read per block, row and subgroup, shared TAP: per tap row and word: (out_w - 1) * stride_x + kernel_w
    columns: int = number(11)
    tap_rows: int = number(
        4
    )  # with row steps: rows from a tap (TAP) or block (WINDOW) to the one below it, 1..15; else 0
    tap_columns: int = number(4)  # the same for columns
    tap_words: int = number(13)  # tap_columns * pixel_words
    blocks_h: int = number(4)  # with row steps: rows and columns of blocks of a window, 1..15; else 0
    blocks_w: int = number(4)
    blocks: int = number(8)  # blocks_h * blocks_w
    fill: int = number(8)
    shared: int = number(1)  # TAP, with shared taps: a word is read once for all taps of its row; tap_columns is 1 or 0
    out_rows: int = number(10)  # output rows of this pass; SUM: input rows
    out_w: int = number(10)  # output columns; SUM: input columns


@dataclass(frozen=True)
class WindowFields:
    """The window's parameters and requantisation."""

    window_base: int = number(11)  # first subgroup in the window's parameter memory, in units of WINDOW_WORDS words
    window_clamp: ClampFields = structure(ClampFields())
    window_table: int = number(4)  # as `array_table`
    average_scale: tuple[int, int, int, int] = numbers(6, 4)  # factor of the sum, by {columns cut, rows cut}


@dataclass(frozen=True)
class PixelRingFields:
    """Shape of the pixel ring."""

    ring_words: int = number(10)  # words per pixel in the pixel ring
    ring_slots: int = number(10)  # tiles of R pixels that it holds
    ring_pixels: int = number(13)  # ring_slots * R
    # Shared taps: from the last word of a tap row's first tap to the first word of the next tap row, (kernel_w - 1) * groups + 1
    tap_row_step: int = number(10)


@dataclass(frozen=True)
class ArrayFields:
    """Loops of the array, its memories and its requantisation."""

    tiles: int = number(14)  # tiles of R pixels, the last one may be partly filled
    last_pixels: int = number(5)  # pixels of the last tile, 1..R
    chunks: int = number(8)  # chunks of C output channels
    # With two steps a cycle the loop over K counts pairs of bytes.
    first_byte: int = number(3)  # first byte of the K loop in a pixel's ring words
    inner: int = number(13)  # K = outer * inner
    outer: int = number(7)
    outer_stride: int = number(13)  # bytes from one outer step to the next
    weight_base: int = number(17)
    parameter_base: int = number(13)
    array_table: int = number(4)  # which resident table (0 where the DMA loads them)
    array_clamp: ClampFields = structure(ClampFields())


@dataclass(frozen=True)
class WriterFields:
    """Where results go, for the writer and the row writer."""

    output: RowPointerFields = structure(RowPointerFields())  # first output row
    out_pixel_words: int = number(9)
    out_word: int = number(9)  # word of channel 0 of chunk 0 inside an output pixel
    out_half: int = number(1)  # 1 = four bytes further
    spread: int = number(1)  # 1 = byte i of a segment goes to byte 2 i + odd
    odd: int = number(1)
    merge: int = number(1)  # with spread: the other bytes come from the second operand
    channels: int = number(12)  # output channels of this pass; bytes of a segment beyond them are not written


@dataclass(frozen=True)
class OperandFields:
    """Where the second operand comes from."""

    operand: RowPointerFields = structure(RowPointerFields())  # first row, same row count as the output
    operand_pixel_words: int = number(9)
    operand_word: int = number(9)


@dataclass(frozen=True)
class CombineFields:
    """What the combine element does."""

    combine: int = number(2)  # CombineOp; only plain passes (not spread)
    still: int = number(1)  # every pixel has the same operand, the pixel at `operand.slot` and `operand.addr`


@dataclass(frozen=True)
class DescriptorFields:
    """One pass, the fields of each group under its name."""

    fetch: FetchFields = structure(FetchFields())
    window: WindowFields = structure(WindowFields())
    pixel_ring: PixelRingFields = structure(PixelRingFields())
    array: ArrayFields = structure(ArrayFields())
    writer: WriterFields = structure(WriterFields())
    operand: OperandFields = structure(OperandFields())  # first row, same row count as the output
    combine: CombineFields = structure(CombineFields())  # CombineOp; only plain passes (not spread)

    def pack(self) -> int:
        """The descriptor as one number, as `hwgen.hw.isa.descriptor.Descriptor` lays it out.

        Raises:
            FieldRangeError: a number does not fit its field.
        """
        return sum(number.bits(self) for number in NUMBERS)


FIELD_GROUPS: dict[str, data.StructLayout] = {entry.name: entry.metadata["shape"] for entry in fields(DescriptorFields)}
"""Layouts of the groups: entry `fetch` has the fields of `DescriptorFields.fetch`."""


@dataclass(frozen=True)
class Number:
    """A single number of the descriptor.

    Attributes:
        group: of fields that it belongs to.
        path: from the group's fields to it: names, and indices of an array.
        low, high: its range.
        offset: of its least significant bit in the descriptor.
    """

    group: str
    path: tuple[str | int, ...]
    low: int
    high: int
    offset: int

    @property
    def name(self) -> str:
        """As errors call it."""
        return ".".join(str(step) for step in self.path)

    def of(self, fields: DescriptorFields) -> int:
        """Its value."""
        value: Any = getattr(fields, self.group)
        for step in self.path:
            value = value[step] if isinstance(step, int) else getattr(value, step)
        return int(value)

    def bits(self, fields: DescriptorFields) -> int:
        """Its value in its place in the descriptor; raises FieldRangeError."""
        value = self.of(fields)
        if not self.low <= value <= self.high:
            raise FieldRangeError(f"{self.name} must be {self.low}..{self.high}, not {value}")
        return (value & (self.high - self.low)) << self.offset


def _numbers(group: str, path: tuple[str | int, ...], layout: ShapeLike, offset: int) -> Iterator[Number]:
    if isinstance(layout, data.Layout):
        for name, inner in layout:
            yield from _numbers(group, (*path, name), inner.shape, offset + inner.offset)
        return
    shape = Shape.cast(layout)
    low = -(1 << shape.width - 1) if shape.signed else 0
    yield Number(group, path, low, low + (1 << shape.width) - 1, offset)


NUMBERS = tuple(
    one
    for (group, layout), offset in zip(
        FIELD_GROUPS.items(), accumulate((layout.size for layout in FIELD_GROUPS.values()), initial=0), strict=False
    )
    for one in _numbers(group, (), layout, offset)
)
"""Every number of the descriptor, in the order of its bits."""
