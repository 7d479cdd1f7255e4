"""The descriptor of a step: every field of `hwgen.hw.isa.descriptor.Descriptor` as a plain number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Shape, ShapeLike
from amaranth.lib import data

from hwgen.compiler.int8.nodes import QAvgPool, QConv, QMaxPool, QMean
from hwgen.compiler.lower.passes import LogicalPass, Lowered
from hwgen.compiler.tiling.memory import Layout
from hwgen.compiler.tiling.stripes import Step
from hwgen.compiler.weight_schedule.schedule import StepLoads
from hwgen.errors import ResourceError
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import BANKS, WORD_BYTES, CoreConfig
from hwgen.hw.isa.descriptor import DESCRIPTOR_HALFWORDS, Descriptor, FeedMode, SumOp, halfwords

Fields = dict[str, Any]
"""A descriptor: field name -> number, a dict of the fields of a structure, or a list for an array."""

_MAX_RING_SLOTS, _MAX_RING_PIXELS = 1023, 8191
_MOST_RIGHT = 15
"""Columns that a pass may begin to the right of a tensor's first one without another first word."""

_NO_CLAMP = {"zero_point": 0, "low": -128, "high": 127}
_NO_ROWS = {"slot": 0, "addr": 0, "base": 0, "depth": BANKS, "row_words": 0}


def ring_shape(words: int, config: CoreConfig) -> tuple[int, int]:
    """(ring_slots, ring_pixels) for pixels of `words` ring words."""
    slots = min(config.ring_depth // words, _MAX_RING_SLOTS, _MAX_RING_PIXELS // config.rows)
    return slots, slots * config.rows


def ring_words(item: LogicalPass) -> int:
    """Words per pixel in the pixel ring; 0 if the pass does not go through it."""
    if item.to_rows:
        return 0
    if item.mode == FeedMode.TAP:
        return item.window.kernel[0] * item.window.kernel[1] * item.words
    return ceil_div(item.input.channels, WORD_BYTES)


def row_pointer(layout: Layout, row: int) -> Fields:
    """Pointer to a row (also to one before the first)."""
    slot = (row + layout.phase) % layout.depth
    return {
        "slot": slot,
        "addr": layout.base + slot // BANKS * layout.row_words,
        "base": layout.base,
        "depth": layout.depth,
        "row_words": layout.row_words,
    }


def describe(
    step: Step,
    lowered: Lowered,
    layouts: Mapping[str, Layout],
    loads: StepLoads,
    config: CoreConfig,
    last: bool,
) -> Fields:
    """The descriptor of one step.

    Raises:
        ResourceError: an output row of a step does not fit the pixel ring.
    """
    item = step.source
    whole = item.mode == FeedMode.SUM
    source, source_layout = lowered.buffers[item.input.buffer], layouts[item.input.buffer]
    lanes, stride = config.window_lanes, item.window.stride
    walk = item.blocks
    in_y = step.first_row * stride[0] - item.window.padding[0]
    if whole:
        in_y = step.first_row if item.striped else 0
    if item.row_of:
        in_y = item.row_of[step.first_row]
    left = 0 if whole else item.window.padding[2]
    skipped = max(0, -left - _MOST_RIGHT)  # columns that the view begins behind
    # Parts of a pooled tensor read their own channels; parts of a convolution all of them.
    view_first = item.input.first + (step.first_channel if whole else 0)
    view_channels = step.channels if whole else item.input.channels
    out_w = source.width if whole else item.width
    words = ring_words(item)
    slots, ring_pixels = ring_shape(words, config) if words else (0, 0)
    if words and ring_pixels < out_w + config.rows - 1:
        raise ResourceError(
            f"{step.name}: an output row of {out_w} pixels with {words} words each does not fit the pixel ring of "
            f"{config.rows} x {config.ring_depth} words; it holds {ring_pixels} pixels and needs {out_w + config.rows - 1}"
        )
    pixels = step.rows * item.width
    fields: Fields = {
        "mode": int(item.mode),
        "op": int(SumOp.GO_ON if item.striped and step.first_row else item.op),
        "to_rows": int(item.to_rows),
        "last": int(last),
        "input": row_pointer(source_layout, in_y),
        "in_y": in_y,
        "in_h": source.height,
        "in_w": source.width - skipped,
        "in_x": -left - skipped,
        "pixel_words": source_layout.pixel_words,
        "first_word": view_first // WORD_BYTES + skipped * source_layout.pixel_words,
        "groups": item.words if item.mode == FeedMode.TAP else ceil_div(view_channels, lanes),
        "stride_y": stride[0] if not whole else 1,
        "stride_x": stride[1] if not whole else 1,
        "kernel_h": walk.size[0],
        "kernel_w": walk.size[1],
        "columns": (item.width - 1) * stride[1] + walk.size[1] if item.mode == FeedMode.WINDOW else 0,
        "tap_rows": walk.step[0] if config.row_steps else 0,
        "tap_columns": walk.step[1] if config.row_steps else 0,
        "tap_words": walk.step[1] * source_layout.pixel_words if config.row_steps else 0,
        "blocks_h": walk.count[0] if config.row_steps else 0,
        "blocks_w": walk.count[1] if config.row_steps else 0,
        "blocks": walk.total if config.row_steps else 0,
        "fill": item.fill & 0xFF,
        "out_rows": source.height if whole and not item.striped else step.rows,
        "out_w": out_w,
        "window_base": loads.window_base,
        "window_clamp": _window_clamp(step),
        "window_table": loads.window_table,
        "average_scale": [0, 0, 0, 0] if item.average is None else list(item.average.scales),
        "ring_words": words,
        "ring_slots": slots,
        "ring_pixels": ring_pixels,
        "tiles": 0,
        "last_pixels": 0,
        "chunks": 0,
        "first_byte": 0,
        "inner": 0,
        "outer": 0,
        "outer_stride": 0,
        "weight_base": loads.weight_base,
        "parameter_base": loads.parameter_base,
        "array_table": loads.array_table,
        "array_clamp": _NO_CLAMP,
    }
    if item.array_node is not None:
        tiles = ceil_div(pixels, config.rows)
        fields |= {
            "tiles": tiles,
            "last_pixels": pixels - (tiles - 1) * config.rows,
            "chunks": ceil_div(step.channels, config.cols),
            "first_byte": item.first_byte,
            "inner": item.inner,
            "outer": item.outer,
            "outer_stride": item.outer_stride,
            "array_clamp": _clamp(item.array_node),
        }
    return fields | _output(step, layouts)


def _output(step: Step, layouts: Mapping[str, Layout]) -> Fields:
    item = step.source
    layout = layouts[item.output.buffer]
    spread = item.output.step == 2
    # Of a spread output, out_word counts from the pair's even byte.
    byte = item.output.step * step.first_channel + (0 if spread else item.output.byte)
    fields: Fields = {
        "output": row_pointer(layout, step.output_rows.start),
        "out_pixel_words": layout.pixel_words * item.output.pixels,
        "out_word": byte // WORD_BYTES + layout.pixel_words * item.output.pixel,
        "out_half": byte % WORD_BYTES // (WORD_BYTES // 2),
        "spread": int(spread),
        "odd": item.output.byte if spread else 0,
        "merge": int(item.operand is not None and item.combine is None),
        "channels": step.channels,
        "operand": _NO_ROWS,
        "operand_pixel_words": 0,
        "operand_word": 0,
        "combine": 0 if item.combine is None else int(item.combine.op),
        "still": int(item.combine is not None and item.combine.still),
    }
    if item.operand is not None:
        operand = layouts[item.operand.buffer]
        fields |= {
            "operand": row_pointer(operand, item.operand_rows(step.first_row, step.past_row)[0]),
            "operand_pixel_words": operand.pixel_words,
            "operand_word": (item.operand.first + step.first_channel) // WORD_BYTES,
        }
    return fields


def _clamp(conv: QConv) -> Fields:
    return {"zero_point": conv.output_zero_point, "low": conv.act_min, "high": conv.act_max}


def _window_clamp(step: Step) -> Fields:
    match step.source.window_node:
        case QConv() as conv:
            return _clamp(conv)
        case QMaxPool() as pool:
            return {"zero_point": 0, "low": pool.act_min, "high": pool.act_max}
        case QMean() as mean:
            return {**_NO_CLAMP, "zero_point": mean.output_zero_point}
        case QAvgPool() | None:
            return _NO_CLAMP


def packed(fields: Fields) -> int:
    """A descriptor as one number.

    Raises:
        ResourceError: a number does not fit its field.
    """
    return _bits(fields, Descriptor, "descriptor")


def pack(fields: Fields) -> list[int]:
    """The halfwords of a descriptor; raises as `packed`."""
    return halfwords(packed(fields), DESCRIPTOR_HALFWORDS)


def _bits(value: Any, layout: ShapeLike, path: str) -> int:
    """A value as the bits of its layout."""
    if isinstance(layout, data.Layout):
        bits = 0
        for name, field in layout:
            bits |= _bits(value[name], field.shape, f"{path}.{name}") << field.offset
        return bits
    shape = Shape.cast(layout)
    low = -(1 << (shape.width - 1)) if shape.signed else 0
    high = low + (1 << shape.width) - 1
    if not low <= value <= high:
        raise ResourceError(f"{path} must be {low}..{high}, not {value}: the network is too large for the descriptor")
    return value & ((1 << shape.width) - 1)
