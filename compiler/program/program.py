"""The program of one frame: the command stream, and all that a host or a simulator has to know about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hwgen.compiler.lower.image import ImageFold
from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.program.descriptors import describe, packed
from hwgen.compiler.program.resident import resident_content
from hwgen.compiler.program.spilled import SpillTraffic, load_waits
from hwgen.compiler.program.stream import UNPACKED_HALFWORDS, WORD_HALFWORDS, Packet, StreamWriter
from hwgen.compiler.tiling.memory import Layout
from hwgen.compiler.tiling.stripes import Step, lifetimes, read_rows
from hwgen.compiler.weight_schedule.packing import array_parameters, table_halfwords, weight_words, window_words
from hwgen.compiler.weight_schedule.schedule import Load, StepLoads
from hwgen.errors import ModelError
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WINDOW_WORDS, WORD_BYTES, CoreConfig
from hwgen.hw.isa.descriptor import DESCRIPTOR_HALFWORDS, FeedMode, halfwords
from hwgen.hw.isa.descriptor_fields import DescriptorFields
from hwgen.hw.isa.packets import PacketKind
from hwgen.hw.isa.resident import Resident

_NOTHING = np.zeros(0, np.uint16)


@dataclass(frozen=True)
class Written:
    """What a pass writes of one tensor of the int8 graph.

    Channel `first_channel + i` (0 <= i < channels) of rows `first_row .. first_row + rows - 1` of `tensor` is byte `byte + step * i` of
    the pixels at `layout`: pixel x of row y starts at word `layout.locate(y)[1] + x * layout.pixel_words` of bank
    `layout.locate(y)[0]`. Of the columns every `column_step`-th is written, from `first_column` on.
    Of a batch, row y is row `above + y` of all frames' tensors one below the other.
    """

    tensor: str
    first_row: int
    rows: int
    first_channel: int
    channels: int
    layout: Layout
    byte: int
    step: int
    first_column: int = 0
    column_step: int = 1
    above: int = 0

    def of(self, tensor: np.ndarray) -> np.ndarray:
        """These values of the whole tensor [height, width, channels]."""
        first = self.above + self.first_row
        rows = slice(first, first + self.rows)
        channels = slice(self.first_channel, self.first_channel + self.channels)
        return tensor[rows, self.first_column :: self.column_step, channels]

    def read(self, memory: np.ndarray, width: int) -> np.ndarray:
        """These values, `width` columns of them, out of a memory [banks, depth, 8]: [rows, width, channels] of the same type."""
        pixel = self.layout.pixel_words
        found = np.empty((self.rows, width, self.channels), memory.dtype)
        columns = slice(self.first_column, None, self.column_step)
        for i in range(self.rows):
            bank, addr = self.layout.locate(self.first_row + i)
            row = memory[bank, addr : addr + width * self.column_step * pixel].reshape(-1, pixel * WORD_BYTES)
            found[i] = row[columns, self.byte : self.byte + self.step * self.channels : self.step]
        return found


@dataclass(frozen=True)
class Passed:
    """What the window makes in a pass for the array, and what so never comes to the activation memory.

    Rows `first_row .. first_row + rows - 1` of `tensor` of the int8 graph, in the order row, subgroup of L channels, column.
    """

    tensor: str
    first_row: int
    rows: int

    def of(self, tensor: np.ndarray) -> np.ndarray:
        """These values of the whole tensor [height, width, channels]."""
        return tensor[self.first_row : self.first_row + self.rows]

    def read(self, beats: np.ndarray, width: int, channels: int, config: CoreConfig) -> np.ndarray:
        """The window's results [beats, L or more] as [rows, width, channels]; beats may be missing, then rows are."""
        lanes = config.window_lanes
        groups = ceil_div(channels, lanes)
        rows = len(beats) // (groups * width)
        whole = beats[: rows * groups * width, :lanes].reshape(rows, groups, width, lanes)
        return whole.transpose(0, 2, 1, 3).reshape(rows, width, groups * lanes)[:, :, :channels]


@dataclass(frozen=True)
class Collected:
    """What the array makes in a pass for the combine element, and what so never comes to the activation memory.

    Channels `first_channel .. + channels - 1` of rows `first_row .. first_row + rows - 1` of `tensor` of the int8 graph.
    """

    tensor: str
    first_row: int
    rows: int
    first_channel: int
    channels: int

    def of(self, tensor: np.ndarray) -> np.ndarray:
        """These values of the whole tensor [height, width, channels]."""
        channels = slice(self.first_channel, self.first_channel + self.channels)
        return tensor[self.first_row : self.first_row + self.rows, :, channels]

    def read(self, beats: np.ndarray, width: int, channels: int, config: CoreConfig) -> np.ndarray:
        """The collector's segments [segments, C or more], those of missing pixels too, as [rows, width, channels]. Segments may be
        missing at the end, then rows are.
        """
        rows, cols = config.rows, config.cols
        chunks = ceil_div(channels, cols)
        tiles = len(beats) // (chunks * rows)
        by_tile = beats[: tiles * chunks * rows, :cols].reshape(tiles, chunks, rows, cols)
        pixels = by_tile.transpose(0, 2, 1, 3).reshape(tiles * rows, chunks * cols)[:, :channels]
        count = min(self.rows, len(pixels) // width)
        return pixels[: count * width].reshape(count, width, channels)


class Handed(Protocol):
    """What an element hands to the next one in a pass, and what so never comes to the activation memory; a simulation records it."""

    @property
    def tensor(self) -> str:
        """Of the int8 graph."""

    def of(self, tensor: np.ndarray) -> np.ndarray:
        """These values of the whole tensor [height, width, channels]."""

    def read(self, beats: np.ndarray, width: int, channels: int, config: CoreConfig) -> np.ndarray:
        """The recorded beats [beats, bytes] as [rows, width, channels]; of missing beats rows are missing."""


@dataclass(frozen=True, eq=False)
class Program:
    """One frame, or a batch of frames whose images, tensors and results stand one below the other.

    Attributes:
        config: core that it is for.
        resident: content of the core's memories if everything stays in block RAM; then there is no stream, and the host writes the
            image to `image_places`.
        stream: uint16, the command stream; image rows are zero until `write_image`.
        image_rows: int64 [image height], halfword offset in the stream of each image row's payload.
            Those of rows that no pass reads lie behind the end, where the DMA never comes.
        image_row_halfwords: halfwords of an image row's payload.
        image_places: (bank, word address) of each of the image's rows in the activation memory.
        image_fold: how the image lies in memory if not pixel by pixel.
        image_shape: (height, width, channels) of the image.
        image_unpack: an image row is its bytes as they are (pixels of 3 bytes); else pixels are padded to words.
        names: name of every pass.
        descriptors: of every pass.
        written: what every pass writes.
        handed: what every pass hands on behind an element without writing it, by the element in whose trace it is: the window's results
            on their way to the array, the array's on their way to the combine element.
        macs: multiply-accumulates of every pass in the array, padding not counted.
        packets: the stream's packets in order, without END.
        result: (bank, word address) of each word of the output tensor, row by row, pixel by pixel.
        result_tensor: its name; result_shape: (height, width, channels), byte i of a pixel's words is channel i.
    """

    config: CoreConfig
    resident: Resident | None
    stream: np.ndarray
    image_rows: np.ndarray
    image_row_halfwords: int
    image_places: list[tuple[int, int]]
    image_fold: ImageFold | None
    image_shape: tuple[int, int, int]
    image_unpack: bool
    names: list[str]
    descriptors: list[DescriptorFields]
    written: list[list[Written]]
    handed: list[dict[str, Handed]]
    macs: list[int]
    packets: list[Packet]
    result: list[tuple[int, int]]
    result_tensor: str
    result_shape: tuple[int, int, int]

    @property
    def stream_bytes(self) -> int:
        """Length of the stream."""
        return 2 * len(self.stream)

    def image_payload(self, image: np.ndarray) -> np.ndarray:
        """An image int8 [height, width, channels] as uint16 [height, image_row_halfwords].

        Raises:
            ModelError: the image has another shape or type.
        """
        self._check_image(image)
        height, _, channels = image.shape
        octets = image.view(np.uint8) if image.flags.c_contiguous else np.ascontiguousarray(image).view(np.uint8)
        if not self.image_unpack:
            octets = np.pad(octets, ((0, 0), (0, 0), (0, -channels % WORD_BYTES)))
        return octets.reshape(height, -1).view("<u2")

    def image_words(self, image: np.ndarray) -> np.ndarray:
        """An image int8 [height, width, channels] as words of the activation memory, uint64 [rows of `image_places`, words of a row].

        Raises:
            ModelError: the image has another shape or type.
        """
        self._check_image(image)
        if self.image_fold is not None:
            octets = self.image_fold.arrange(image)
        elif self.image_unpack:
            pairs = self.image_payload(image).view(np.uint8).reshape(len(image), -1, 2, 3)
            octets = np.pad(pairs, ((0, 0), (0, 0), (0, 0), (0, 1))).reshape(len(image), -1)
        else:
            octets = self.image_payload(image).view(np.uint8)
        return np.ascontiguousarray(octets).view("<u8")

    def _check_image(self, image: np.ndarray) -> None:
        if image.dtype != np.int8 or image.shape != self.image_shape:
            raise ModelError(f"the image must be int8 {self.image_shape}, not {image.dtype} {image.shape}")

    def write_image(self, stream: np.ndarray, image: np.ndarray) -> None:
        """Write an image into a copy of the stream, in place."""
        payload = self.image_payload(image)
        columns = np.arange(self.image_row_halfwords)
        stream[self.image_rows[:, None] + columns] = payload

    def read_result(self, memory: np.ndarray) -> np.ndarray:
        """The output tensor, int8 [height, width, channels], out of a memory int8 [banks, depth, 8]."""
        bank, addr = np.array(self.result).T
        height, width, channels = self.result_shape
        return memory[bank, addr].reshape(height, width, -1)[:, :, :channels]


def build_program(
    lowered: Lowered,
    steps: Sequence[Step],
    layouts: Mapping[str, Layout],
    loads: Sequence[StepLoads],
    config: CoreConfig,
) -> Program:
    """Descriptors, packets and stream of a planned network."""
    lives = lifetimes(lowered, steps)
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
        written=[_written(step, layouts) for step in steps],
        handed=[_handed(step) for step in steps],
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
                cache[key] = weight_words(step, config.cols)
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


def _written(step: Step, layouts: Mapping[str, Layout]) -> list[Written]:
    item = step.source
    if not step.complete:
        return []
    place, past = item.output, step.output_rows
    rows, above = (past.start, past.stop - past.start), item.above - item.output.row
    first = place.byte + place.step * step.first_channel
    layout = layouts[place.buffer]
    channel = item.first_channel + step.first_channel
    columns = place.pixel, place.pixels
    found = [Written(item.tensor, *rows, channel, step.channels, layout, first, place.step, *columns, above)]
    if item.identity is not None:
        other = first + 1 - 2 * place.byte
        found.append(
            Written(item.identity, *rows, step.first_channel, step.channels, layout, other, place.step, above=above)
        )
    return found


def _handed(step: Step) -> dict[str, Handed]:
    made: dict[str, Handed | None] = {"window": _passed(step), "combine": _collected(step)}
    return {name: handed for name, handed in made.items() if handed is not None}


def _passed(step: Step) -> Passed | None:
    item = step.source
    if item.mode != FeedMode.WINDOW or item.to_rows or item.window_node is None:
        return None
    return Passed((item.window_table or item.window_node).output, item.above + step.first_row, step.rows)


def _collected(step: Step) -> Collected | None:
    item = step.source
    if item.combine is None or item.combine.inner is None:
        return None
    return Collected(item.combine.inner, item.above + step.first_row, step.rows, step.first_channel, step.channels)


def _macs(step: Step) -> int:
    item = step.source
    return item.macs * step.rows * step.channels // (item.height * item.channels)
