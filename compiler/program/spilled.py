"""Rows that go to the SDRAM and come back: STORE packets, and IMAGE packets that are empty until rows are stored in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.program.stream import WORD_HALFWORDS, Packet, StreamWriter
from hwgen.compiler.tiling.lifetimes import Lifetimes, store_steps, timetable
from hwgen.compiler.tiling.memory import Layout, place_rows
from hwgen.compiler.tiling.stripes import Step, read_rows
from hwgen.hw.isa.memories import READ_AHEAD
from hwgen.hw.isa.packets import PacketKind

_STORE_HALFWORDS = 4


def load_waits(
    lowered: Lowered, layouts: Mapping[str, Layout], lives: Mapping[str, Lifetimes], name: str
) -> np.ndarray:
    """For every row of a buffer that the DMA loads the count of finished passes after which its place is free, int64 [rows]."""
    loaded = place_rows(layouts[name], lives[name])
    waits = np.zeros(len(loaded.bank), np.int64)
    for other, life in lives.items():
        rows = place_rows(layouts[other], life)
        before = (
            (loaded.bank[:, None] == rows.bank)
            & (loaded.low[:, None] < rows.high)
            & (rows.low < loaded.high[:, None])
            & (rows.end < loaded.end[:, None])
        )
        waits = np.maximum(waits, np.where(before, rows.end + 1, 0).max(axis=1))
    # Rows come in order, so a row waits at least as long as those before it.
    found = np.zeros(lowered.buffers[name].height, np.int64)
    found[lives[name].end >= 0] = waits
    return np.maximum.accumulate(found)


class SpillTraffic:
    """Writes the packets of all rows that leave the chip.

    A STORE stands before the descriptor of the first step that may lie over the row, so the row is there until it has been stored; its
    target is the payload of an IMAGE packet further on, farther than the DMA reads ahead.
    """

    def __init__(
        self,
        lowered: Lowered,
        steps: Sequence[Step],
        layouts: Mapping[str, Layout],
        lives: Mapping[str, Lifetimes],
    ) -> None:
        self._lowered, self._layouts, self._lives = lowered, layouts, lives
        self._copies = lowered.copies
        self._waits = {
            name: load_waits(lowered, layouts, lives, name) for names in self._copies.values() for name in names
        }
        made = {name: np.zeros(lowered.buffers[name].height, np.int64) for name in self._copies}
        for step in steps:
            if step.source.output.buffer in made:
                made[step.source.output.buffer][step.output_rows] = step.index
        self._due: dict[
            int, list[tuple[int, str, int]]
        ] = {}  # (last writer, buffer, row) by the step that must not come before
        for name, stored in store_steps(lowered, timetable(lowered, steps)).items():
            for row, index in enumerate(stored.tolist()):
                self._due.setdefault(index, []).append((int(made[name][row]), name, row))
        self._targets: list[tuple[int, str, int]] = []  # payload of a STORE packet, copy, row
        self._behind: dict[tuple[str, int], int] = {}  # halfword behind the STORE packet of a row of a copy
        self._places: dict[tuple[str, int], int] = {}  # payload of its IMAGE packet

    def store(self, step: Step, writer: StreamWriter) -> list[Packet]:
        """The packets of rows that must be in the SDRAM before a step."""
        packets = []
        for made, name, row in sorted(self._due.get(step.index, [])):
            for copy in self._copies[name]:
                if self._lives[copy].end[row] < 0:
                    continue  # never read
                bank, addr = self._layouts[name].locate(row)
                words = self._lowered.buffers[name].row_words
                self._targets.append((writer.position + _STORE_HALFWORDS, copy, row))
                payload = np.array([[0, 0, words, 0]], np.uint16)
                writer.packet(PacketKind.STORE, addr, made + 1, payload, bank=bank)
                packets.append(Packet(PacketKind.STORE, step.index, 1, _STORE_HALFWORDS, made + 1, words))
                self._behind[copy, row] = writer.position
        return packets

    def load(self, step: Step, writer: StreamWriter) -> list[Packet]:
        """The packets of rows that come back for a step."""
        packets = []
        for name, first, past in read_rows(self._lowered, step):
            buffer = self._lowered.buffers[name]
            for row in range(first, past) if buffer.source is not None else ():
                if (name, row) in self._places:
                    continue
                while writer.payload_position < self._behind[name, row] + READ_AHEAD:
                    writer.nothing()
                    packets.append(Packet(PacketKind.IMAGE, step.index, 0, WORD_HALFWORDS, 0))
                bank, addr = self._layouts[name].locate(row)
                wait = int(self._waits[name][row])
                self._places[name, row] = writer.payload_position
                writer.packet(
                    PacketKind.IMAGE, addr, wait, np.zeros((buffer.row_words, WORD_HALFWORDS), np.uint16), bank=bank
                )
                packets.append(Packet(PacketKind.IMAGE, step.index, buffer.row_words, WORD_HALFWORDS, wait))
        return packets

    def linked(self, stream: np.ndarray) -> np.ndarray:
        """The stream with the targets of the STORE packets."""
        for payload, copy, row in self._targets:
            target = self._places[copy, row]
            stream[payload : payload + 2] = target & 0xFFFF, target >> 16
        return stream

    def targeted(self, packets: Sequence[Packet]) -> list[Packet]:
        """The packets with their targets."""
        targets = iter(self._places[copy, row] for _, copy, row in self._targets)
        return [replace(packet, target=next(targets)) if packet.words else packet for packet in packets]
