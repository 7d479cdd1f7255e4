"""What the machine's end of the serial line does with requests, by the text of the protocol: a second opinion."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hwgen.host.packets import crc16
from hwgen.hw.isa.host_protocol import (
    COUNTER_WORDS,
    CRC_BYTES,
    LATE_COMMANDS,
    LENGTH_UNITS,
    MEMORY_COMMANDS,
    PAYLOAD_COMMANDS,
    REQUEST_HEADER_BYTES,
    REQUEST_SYNC,
    RESIDENT_COMMANDS,
    RESPONSE_SYNC,
    SDRAM_COMMANDS,
    UNDER_WAY,
    VERSION,
    Command,
    Status,
    next_frame,
)

BANKS = 4

_HEAD = 1 + REQUEST_HEADER_BYTES + CRC_BYTES


def response(status: int, sequence: int, data: bytes = b"") -> bytes:
    """An answer as it is sent."""
    header = bytes([status, sequence]) + len(data).to_bytes(2, "little")
    return bytes([RESPONSE_SYNC]) + header + crc16(header) + (data + crc16(data) if data else b"")


@dataclass(frozen=True)
class MachineRules:
    """Which requests a machine carries out.

    Attributes:
        halfwords: of its SDRAM; 0: none.
        depth: words of a bank of its activation memory.
    """

    halfwords: int
    depth: int

    @property
    def commands(self) -> list[Command]:
        return [
            command for command in Command if command not in (RESIDENT_COMMANDS if self.halfwords else SDRAM_COMMANDS)
        ]

    def unit(self, command: Command) -> int:
        return LENGTH_UNITS[command]

    def end(self, command: Command) -> tuple[int, int]:
        """First place behind the command's memory, and the address bits of a place in it."""
        if command in (Command.PEEK, Command.POKE):
            return self.depth, 16
        return (COUNTER_WORDS if command == Command.COUNTER else self.halfwords), 24

    def count(self, command: Command, length: int) -> int:
        """Places of the memory that a request is about."""
        match command:
            case Command.READ | Command.WRITE:
                return length // 2
            case Command.CHECKSUM:
                return 8 * length
            case Command.PEEK | Command.POKE:
                return length // 8
            case Command.COUNTER:
                return length // 4
        return 0

    def reaches(self, command: Command, length: int, address: int) -> bool:
        """Whether all that the request is about is there."""
        count = self.count(command, length)
        if not count:
            return True
        end, _ = self.end(command)
        if command in (Command.PEEK, Command.POKE):
            return address >> 16 < BANKS and (address & 0xFFFF) + count <= end
        aligned = address % 8 == 0 or command not in (Command.READ, Command.CHECKSUM)
        return aligned and address + count <= end

    def judge(self, command: int, length: int, address: int, *, free: bool, reading: bool, frame: int) -> Status:
        """How a request with a good header is answered, but for its payload; OK: it is carried out.

        Args:
            free: the SDRAM is ready and no frame under way.
            reading: an answer of LATE_COMMANDS is still to be sent.
            frame: number of the last frame that was started.
        """
        if command not in self.commands:
            return Status.COMMAND
        command = Command(command)
        unit = self.unit(command)
        if length != 0 if unit == 0 else length == 0 or length % unit:
            return Status.LENGTH
        if not self.reaches(command, length, address):
            return Status.ADDRESS
        starts = command == Command.START and (address >> 24 != frame or not frame)
        if starts and address >> 24 != next_frame(frame):
            return Status.FRAME
        changes = starts or command in PAYLOAD_COMMANDS
        if not free and (changes or command in (Command.READ, Command.CHECKSUM)):
            return Status.BUSY
        return Status.BUSY if changes and reading else Status.OK


@dataclass
class EmulatedMachine:
    """A machine's end of the line: bytes in with their times, bytes out; memories as plain bytes.

    Attributes:
        rules: what it carries out.
        timeout_s: quiet time that ends a request, seconds.
        sdram: bytes; banks: of the activation memory, bytes; counters: bytes.
        on_start: called with the address of the command stream when a frame starts.
        busy_s: how long a frame takes, seconds.
        build: build number.
        starts: numbers of the frames that were started.
        byte_s: how long a byte takes on the way back, seconds.
    """

    rules: MachineRules
    timeout_s: float
    on_start: Callable[[int], None] = lambda base: None
    busy_s: float = 0.0
    build: int = 0x12345678
    errors: int = 0
    passes_done: int = 17
    frame: int = 0
    starts: list[int] = field(default_factory=list)
    byte_s: float = 0.0
    sdram: bytearray = field(init=False)
    banks: list[bytearray] = field(init=False)
    counters: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.sdram = bytearray(2 * self.rules.halfwords)
        self.banks = [bytearray(8 * self.rules.depth) for _ in range(BANKS)]
        self.counters = b"".join((i * 0x85EBCA6B & 0xFFFFFFFF).to_bytes(4, "little") for i in range(COUNTER_WORDS))
        self._request = bytearray()
        self._last_s = 0.0  # of the last byte
        self._error: Status | None = None  # to be answered when the line is quiet
        self._busy_until_s = 0.0
        self._accepted = False  # the request's header is good: its payload is being written
        self._answers: deque[tuple[float, bool]] = deque()  # when each answer has left, whether it is of LATE_COMMANDS

    def _sent(self, answer: bytes, now_s: float, late: bool) -> bytes:
        """An answer on its way behind those that are still being sent."""
        begun = max(now_s, self._answers[-1][0] if self._answers else 0.0)
        self._answers.append((begun + len(answer) * self.byte_s, late))
        return answer

    def _unsent(self, now_s: float) -> list[bool]:
        """Of the answers that have not left yet whether each is of LATE_COMMANDS."""
        while self._answers and self._answers[0][0] <= now_s:
            self._answers.popleft()
        return [late for _, late in self._answers]

    def receive(self, byte: int, now_s: float) -> bytes:
        """A byte that came at this time; what is sent on account of it, and of the silence before it."""
        sent = self.idle(now_s)
        self._last_s = now_s
        if self._error is None:
            self._request.append(byte)
            sent += self._look(now_s)
        return sent

    def idle(self, now_s: float) -> bytes:
        """What is sent because nothing has come until this time."""
        if now_s - self._last_s <= self.timeout_s:
            return b""
        if self._request and self._error is None:
            self._error = Status.TIMEOUT
        if self._error is None or len(self._unsent(now_s)) > UNDER_WAY:
            return b""
        if self._error == Status.TIMEOUT and self._accepted:
            self._write_units(bytes(self._request[_HEAD:]))
        sequence = self._request[2] if len(self._request) > 2 else 0
        sent = self._sent(response(self._error, sequence), now_s, False)
        self._request.clear()
        self._error, self._accepted = None, False
        return sent

    def _write_units(self, payload: bytes) -> None:
        """What has come of a payload that does not end, as far as units of it are whole."""
        command = Command(self._request[1])
        length, unit = int.from_bytes(self._request[3:5], "little"), self.rules.unit(command)
        whole = min(len(payload), length) // unit * unit
        self._memory(command, int.from_bytes(self._request[5:9], "little"), length, payload[:whole])

    def _look(self, now_s: float) -> bytes:
        """The request if its last byte has come."""
        request = self._request
        head = _HEAD
        if request[0] != REQUEST_SYNC:
            self._error = Status.SYNC
        if self._error is not None or len(request) < head:
            return b""
        header = bytes(request[1 : head - CRC_BYTES])
        command, sequence = header[0], header[1]
        length, address = int.from_bytes(header[2:4], "little"), int.from_bytes(header[4:8], "little")
        if len(request) == head:
            if crc16(header) != request[head - CRC_BYTES :]:
                self._error = Status.HEADER_CRC
                return b""
            unsent = self._unsent(now_s)
            free = now_s >= self._busy_until_s
            verdict = self.rules.judge(command, length, address, free=free, reading=any(unsent), frame=self.frame)
            if verdict == Status.OK and len(unsent) > UNDER_WAY:
                verdict = Status.OVERRUN
            if verdict != Status.OK:
                self._error = verdict
                return b""
            self._accepted = True
        data = b""
        if command in PAYLOAD_COMMANDS:
            if len(request) < head + length + CRC_BYTES:
                return b""
            payload = bytes(request[head:-CRC_BYTES])
            # The machine writes as the bytes come, so a damaged payload has been written too.
            self._memory(Command(command), address, length, payload)
            if crc16(payload) != request[-CRC_BYTES:]:
                self._error = Status.PAYLOAD_CRC
                return b""
        elif command in MEMORY_COMMANDS:
            data = self._memory(Command(command), address, length)
        else:
            data = self._state(Command(command), address, now_s)
        request.clear()
        self._accepted = False
        return self._sent(response(Status.OK, sequence, data), now_s, command in LATE_COMMANDS)

    def _memory(self, command: Command, address: int, length: int, payload: bytes | None = None) -> bytes:
        memory: bytearray | bytes
        match command:
            case Command.COUNTER:
                memory, begin = self.counters, 4 * address
            case Command.PEEK | Command.POKE:
                memory, begin = self.banks[address >> 16], 8 * (address & 0xFFFF)
            case _:
                memory, begin = self.sdram, 2 * address
        if payload is not None:
            assert isinstance(memory, bytearray)
            memory[begin : begin + len(payload)] = payload
            return b""
        if command == Command.CHECKSUM:
            return zlib.crc32(memory[begin : begin + 16 * length]).to_bytes(4, "little")
        return bytes(memory[begin : begin + length])

    def _state(self, command: Command, address: int, now_s: float) -> bytes:
        match command:
            case Command.IDENTIFY:
                return self.build.to_bytes(4, "little") + (100_000).to_bytes(3, "little") + bytes([VERSION])
            case Command.STATUS:
                flags = 2 | (now_s < self._busy_until_s)
                numbers = self.passes_done.to_bytes(2, "little") + (1_000_000).to_bytes(4, "little")
                return bytes([flags, self.errors]) + numbers + bytes([self.frame]) + bytes(7)
        assert command == Command.START
        if address >> 24 != self.frame:
            self.frame = address >> 24
            self.starts.append(self.frame)
            self._busy_until_s = now_s + self.busy_s
            self.on_start(address & 0xFFFFFF)
        return b""
