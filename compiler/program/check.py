"""Replays a program on a symbolic machine: every row, weight and parameter that a pass reads must be the right one.

Independent of the allocation: it sees only the stream, or the memories' initial content, and the descriptors.  The DMA is replayed as early
as its waits allow, which is the worst case: what it writes later can only overwrite what nobody needs any more.  Rows that it stores it may
read as late as the last pass runs whose descriptor stands before them in the stream: none of these may write there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.program.descriptors import packed
from hwgen.compiler.program.program import Program
from hwgen.compiler.program.stream import as_halfwords
from hwgen.compiler.tiling.stripes import Step, read_rows
from hwgen.compiler.weight_schedule.packing import (
    array_parameters,
    parameter_head,
    table_halfwords,
    weight_words,
    window_words,
)
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import BANKS, WINDOW_WORDS, WORD_BYTES
from hwgen.hw.isa.descriptor import DESCRIPTOR_HALFWORDS, FeedMode, SumOp
from hwgen.hw.isa.descriptor_fields import RowPointerFields, WriterFields
from hwgen.hw.isa.memories import READ_AHEAD, TABLE_WORDS
from hwgen.hw.isa.packets import PACKET_HEADER_HALFWORDS, PacketKind
from hwgen.hw.isa.resident import Resident

_ROWS = 1 << 12  # more than any tensor has


class ProgramError(Exception):
    """A program would read what is not there: a defect of the planner, never of the user's network."""


def check_program(lowered: Lowered, steps: Sequence[Step], program: Program) -> None:
    """Raise ProgramError at the first read of a wrong row, weight or parameter."""
    _Replay(lowered, steps, program).run()


class _Replay:
    def __init__(self, lowered: Lowered, steps: Sequence[Step], program: Program) -> None:
        self.lowered, self.steps, self.program = lowered, steps, program
        config = program.config
        self.numbers = {name: i + 1 for i, name in enumerate(lowered.buffers)}
        self.rows = np.zeros((BANKS, config.activation_depth), np.int64)  # number of the tensor * _ROWS + row
        # Bytes between the parts of a concatenation that no pass ever writes count as written: zero weights meet them.
        self.gaps = {name: np.ones(buffer.pixel_words * WORD_BYTES, bool) for name, buffer in lowered.buffers.items()}
        for step, fields in zip(steps, program.descriptors, strict=True):
            gaps = self.gaps[step.source.output.buffer]
            gaps[_written_bytes(fields.writer) % len(gaps)] = False
        self.bytes = {
            name: np.zeros((buffer.height, buffer.pixel_words * WORD_BYTES), bool)
            for name, buffer in lowered.buffers.items()
        }
        self.units = {
            PacketKind.WEIGHTS: np.zeros((config.weight_depth, config.weight_bytes // 2), np.uint16),
            PacketKind.PARAMETERS: np.zeros((config.parameter_depth, 5), np.uint16),
            PacketKind.WINDOW: np.zeros((config.window_depth, ceil_div(18 * config.window_lanes, 16)), np.uint16),
        }
        self.tables = np.zeros(2 * TABLE_WORDS, np.uint16)
        self.position = 0  # in the stream
        self.ended = False
        self.described = 0  # descriptors read so far
        streamed = lowered.images if program.resident is None else ()
        rows = [(name, row) for name in streamed for row in range(lowered.buffers[name].height)]
        self.image_row = dict(zip(program.image_rows.tolist(), rows, strict=True))
        self.parked: dict[
            int, tuple[int, int]
        ] = {}  # halfword of the stream -> row that is stored there, halfword behind the packet
        self.sums = "", 0  # pass whose sums the window has kept, and behind which row
        self.storing: list[
            tuple[int, int, int, int]
        ] = []  # rows that are being stored: bank, address, words, first pass behind
        self.content: dict[tuple[str, int, int], np.ndarray] = {}

    def run(self) -> None:
        if self.program.resident is not None:
            self._reside(self.program.resident)
        for step in self.steps:
            self._dma(step.index)
            if self.described <= step.index:
                raise ProgramError(f"{step.name}: its descriptor waits for a pass that comes after it")
            self._memories(step)
            self._rows(step)
        self._dma(len(self.steps))
        unread = self.program.image_row_halfwords * bool((self.program.image_rows >= self.position).any())
        if self.position + unread != len(self.program.stream):
            raise ProgramError("the stream goes on behind its end")

    def _reside(self, content: Resident) -> None:
        """All that a machine without SDRAM holds when a frame begins, the image too."""
        memories = {
            PacketKind.WEIGHTS: content.weights,
            PacketKind.PARAMETERS: content.parameters,
            PacketKind.WINDOW: content.window,
        }
        for kind, words in memories.items():
            memory = self.units[kind]
            octets = b"".join(word.to_bytes(2 * memory.shape[1], "little") for word in words)
            memory[: len(words)] = np.frombuffer(octets, "<u2").reshape(len(words), memory.shape[1])
        for number, (value, fields) in enumerate(zip(content.descriptors, self.program.descriptors, strict=True)):
            if value != packed(self.program.names[number], fields):
                raise ProgramError(f"descriptor {number} is not the one in memory")
        self.described = len(content.descriptors)
        (name,) = self.lowered.images
        for row, (bank, address) in enumerate(self.program.image_places):
            words_of_row = self.lowered.buffers[name].row_words
            self.rows[bank, address : address + words_of_row] = self.numbers[name] * _ROWS + row
            self.bytes[name][row] = True

    def _dma(self, done: int) -> None:
        """Take in all packets that may come while `done` passes are finished."""
        stream = self.program.stream
        while not self.ended and self.position < len(stream):
            head, address, count, wait = (int(v) for v in stream[self.position : self.position + 4])
            kind = PacketKind(head & 15)
            if wait > done:
                return
            self.position += PACKET_HEADER_HALFWORDS
            if kind == PacketKind.END:
                self.ended = True
                return
            if kind == PacketKind.DESCRIPTOR:
                self.described += 1
                self.position += DESCRIPTOR_HALFWORDS * count
            elif kind == PacketKind.IMAGE:
                self._image(head, address, count)
            elif kind == PacketKind.STORE:
                self._store(head, address, count)
            elif kind == PacketKind.TABLE:
                entries = stream[self.position : self.position + TABLE_WORDS * count]
                self.tables[address : address + len(entries)] = entries
                self.position += len(entries)
            else:
                memory = self.units[kind]
                size = count * memory.shape[1]
                memory[address : address + count] = stream[self.position : self.position + size].reshape(count, -1)
                if address + count > len(memory):
                    raise ProgramError(f"a packet of {kind.name} goes beyond the end of its memory")
                self.position += size

    def _store(self, head: int, address: int, count: int) -> None:
        """A whole row goes to the payload of a later packet."""
        low, high, words, _ = (int(half) for half in self.program.stream[self.position : self.position + 4])
        self.position += 4 * count
        bank = head >> 4 & 3
        tags = set(self.rows[bank, address : address + words].tolist())
        name, row = self._row_of(tags) if len(tags) == 1 else ("", 0)
        if count != 1 or not name or words != self.lowered.buffers[name].row_words:
            raise ProgramError(f"what is stored from bank {bank} at {address} is not one row")
        if not self.bytes[name][row].all():
            raise ProgramError(f"row {row} of {name} is stored before it is complete")
        self.parked[low | high << 16] = tags.pop(), self.position
        self.storing.append((bank, address, words, self.described))

    def _row_of(self, tags: set[int]) -> tuple[str, int]:
        """The buffer and the row of a tag; no name if nothing was written."""
        (tag,) = tags
        return ({number: name for name, number in self.numbers.items()}.get(tag // _ROWS, ""), tag % _ROWS)

    def _image(self, head: int, address: int, count: int) -> None:
        if self.position in self.parked:
            self._load(head, address, count)
            return
        if not count:
            return
        if self.position not in self.image_row:
            raise ProgramError(f"at halfword {self.position} a row comes back that was never stored")
        name, row = self.image_row[self.position]
        bank, unpack = head >> 4 & 3, head >> 6 & 1
        if count != self.lowered.buffers[name].row_words:
            raise ProgramError(f"image row {row} has {count} words")
        self.rows[bank, address : address + count] = self.numbers[name] * _ROWS + row
        self.bytes[name][row] = True
        self.position += count * (3 if unpack else 4)

    def _load(self, head: int, address: int, count: int) -> None:
        """A row comes back that was stored in this packet's payload."""
        tag, behind = self.parked.pop(self.position)
        source, row = self._row_of({tag})
        bank = head >> 4 & 3
        if self.position < behind + READ_AHEAD:
            raise ProgramError(f"row {row} of {source} may be read from the SDRAM before it is there")
        if count != self.lowered.buffers[source].row_words or head >> 6 & 1:
            raise ProgramError(f"row {row} of {source} does not come back as it went")
        self.rows[bank, address : address + count] = tag
        self.position += 4 * count

    def _memories(self, step: Step) -> None:
        config, fields = self.program.config, self.program.descriptors[step.index]
        item = step.source
        if item.mode != FeedMode.TAP and not config.window:
            raise ProgramError(f"{step.name}: the core has no window")
        if item.array_node is not None:
            want = self._want(step, PacketKind.WEIGHTS)
            at = (fields.array.weight_base + np.arange(len(want))) % config.weight_depth
            self._same(step, PacketKind.WEIGHTS, at, want)
            if len(want) != fields.array.chunks * fields.array.inner * fields.array.outer:
                raise ProgramError(f"{step.name}: {len(want)} weight words do not suit its loops")
            want = self._want(step, PacketKind.PARAMETERS)
            base = fields.array.parameter_base - parameter_head(step)
            self._same(step, PacketKind.PARAMETERS, base + np.arange(len(want)), want)
        resident_tables = fields.array.array_table, fields.window.window_table
        for half, table in enumerate((item.array_table, item.window_table)):
            found = self.tables[half * TABLE_WORDS : (half + 1) * TABLE_WORDS]
            if table is not None and (content := self.program.resident) is not None:
                residents = (content.array_tables, content.window_tables)[half]
                found = np.array(residents[resident_tables[half]], np.uint16)
            if table is not None and (found != as_halfwords(table_halfwords(table.table))[0]).any():
                raise ProgramError(f"{step.name}: table {table.name} is not in place when it starts")
        if window_words(step, config.window_lanes) is not None:
            want = self._want(step, PacketKind.WINDOW)
            base = fields.window.window_base * WINDOW_WORDS
            self._same(step, PacketKind.WINDOW, base + np.arange(len(want)), want)

    def _want(self, step: Step, kind: PacketKind) -> np.ndarray:
        key = (step.source.name, step.first_channel, int(kind))
        if key not in self.content:
            config = self.program.config
            if kind == PacketKind.WEIGHTS:
                units = weight_words(step, config)
            elif kind == PacketKind.PARAMETERS:
                units = array_parameters(step)
            else:
                words = window_words(step, config.window_lanes)
                assert words is not None
                units = words
            self.content[key] = as_halfwords(units)
        return self.content[key]

    def _same(self, step: Step, kind: PacketKind, at: np.ndarray, want: np.ndarray) -> None:
        wrong = np.flatnonzero((self.units[kind][at] != want).any(axis=1))
        if wrong.size:
            raise ProgramError(f"{step.name}: unit {wrong[0]} of its {kind.name} is not in memory when it starts")

    def _rows(self, step: Step) -> None:
        fields, item = self.program.descriptors[step.index], step.source
        touched = np.zeros_like(self.rows, bool)
        first = fields.fetch.in_y
        for number, (name, row, past) in enumerate(read_rows(self.lowered, step)):
            view = item.operand if number else item.input
            pointer = fields.operand.operand if number else fields.fetch.input
            start = row if number else first
            assert view is not None
            if view is item.input and item.mode == FeedMode.SUM:
                used = slice(view.first + step.first_channel, view.first + step.first_channel + step.channels)
            else:
                used = slice(view.first, view.first + view.channels)
            places = _walk(pointer, past - start)
            name = self.lowered.buffers[name].source or name
            for y in range(row, past):
                bank, addr, words = places[y - start]
                if (self.rows[bank, addr : addr + words] != self.numbers[name] * _ROWS + y).any():
                    raise ProgramError(f"{step.name}: row {y} of {name} is not in bank {bank} at {addr}")
                if words != self.lowered.buffers[name].row_words or not self.bytes[name][y, used].all():
                    raise ProgramError(f"{step.name}: row {y} of {name} is not complete")
                touched[bank, addr : addr + words] |= self._words_of_row(name, used.start, used.stop)
        self.storing = [one for one in self.storing if step.index < one[3]]
        name = item.output.buffer
        written = _written_bytes(fields.writer) % (WORD_BYTES * self.lowered.buffers[name].pixel_words)
        rows = range(step.output_rows.start, step.output_rows.stop)
        pointer = fields.writer.output
        for y, (bank, addr, words) in zip(rows, _walk(pointer, len(rows)), strict=True):
            if (touched[bank, addr : addr + words] & self._words_of_row(name, written.min(), written.max() + 1)).any():
                raise ProgramError(f"{step.name}: row {y} of {name} lies over something that this pass reads")
            for store_bank, low, size, behind in self.storing:
                if bank == store_bank and addr < low + size and low < addr + words and step.index < behind:
                    raise ProgramError(f"{step.name}: row {y} of {name} lies over a row that is being stored")
            tag = self.numbers[name] * _ROWS + y
            if (self.rows[bank, addr : addr + words] != tag).any():
                self.bytes[name][y] = self.gaps[name]
            self.rows[bank, addr : addr + words] = tag
            self.bytes[name][y, written] = step.complete
        if item.mode == FeedMode.SUM:
            self._sums(step)

    def _sums(self, step: Step) -> None:
        """A stripe of a map adds to the sums of the stripe before it."""
        goes_on = self.program.descriptors[step.index].fetch.op == SumOp.GO_ON
        if goes_on != bool(step.source.striped and step.first_row) or (
            goes_on and self.sums != (step.source.name, step.first_row)
        ):
            raise ProgramError(f"{step.name}: its sums do not go on from those of the rows before")
        self.sums = step.source.name, step.past_row

    def _words_of_row(self, name: str, first: int, past: int) -> np.ndarray:
        """Which words of a row hold the bytes `first .. past - 1` of its pixels: another part of a tensor may be written meanwhile."""
        buffer = self.lowered.buffers[name]
        words = np.zeros((buffer.width, buffer.pixel_words), bool)
        words[:, first // WORD_BYTES : ceil_div(past, WORD_BYTES)] = True
        return words.ravel()


def _walk(pointer: RowPointerFields, rows: int) -> list[tuple[int, int, int]]:
    """(bank, address, words) of rows from a pointer on, as the hardware walks."""
    slot, addr = pointer.slot, pointer.addr
    found = []
    for _ in range(rows):
        found.append((slot % BANKS, addr, pointer.row_words))
        slot += 1
        if slot == pointer.depth:
            slot, addr = 0, pointer.base
        elif slot % BANKS == 0:
            addr += pointer.row_words
    return found


def _written_bytes(writer: WriterFields) -> np.ndarray:
    """Bytes of an output pixel that a pass writes."""
    first = WORD_BYTES * writer.out_word + WORD_BYTES // 2 * writer.out_half
    channels = np.arange(writer.channels)
    if not writer.spread:
        return first + channels
    if writer.merge:
        return first + np.arange(2 * writer.channels)
    return first + 2 * channels + writer.odd
