"""The fields of a pass's descriptor as plain numbers, in groups: what the compiler writes and the models read.

Names and meanings are those of `hwgen.hw.isa.descriptor.FIELD_GROUPS`: its entry `fetch` has the fields of `DescriptorFields.fetch`.
A field that is not given is 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Shape
from amaranth.lib import data

from hwgen.hw.isa.descriptor import FIELD_GROUPS, Descriptor


class FieldRangeError(ValueError):
    """A number does not fit its field; the text names the field, its range and the number."""


@dataclass(frozen=True)
class RowPointerFields:
    """A row of a tensor: `hwgen.hw.isa.descriptor.RowPointer`."""

    slot: int = 0
    addr: int = 0
    base: int = 0
    depth: int = 0
    row_words: int = 0


@dataclass(frozen=True)
class ClampFields:
    """Zero point and activation range of a requantiser: `hwgen.hw.isa.descriptor.Clamp`."""

    zero_point: int = 0
    low: int = 0
    high: int = 0


@dataclass(frozen=True)
class FetchFields:
    """What the fetch reads and in which order; also the pass's kind and the size of its output, which all elements need."""

    mode: int = 0
    op: int = 0
    to_rows: int = 0
    last: int = 0
    input: RowPointerFields = RowPointerFields()
    in_y: int = 0
    in_h: int = 0
    in_w: int = 0
    in_x: int = 0
    pixel_words: int = 0
    first_word: int = 0
    groups: int = 0
    stride_y: int = 0
    stride_x: int = 0
    kernel_h: int = 0
    kernel_w: int = 0
    columns: int = 0
    tap_rows: int = 0
    tap_columns: int = 0
    tap_words: int = 0
    blocks_h: int = 0
    blocks_w: int = 0
    blocks: int = 0
    fill: int = 0
    out_rows: int = 0
    out_w: int = 0


@dataclass(frozen=True)
class WindowFields:
    """The window's parameters and requantisation."""

    window_base: int = 0
    window_clamp: ClampFields = ClampFields()
    window_table: int = 0
    average_scale: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(frozen=True)
class PixelRingFields:
    """Shape of the pixel ring."""

    ring_words: int = 0
    ring_slots: int = 0
    ring_pixels: int = 0


@dataclass(frozen=True)
class ArrayFields:
    """Loops of the array, its memories and its requantisation."""

    tiles: int = 0
    last_pixels: int = 0
    chunks: int = 0
    first_byte: int = 0
    inner: int = 0
    outer: int = 0
    outer_stride: int = 0
    weight_base: int = 0
    parameter_base: int = 0
    array_table: int = 0
    array_clamp: ClampFields = ClampFields()


@dataclass(frozen=True)
class WriterFields:
    """Where results go, for the writer and the row writer."""

    output: RowPointerFields = RowPointerFields()
    out_pixel_words: int = 0
    out_word: int = 0
    out_half: int = 0
    spread: int = 0
    odd: int = 0
    merge: int = 0
    channels: int = 0


@dataclass(frozen=True)
class OperandFields:
    """Where the second operand comes from."""

    operand: RowPointerFields = RowPointerFields()
    operand_pixel_words: int = 0
    operand_word: int = 0


@dataclass(frozen=True)
class CombineFields:
    """What the combine element does."""

    combine: int = 0
    still: int = 0


@dataclass(frozen=True)
class DescriptorFields:
    """One pass, the fields of each group under its name."""

    fetch: FetchFields = FetchFields()
    window: WindowFields = WindowFields()
    pixel_ring: PixelRingFields = PixelRingFields()
    array: ArrayFields = ArrayFields()
    writer: WriterFields = WriterFields()
    operand: OperandFields = OperandFields()
    combine: CombineFields = CombineFields()

    def pack(self) -> int:
        """The descriptor as one number, as `hwgen.hw.isa.descriptor.Descriptor` lays it out.

        Raises:
            FieldRangeError: a number does not fit its field.
        """
        return sum(number.bits(self) for number in NUMBERS)


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


def _numbers(group: str, path: tuple[str | int, ...], field: data.Field, offset: int) -> Iterator[Number]:
    offset += field.offset
    if isinstance(field.shape, data.Layout):
        for name, inner in field.shape:
            yield from _numbers(group, (*path, name), inner, offset)
        return
    shape = Shape.cast(field.shape)
    low = -(1 << shape.width - 1) if shape.signed else 0
    yield Number(group, path, low, low + (1 << shape.width) - 1, offset)


NUMBERS = tuple(
    number
    for group, layout in FIELD_GROUPS.items()
    for name, _ in layout
    for number in _numbers(group, (name,), Descriptor[name], 0)
)
"""Every number of the descriptor, in the order of its bits."""
