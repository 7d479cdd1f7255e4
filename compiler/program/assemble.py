"""Assembles the program of a planned network: descriptors, packets and stream, or the contents of the block RAMs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.program.descriptors import describe, packed
from hwgen.compiler.program.handed import handed_in
from hwgen.compiler.program.program import Program
from hwgen.compiler.program.resident import resident_content
from hwgen.compiler.program.spilled import SpillTraffic, load_waits
from hwgen.compiler.program.stream import UNPACKED_HALFWORDS, WORD_HALFWORDS, Packet, StreamWriter
from hwgen.compiler.program.written import written_by
from hwgen.compiler.tiling.lifetimes import lifetimes, timetable
from hwgen.compiler.tiling.memory import Layout
from hwgen.compiler.tiling.stripes import Step, read_rows
from hwgen.compiler.weight_schedule.packing import array_parameters, table_halfwords, weight_words, window_words
from hwgen.compiler.weight_schedule.schedule import Load, StepLoads
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WINDOW_WORDS, CoreConfig
from hwgen.hw.isa.descriptor import DESCRIPTOR_HALFWORDS, FeedMode, halfwords
from hwgen.hw.isa.descriptor_fields import DescriptorFields
from hwgen.hw.isa.packets import PacketKind
from hwgen.hw.isa.resident import Resident

_NOTHING = np.zeros(0, np.uint16)


def build_program(
    lowered: Lowered,
    steps: Sequence[Step],
    layouts: Mapping[str, Layout],
    loads: Sequence[StepLoads],
    config: CoreConfig,
) -> Program:
    """Descriptors, packets and stream of a planned network."""
    lives = lifetimes(lowered, timetable(lowered, steps))
    image_waits = {name: load_waits(lowered, layouts, lives, name) for name in lowered.images}
    traffic = SpillTraffic(lowered, steps, layouts, lives)
    writer = StreamWriter()
    packets: list[Packet] = []
    descriptors: list[DescriptorFields] = []
    source = lowered.buffers[lowered.images[0]]
    unit = UNPACKED_HALFWORDS if lowered.unpack else WORD_HALFWORDS
    image_rows = {name: np.full(source.height, -1, np.int64) for name in lowered.images}
    cache: dict[tuple[PacketKind, str, int], np.ndarray] = {}

    for step, load in zip(steps, loads, strict=True):
        packets += traffic.store(step, writer)
        for item in load.loads:
            payload = _content(step, item, config, cache)
            scale = WINDOW_WORDS if item.kind == PacketKind.WINDOW else 1
            part = payload[item.first * scale : (item.first + item.count) * scale]
            writer.packet(item.kind, item.address * scale, item.wait, part)
            packets.append(Packet(item.kind, step.index, len(part), ceil_div(payload.shape[1], 2), item.wait))
        for name, row in _new_image_rows(step, lowered, image_rows):
            bank, addr = layouts[name].locate(row)
            image_rows[name][row] = writer.payload_position
            blank, wait = np.zeros((source.row_words, unit), np.uint16), int(image_waits[name][row])
            writer.packet(PacketKind.IMAGE, addr, wait, blank, bank=bank, unpack=lowered.unpack)
            packets.append(Packet(PacketKind.IMAGE, step.index, source.row_words, unit, wait))
        packets += traffic.load(step, writer)
        fields = describe(step, lowered, layouts, load, config, last=step.index == len(steps) - 1)
        descriptors.append(fields)
        halves = np.array(halfwords(packed(step.name, fields), DESCRIPTOR_HALFWORDS), np.uint16)
        writer.packet(PacketKind.DESCRIPTOR, 0, 0, halves[None])
        packets.append(Packet(PacketKind.DESCRIPTOR, step.index, 1, len(halves), 0))
    writer.end()

    payloads = np.concatenate(list(image_rows.values()))
    if (payloads < 0).any():
        payloads[payloads < 0] = writer.position
        writer.blank(source.row_words * unit)
    return _program(
        lowered,
        steps,
        layouts,
        config,
        descriptors,
        stream=traffic.linked(writer.result()),
        image_rows=payloads,
        image_row_halfwords=source.row_words * unit,
        packets=traffic.targeted(packets),
    )


def build_resident_program(
    lowered: Lowered,
    steps: Sequence[Step],
    layouts: Mapping[str, Layout],
    loads: Sequence[StepLoads],
    config: CoreConfig,
) -> Program:
    """Descriptors and memory contents of a planned network that stays in block RAM whole."""
    descriptors = [
        describe(step, lowered, layouts, load, config, last=step.index == len(steps) - 1)
        for step, load in zip(steps, loads, strict=True)
    ]
    content = resident_content(steps, loads, descriptors, config)
    return _program(lowered, steps, layouts, config, descriptors, resident=content)


def _program(
    lowered: Lowered,
    steps: Sequence[Step],
    layouts: Mapping[str, Layout],
    config: CoreConfig,
    descriptors: list[DescriptorFields],
    *,
    resident: Resident | None = None,
    stream: np.ndarray = _NOTHING,
    image_rows: np.ndarray = _NOTHING,
    image_row_halfwords: int = 0,
    packets: Sequence[Packet] = (),
) -> Program:
    """What both kinds of programs have."""
    result = lowered.buffers[lowered.result]
    places = [layouts[lowered.result].locate(row) for row in range(result.height)]
    height, width, channels = lowered.image_shape
    return Program(
        config=config,
        resident=resident,
        stream=stream,
        image_rows=image_rows,
        image_row_halfwords=image_row_halfwords,
        image_places=[
            layouts[name].locate(row) for name in lowered.images for row in range(lowered.buffers[name].height)
        ],
        image_fold=lowered.fold,
        image_shape=(lowered.frames * height, width, channels),
        image_unpack=lowered.unpack,
        names=[step.name for step in steps],
        descriptors=descriptors,
        written=[written_by(step, layouts) for step in steps],
        handed=[handed_in(step) for step in steps],
        macs=[_macs(step) for step in steps],
        packets=list(packets),
        result=[(bank, addr + i) for bank, addr in places for i in range(result.row_words)],
        result_tensor=lowered.result,
        result_shape=(result.height, result.width, result.channels),
    )


def _new_image_rows(step: Step, lowered: Lowered, image_rows: Mapping[str, np.ndarray]) -> list[tuple[str, int]]:
    """(buffer, row) of an image that a step reads, as input or operand, and that is not in the stream yet."""
    wanted = {
        (name, row)
        for name, first, past in read_rows(lowered, step)
        if name in image_rows
        for row in range(first, past)
    }
    return [(name, row) for name, row in sorted(wanted) if image_rows[name][row] < 0]


def _content(
    step: Step, load: Load, config: CoreConfig, cache: dict[tuple[PacketKind, str, int], np.ndarray]
) -> np.ndarray:
    """All units of the item that a packet belongs to, uint8 [units, bytes]."""
    channels = step.channels if step.source.mode == FeedMode.SUM else 0
    part = channels if load.kind == PacketKind.WINDOW else step.first_channel
    key = (load.kind, step.source.name, load.address if load.kind == PacketKind.TABLE else part)
    if key not in cache:
        match load.kind:
            case PacketKind.WEIGHTS:
                cache[key] = weight_words(step, config)
            case PacketKind.PARAMETERS:
                cache[key] = array_parameters(step)
            case PacketKind.TABLE:
                table = step.source.window_table if load.address else step.source.array_table
                assert table is not None
                cache[key] = table_halfwords(table.table)
            case _:
                words = window_words(step, config.window_lanes)
                assert words is not None
                cache[key] = words
    return cache[key]


def _macs(step: Step) -> int:
    item = step.source
    return item.macs * step.rows * step.channels // (item.height * item.channels)
