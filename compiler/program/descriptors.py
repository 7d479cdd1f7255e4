"""The descriptor of a step: what each part of the core has to know about it, as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hwgen.compiler.int8.nodes import QAvgPool, QConv, QMaxPool, QMean
from hwgen.compiler.lower.passes import LogicalPass, Lowered
from hwgen.compiler.lower.shared_taps import columns_read, shares_taps
from hwgen.compiler.tiling.memory import Layout
from hwgen.compiler.tiling.stripes import Step
from hwgen.compiler.weight_schedule.schedule import StepLoads
from hwgen.errors import ResourceError
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import BANKS, WORD_BYTES, CoreConfig
from hwgen.hw.isa.descriptor import FeedMode, SumOp
from hwgen.hw.isa.descriptor_fields import (
    NUMBERS,
    ArrayFields,
    ClampFields,
    CombineFields,
    DescriptorFields,
    FetchFields,
    FieldRangeError,
    OperandFields,
    PixelRingFields,
    RowPointerFields,
    WindowFields,
    WriterFields,
)

_MOST = {one.name: one.high for one in NUMBERS if one.group == "pixel_ring"}
_MOST_RIGHT = 15
"""Columns that a pass may begin to the right of a tensor's first one without another first word."""

_NO_CLAMP = ClampFields(zero_point=0, low=-128, high=127)
_NO_ROWS = RowPointerFields(depth=BANKS)


def ring_shape(words: int, config: CoreConfig) -> tuple[int, int]:
    """(ring_slots, ring_pixels) for pixels of `words` ring words."""
    slots = min(config.ring_depth // words, _MOST["ring_slots"], _MOST["ring_pixels"] // config.rows)
    return slots, slots * config.rows


def ring_words(item: LogicalPass) -> int:
    """Words per pixel in the pixel ring; 0 if the pass does not go through it."""
    if item.to_rows:
        return 0
    if item.mode == FeedMode.TAP:
        return item.window.kernel[0] * item.window.kernel[1] * item.words
    return ceil_div(item.input.channels, WORD_BYTES)


def row_pointer(layout: Layout, row: int) -> RowPointerFields:
    """Pointer to a row (also to one before the first)."""
    slot = (row + layout.phase) % layout.depth
    return RowPointerFields(
        slot=slot,
        addr=layout.base + slot // BANKS * layout.row_words,
        base=layout.base,
        depth=layout.depth,
        row_words=layout.row_words,
    )


def packed(name: str, fields: DescriptorFields) -> int:
    """The descriptor of the pass of this name as one number.

    Raises:
        ResourceError: a number does not fit its field.
    """
    try:
        return fields.pack()
    except FieldRangeError as error:
        raise ResourceError(
            f"{name}: larger than the machine can address ({error}); take a smaller image or fewer channels"
        ) from None


def describe(
    step: Step,
    lowered: Lowered,
    layouts: Mapping[str, Layout],
    loads: StepLoads,
    config: CoreConfig,
    last: bool,
) -> DescriptorFields:
    """The descriptor of one step.

    Raises:
        ResourceError: an output row of a step does not fit the pixel ring.
    """
    return DescriptorFields(
        fetch=_fetch(step, lowered, layouts, config, last),
        window=_window(step, loads),
        pixel_ring=_pixel_ring(step, config),
        array=_array(step, loads, config),
        writer=_writer(step, layouts),
        operand=_operand(step, layouts),
        combine=_combine(step),
    )


def _fetch(step: Step, lowered: Lowered, layouts: Mapping[str, Layout], config: CoreConfig, last: bool) -> FetchFields:
    item = step.source
    whole_map = item.mode == FeedMode.SUM
    source, layout = lowered.buffers[item.input.buffer], layouts[item.input.buffer]
    stride, walk = item.window.stride, item.blocks
    in_y = _first_input_row(step)
    left = 0 if whole_map else item.window.padding[2]
    skipped = max(0, -left - _MOST_RIGHT)  # columns that the view begins behind
    # Channel tiles of a pooled tensor read their own channels; those of a convolution all of them.
    first_channel = item.input.first + (step.first_channel if whole_map else 0)
    channels = step.channels if whole_map else item.input.channels
    steps, shared = config.row_steps, _shared(item, config)
    return FetchFields(
        mode=int(item.mode),
        op=int(SumOp.GO_ON if item.striped and step.first_row else item.op),
        to_rows=int(item.to_rows),
        last=int(last),
        input=row_pointer(layout, in_y),
        in_y=in_y,
        in_h=source.height,
        in_w=source.width - skipped,
        in_x=-left - skipped,
        pixel_words=layout.pixel_words,
        first_word=first_channel // WORD_BYTES + skipped * layout.pixel_words,
        groups=item.words if item.mode == FeedMode.TAP else ceil_div(channels, config.window_lanes),
        stride_y=1 if whole_map else stride[0],
        stride_x=1 if whole_map else stride[1],
        kernel_h=walk.size[0],
        kernel_w=walk.size[1],
        columns=columns_read(item) if shared or item.mode == FeedMode.WINDOW else 0,
        tap_rows=walk.step[0] if steps else 0,
        tap_columns=walk.step[1] if steps else 0,
        tap_words=walk.step[1] * layout.pixel_words if steps else 0,
        blocks_h=walk.count[0] if steps else 0,
        blocks_w=walk.count[1] if steps else 0,
        blocks=walk.total if steps else 0,
        fill=item.fill & 0xFF,
        shared=int(shared),
        out_rows=source.height if item.whole else step.rows,
        out_w=source.width if whole_map else item.width,
    )


def _shared(item: LogicalPass, config: CoreConfig) -> bool:
    return config.shared_taps and shares_taps(item, config.rows)


def _first_input_row(step: Step) -> int:
    """Row that the first output row begins with; it may lie outside the tensor."""
    item = step.source
    if item.row_of:
        return item.row_of[step.first_row]
    if item.mode == FeedMode.SUM:
        return step.first_row if item.striped else 0
    return step.first_row * item.window.stride[0] - item.window.padding[0]


def _window(step: Step, loads: StepLoads) -> WindowFields:
    average = step.source.average
    return WindowFields(
        window_base=loads.window_base,
        window_clamp=_window_clamp(step.source),
        window_table=loads.window_table,
        average_scale=(0, 0, 0, 0) if average is None else average.scales,
    )


def _window_clamp(item: LogicalPass) -> ClampFields:
    match item.window_node:
        case QConv() as conv:
            return _clamp(conv)
        case QMaxPool() as pool:
            return ClampFields(zero_point=0, low=pool.act_min, high=pool.act_max)
        case QMean() as mean:
            return ClampFields(zero_point=mean.output_zero_point, low=_NO_CLAMP.low, high=_NO_CLAMP.high)
        case QAvgPool() | None:
            return _NO_CLAMP


def _clamp(conv: QConv) -> ClampFields:
    return ClampFields(zero_point=conv.output_zero_point, low=conv.act_min, high=conv.act_max)


def _pixel_ring(step: Step, config: CoreConfig) -> PixelRingFields:
    item = step.source
    words, width = ring_words(item), item.width
    if not words:
        return PixelRingFields()
    slots, pixels = ring_shape(words, config)
    needed = width + config.rows - 1
    if pixels < needed:
        raise ResourceError(
            f"{step.name}: an output row of {width} pixels with {words} words each does not fit the pixel ring of "
            f"{config.rows} x {config.ring_depth} words; it holds {pixels} pixels and needs {needed}"
        )
    tap_row_step = (item.blocks.size[1] - 1) * item.words + 1 if _shared(item, config) else 0
    return PixelRingFields(words, slots, pixels, tap_row_step)


def _array(step: Step, loads: StepLoads, config: CoreConfig) -> ArrayFields:
    item = step.source
    memories = ArrayFields(
        weight_base=loads.weight_base,
        parameter_base=loads.parameter_base,
        array_table=loads.array_table,
        array_clamp=_NO_CLAMP,
    )
    if item.array_node is None:
        return memories
    pixels = step.rows * item.width
    tiles = ceil_div(pixels, config.rows)
    return replace(
        memories,
        tiles=tiles,
        last_pixels=pixels - (tiles - 1) * config.rows,
        chunks=ceil_div(step.channels, config.cols),
        first_byte=item.first_byte,
        inner=item.inner,
        outer=item.outer,
        outer_stride=item.outer_stride,
        array_clamp=_clamp(item.array_node),
    )


def _writer(step: Step, layouts: Mapping[str, Layout]) -> WriterFields:
    item, output = step.source, step.source.output
    layout = layouts[output.buffer]
    spread = output.step == 2
    # Of a spread output, out_word counts from the pair's even byte.
    byte = output.step * step.first_channel + (0 if spread else output.byte)
    return WriterFields(
        output=row_pointer(layout, step.output_rows.start),
        out_pixel_words=layout.pixel_words * output.pixels,
        out_word=byte // WORD_BYTES + layout.pixel_words * output.pixel,
        out_half=byte % WORD_BYTES // (WORD_BYTES // 2),
        spread=int(spread),
        odd=output.byte if spread else 0,
        merge=int(item.operand is not None and item.combine is None),
        channels=step.channels,
    )


def _operand(step: Step, layouts: Mapping[str, Layout]) -> OperandFields:
    item = step.source
    if item.operand is None:
        return OperandFields(operand=_NO_ROWS)
    layout = layouts[item.operand.buffer]
    return OperandFields(
        operand=row_pointer(layout, item.operand_rows(step.first_row, step.past_row)[0]),
        operand_pixel_words=layout.pixel_words,
        operand_word=(item.operand.first + step.first_channel) // WORD_BYTES,
    )


def _combine(step: Step) -> CombineFields:
    combine = step.source.combine
    if combine is None:
        return CombineFields()
    return CombineFields(int(combine.op), int(combine.still))
