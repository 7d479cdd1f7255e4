"""The pass descriptor and the other packed formats that the compiler writes and the core reads.

A pass takes one tensor, or a stripe of its rows, once through the core. Layouts are packed, first field in the
least significant bits; a descriptor travels as `DESCRIPTOR_HALFWORDS` 16-bit words, least significant first.
"""

from __future__ import annotations

import enum

from amaranth import signed
from amaranth.lib import data


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


RowPointer = data.StructLayout(
    {
        "slot": 10,  # row slot v of the first row, 0 <= v < depth; its bank is v % 4
        "addr": 14,  # word address of that row in its bank: base + (v // 4) * row_words
        "base": 14,  # word address of row slot 0
        "depth": 10,  # row slots of the tensor, a multiple of 4; slot `depth - 1` is followed by slot 0
        "row_words": 13,  # words of one row = width * pixel_words
    }
)
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

Clamp = data.StructLayout({"zero_point": signed(8), "low": signed(8), "high": signed(8)})
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

TABLE_BITS = 4
"""Of the number of a resident table."""

FIELD_GROUPS: dict[str, data.StructLayout] = {
    "fetch": data.StructLayout(
        {
            "mode": 2,  # FeedMode
            "op": 2,  # WindowOp; SUM: SumOp
            "to_rows": 1,  # window's results: 0 = to the pixel ring, 1 = to the row writer
            "last": 1,  # last pass of the frame
            "input": RowPointer,  # row in_y of the input (also when in_y is negative)
            "in_y": signed(11),  # first input row of the first output row: y0 * stride_y - pad_top
            "in_h": 10,  # rows of the whole input tensor; rows outside 0..in_h-1 read as `fill`
            "in_w": 10,  # columns of the input tensor; columns outside read as `fill`
            "in_x": signed(5),  # column of the first tap of x = 0: -pad_left
            "pixel_words": 9,  # words from one input pixel to the next
            "first_word": 9,  # first word of the view inside a pixel
            "groups": 10,  # TAP: words per tap; WINDOW, SUM: subgroups of L channels
            "stride_y": 3,  # 1..3, with row steps 1..7
            "stride_x": 3,
            "kernel_h": 4,  # TAP 1..3, with row steps 1..15; WINDOW 1..3, of a block; SUM: not used
            "kernel_w": 4,  # TAP 1..7, with row steps 1..15; WINDOW 1..3, of a block
            "columns": 11,  # WINDOW: columns read per block, row and subgroup: (out_w - 1) * stride_x + kernel_w
            "tap_rows": 4,  # with row steps: rows from a tap (TAP) or block (WINDOW) to the one below it, 1..15; else 0
            "tap_columns": 4,  # the same for columns
            "tap_words": 13,  # tap_columns * pixel_words
            "blocks_h": 4,  # with row steps: rows and columns of blocks of a window, 1..15; else 0
            "blocks_w": 4,
            "blocks": 8,  # blocks_h * blocks_w
            "fill": 8,
            "out_rows": 10,  # output rows of this pass; SUM: input rows
            "out_w": 10,  # output columns; SUM: input columns
        }
    ),
    "window": data.StructLayout(
        {
            "window_base": 11,  # first subgroup in the window's parameter memory, in units of WINDOW_WORDS words
            "window_clamp": Clamp,
            "window_table": TABLE_BITS,  # as `array_table`
            "average_scale": data.ArrayLayout(6, 4),  # factor of the sum, by {columns cut, rows cut}
        }
    ),
    "pixel_ring": data.StructLayout(
        {
            "ring_words": 10,  # words per pixel in the pixel ring
            "ring_slots": 10,  # tiles of R pixels that it holds
            "ring_pixels": 13,  # ring_slots * R
        }
    ),
    "array": data.StructLayout(
        {
            "tiles": 14,  # tiles of R pixels, the last one may be partly filled
            "last_pixels": 5,  # pixels of the last tile, 1..R
            "chunks": 8,  # chunks of C output channels
            "first_byte": 3,  # first byte of the K loop in a pixel's ring words
            "inner": 13,  # K = outer * inner
            "outer": 7,
            "outer_stride": 13,  # bytes from one outer step to the next
            "weight_base": 17,
            "parameter_base": 13,
            "array_table": TABLE_BITS,  # which resident table (0 where the DMA loads them)
            "array_clamp": Clamp,
        }
    ),
    "writer": data.StructLayout(
        {
            "output": RowPointer,  # first output row
            "out_pixel_words": 9,
            "out_word": 9,  # word of channel 0 of chunk 0 inside an output pixel
            "out_half": 1,  # 1 = four bytes further
            "spread": 1,  # 1 = byte i of a segment goes to byte 2 i + odd
            "odd": 1,
            "merge": 1,  # with spread: the other bytes come from the second operand
            "channels": 12,  # output channels of this pass; bytes of a segment beyond them are not written
        }
    ),
    "operand": data.StructLayout(
        {
            "operand": RowPointer,  # first row, same row count as the output
            "operand_pixel_words": 9,
            "operand_word": 9,
        }
    ),
    "combine": data.StructLayout(
        {
            "combine": 2,  # CombineOp; only plain passes (not spread)
            "still": 1,  # every pixel has the same operand, the pixel at `operand.slot` and `operand.addr`
        }
    ),
}
"""Fields of the descriptor by the part of the datapath that they describe; `hwgen.hw.isa.elements` says whose each one is."""

Descriptor = data.StructLayout({name: field.shape for layout in FIELD_GROUPS.values() for name, field in layout})
"""One pass: the fields of all groups, one behind the other. Field comments give the meaning; docs/architecture.md the machine around
them; `hwgen.hw.isa.descriptor_fields` has the same fields as plain numbers."""

DESCRIPTOR_HALFWORDS = 40

assert Descriptor.size <= 16 * DESCRIPTOR_HALFWORDS
assert ChannelParameters.size == 72
assert CombineParameters.size == COMBINE_WORDS * ChannelParameters.size


def halfwords(value: int, count: int) -> list[int]:
    """Split an unsigned packed value into `count` 16-bit words, least significant first."""
    if value < 0 or value >> (16 * count):
        raise ValueError(f"value must fit {16 * count} bits, not {value.bit_length()}")
    return [(value >> (16 * i)) & 0xFFFF for i in range(count)]
