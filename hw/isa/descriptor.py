"""The pass descriptor and the other packed formats that the compiler writes and the core reads.

A pass takes one tensor, or a stripe of its rows, once through the core. Layouts are packed, first field in the
least significant bits; a descriptor travels as `DESCRIPTOR_HALFWORDS` 16-bit words, least significant first.
"""

from __future__ import annotations

import enum

from amaranth import signed
from amaranth.lib import data

from hwgen.hw.isa.descriptor_fields import FIELD_GROUPS, ClampFields, RowPointerFields, layout_of


class FeedMode(enum.IntEnum):
    """What the fetch reads, and in which order (`Descriptor.mode`)."""

    TAP = 0
    """for row, tap row, tap column, word: for x: one word to the pixel ring (1 x 1 and k x k convolution)."""
    WINDOW = 1
    """for row, subgroup: for column: up to three rows at once to the window."""
    SUM = 2
    """for subgroup: for row, column: one row to the window, which adds the whole map (global pooling)."""


class WindowOp(enum.IntEnum):
    """What the window does with its taps (`Descriptor.op`)."""

    MAC = 0
    MAX = 1
    AVERAGE = 2


class SumOp(enum.IntEnum):
    """Where the sums of a pass of FeedMode.SUM begin (`Descriptor.op`, only in a core with striped sums)."""

    ZERO = 0
    GO_ON = 1
    """With those of the pass of FeedMode.SUM before it."""


class CombineOp(enum.IntEnum):
    """What becomes of the array's results and the second operand, element by element (`Descriptor.combine`)."""

    NONE = 0
    ADD = 1
    """docs/arithmetic.md (13)"""
    MUL = 2
    """docs/arithmetic.md (18)"""


RowPointer = layout_of(RowPointerFields)
"""Walks the rows of a tensor: next row is slot + 1; `addr` grows by `row_words` when the slot passes a
multiple of 4, and both return to 0 and `base` at `depth`."""

ChannelParameters = data.StructLayout(
    {
        "bias": signed(32),  # bias with the input's zero point folded in (docs/arithmetic.md)
        "multiplier": 31,  # M
        "shift": 6,  # n, right shift, 0..31
        "unused": 3,
    }
)
"""Requantisation parameters of one output channel, 72 bits."""

Clamp = layout_of(ClampFields)
"""Output zero point and activation range of a requantiser."""

CombineParameters = data.StructLayout(
    {
        "zero_scaled": signed(8),  # zero point of the input that M multiplies
        "zero_other": signed(8),  # zero point of the other input
        "swap": 1,  # the array's results are the scaled input; else the second operand is
        "unused_0": 15,
        "multiplier": 31,  # M of the scaled input (ADD)
        "shift": 6,  # n of the scaled input, 0..31 (ADD)
        "unused_1": 3,
        "clamp": Clamp,
        "unused_2": 8,
        "out_multiplier": 31,  # M of the result
        "out_shift": 6,  # n of the result, 0..31
        "unused_3": 3,
    }
)
"""Parameters of the combine element: two words of the lane parameter memory. Of an ADD's inputs the one of the larger scale has the
factor 1/2 exactly, so only the other one is multiplied."""

COMBINE_WORDS = 2
"""Words of `CombineParameters`; they stand before the channel parameters of their pass."""

Descriptor = data.StructLayout({name: field.shape for layout in FIELD_GROUPS.values() for name, field in layout})
"""One pass: the fields of all groups of `hwgen.hw.isa.descriptor_fields`, one behind the other; docs/architecture.md has the machine around
them."""

TABLE_BITS = Descriptor["array_table"].width
"""Of the number of a resident table."""

DESCRIPTOR_HALFWORDS = 40

assert Descriptor.size <= 16 * DESCRIPTOR_HALFWORDS
assert ChannelParameters.size == 72
assert CombineParameters.size == COMBINE_WORDS * ChannelParameters.size


def halfwords(value: int, count: int) -> list[int]:
    """Split an unsigned packed value into `count` 16-bit words, least significant first."""
    if value < 0 or value >> (16 * count):
        raise ValueError(f"value must fit {16 * count} bits, not {value.bit_length()}")
    return [(value >> (16 * i)) & 0xFFFF for i in range(count)]
