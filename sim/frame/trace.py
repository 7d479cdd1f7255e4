"""The trace that the machine's test bench writes: every word written to the activation memory, every pass event.

A record is a line of 32 characters, `<kind><cycle:7><bank:1><addr:4><enable:2><data:16>` in hexadecimal digits; fixed
width, so that a frame's million records are decoded by NumPy in a second. `KINDS` says what is recorded of which element. Cycles count
clock cycles from the frame's start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from hwgen.errors import ToolError
from hwgen.hw.isa.config import BANKS, WORD_BYTES
from hwgen.hw.isa.counters import RECORD_WORDS

RECORD = 32


@dataclass(frozen=True)
class Kinds:
    """What is recorded of an element, by the letter of the record.

    Attributes:
        events: letters -> what they stand for.
        tap: letter of its beats of data; of several records of a beat the lowest bytes come first. None: none are recorded.
        records: of a beat.
    """

    events: Mapping[str, str] = field(default_factory=dict)
    tap: str | None = None
    records: int = 1


KINDS: Mapping[str, Kinds] = MappingProxyType(
    {
        "window": Kinds(tap="V"),
        "combine": Kinds(tap="C", records=2),  # segments on their way into it
        "writer": Kinds({"W": "a word written to the activation memory, by the row writer too"}),
        "sequencer": Kinds({"F": "frame start", "S": "pass start", "D": "pass done", "E": "frame done"}),
        "counters": Kinds({"K": "a word of a pass's counters (`hwgen.hw.isa.counters`), in the data's low half"}),
    }
)
"""Records by the element that they are of (`hwgen.hw.isa.elements`); the values of all others show in those of the elements behind them."""


_DIGIT = np.full(256, 255, np.uint8)
_DIGIT[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)


@dataclass(frozen=True)
class Trace:
    """A frame's records, each kind in order of time.

    Attributes:
        cycles: int64 [writes], bank: uint8, addr: int64, enable: bool [writes, 8], data: int8 [writes, 8].
        taps: of every element with a tap, cycles int64 [beats] and data int8 [beats, 8 or 16], lane or column 0 first.
        starts, dones: int64 [passes], cycle of each pass's start and end.
        frame_done: cycle in which the frame ended, or None.
        records: int64 [passes, RECORD_WORDS], the machine's counters of each pass, words as `hwgen.hw.control.counters.Counter` has them.
    """

    cycles: np.ndarray
    bank: np.ndarray
    addr: np.ndarray
    enable: np.ndarray
    data: np.ndarray
    taps: Mapping[str, tuple[np.ndarray, np.ndarray]]
    starts: np.ndarray
    dones: np.ndarray
    frame_done: int | None
    records: np.ndarray

    def writes_of_pass(self, index: int) -> slice:
        """The records of writes between a pass's start and its end, both included."""
        return self._of_pass(self.cycles, index)

    def tapped(self, element: str, index: int) -> np.ndarray:
        """An element's beats in a pass, int8 [beats, 8 or 16]."""
        cycles, octets = self.taps[element]
        return octets[self._of_pass(cycles, index)]

    def _of_pass(self, cycles: np.ndarray, index: int) -> slice:
        first, past = np.searchsorted(cycles, [self.starts[index], self.dones[index] + 1])
        return slice(int(first), int(past))


def _number(digits: np.ndarray) -> np.ndarray:
    value = np.zeros(len(digits), np.int64)
    for column in range(digits.shape[1]):
        value = value << 4 | digits[:, column]
    return value


def _octets(digits: np.ndarray) -> np.ndarray:
    """The data field, least significant byte first."""
    octets = digits[:, -16::2] << 4 | digits[:, -15::2]
    return np.ascontiguousarray(octets[:, ::-1]).view(np.int8)


def _beats(digits: np.ndarray, records: int) -> np.ndarray:
    """Data of an element's beats, each of so many records."""
    return _octets(digits).reshape(-1, records * WORD_BYTES)


def read_trace(path: Path) -> Trace:
    """Decode a trace file; ToolError if it is damaged or cut off."""
    raw = np.frombuffer(path.read_bytes(), np.uint8)
    if raw.size % RECORD or not raw.size:
        raise ToolError(
            f"trace {path} has {raw.size} bytes, not a positive multiple of {RECORD}: the simulation broke off"
        )
    lines = raw.reshape(-1, RECORD)
    kind = lines[:, 0]
    frame_starts = np.flatnonzero(kind == ord("F"))
    if not frame_starts.size:
        raise ToolError(f"trace {path} holds no frame start: the machine never began")
    lines = lines[frame_starts[-1] :]
    kind = lines[:, 0]
    digits = _DIGIT[lines[:, 1 : RECORD - 1]]
    if (digits == 255).any():
        raise ToolError(f"trace {path} holds a record that is not hexadecimal: unknown values reached the memory")
    cycles = _number(digits[:, :7])
    write = kind == ord("W")
    fields = digits[write]
    enable = _number(fields[:, 12:14])
    done = cycles[kind == ord("E")]
    words = _number(digits[kind == ord("K")][:, -8:])
    return Trace(
        cycles=cycles[write],
        bank=fields[:, 7],
        addr=_number(fields[:, 8:12]),
        enable=(enable[:, None] >> np.arange(WORD_BYTES) & 1).astype(bool),
        data=_octets(fields),
        taps={
            name: (
                cycles[kind == ord(kinds.tap)][:: kinds.records],
                _beats(digits[kind == ord(kinds.tap)], kinds.records),
            )
            for name, kinds in KINDS.items()
            if kinds.tap is not None
        },
        starts=cycles[kind == ord("S")],
        dones=cycles[kind == ord("D")],
        frame_done=int(done[0]) if done.size else None,
        records=words[: words.size // RECORD_WORDS * RECORD_WORDS].reshape(-1, RECORD_WORDS),
    )


class Replay:
    """Activation memory rebuilt from a trace, pass by pass.

    Attributes:
        memory: int8 [BANKS, depth, WORD_BYTES], what the writes so far left.
        writer: int64 of the same shape, index of the pass that last wrote each byte, -1 for none.
    """

    def __init__(self, trace: Trace, depth: int) -> None:
        self._trace = trace
        self.memory = np.zeros((BANKS, depth, WORD_BYTES), np.int8)
        self.writer = np.full((BANKS, depth, WORD_BYTES), -1, np.int64)

    def apply(self, index: int) -> int:
        """Take in the writes of pass `index`; returns how many bytes it wrote."""
        trace, part = self._trace, self._trace.writes_of_pass(index)
        enable = trace.enable[part]
        row, byte = np.nonzero(enable)
        place = (trace.bank[part][row], trace.addr[part][row], byte)
        self.memory[place] = trace.data[part][row, byte]  # of repeated places the last one stays
        self.writer[place] = index
        return int(enable.sum())
