"""Host's side of the serial protocol of `hw/isa/host_protocol.py`: frames, and a link that repeats what got lost."""

from __future__ import annotations

import binascii
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hwgen.errors import ToolError
from hwgen.extras import require
from hwgen.hw.isa.host_protocol import (
    BAUD,
    CRC_BYTES,
    CRC_INIT,
    IDENTITY_BYTES,
    LENGTH_UNITS,
    MAX_LENGTH,
    REQUEST_SYNC,
    RESPONSE_HEADER_BYTES,
    RESPONSE_SYNC,
    STATUS_BYTES,
    TIMEOUT_S,
    VERSION,
    Command,
    Status,
    StatusFlag,
)

BLOCK_BYTES = 4096
"""Bytes per WRITE or READ request: long against the way through USB, short enough to repeat."""

ATTEMPTS = 4


class LinkError(ToolError):
    """The machine did not answer, or refused a request."""


@dataclass(frozen=True)
class Response:
    """An answer; `data` is empty unless `status` is OK and the command has some."""

    status: int
    sequence: int
    data: bytes


@dataclass(frozen=True)
class Identity:
    """Answer to IDENTIFY; clock in Hz, rounded to kHz."""

    build: int
    clock_hz: int
    version: int


@dataclass(frozen=True)
class MachineStatus:
    """Answer to STATUS.

    Attributes:
        flags: conditions.
        errors: the machine's error flags.
        passes_done: passes finished in this frame.
        frame_cycles: cycles from the frame's start to its last finished pass.
    """

    flags: StatusFlag
    errors: int
    passes_done: int
    frame_cycles: int

    @property
    def busy(self) -> bool:
        return bool(self.flags & StatusFlag.BUSY)


def crc16(data: bytes) -> bytes:
    """CRC-16 as it is sent, most significant byte first."""
    return binascii.crc_hqx(data, CRC_INIT).to_bytes(CRC_BYTES, "big")


def encode_request(
    command: int, sequence: int, *, address: int = 0, length: int = 0, payload: bytes | None = None
) -> bytes:
    """A request; with a payload `length` is the payload's.

    Raises:
        ValueError: a field does not fit.
    """
    if payload is not None:
        length = len(payload)
    for name, value, bits in (("sequence", sequence, 8), ("length", length, 16), ("address", address, 32)):
        if not 0 <= value < 1 << bits:
            raise ValueError(f"{name} must fit {bits} bits, not {value}")
    header = bytes([command, sequence]) + length.to_bytes(2, "little") + address.to_bytes(4, "little")
    frame = bytes([REQUEST_SYNC]) + header + crc16(header)
    return frame if payload is None else frame + payload + crc16(payload)


class ResponseReader:
    """Finds answers in a stream of bytes; anything between them, or damaged, is skipped."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Response]:
        """Take more bytes; returns the answers that are complete."""
        self._buffer += data
        found: list[Response] = []
        while True:
            start = self._buffer.find(RESPONSE_SYNC)
            if start < 0:
                self._buffer.clear()
                return found
            del self._buffer[:start]
            head = 1 + RESPONSE_HEADER_BYTES + CRC_BYTES
            if len(self._buffer) < head:
                return found
            header = bytes(self._buffer[1 : 1 + RESPONSE_HEADER_BYTES])
            if crc16(header) != self._buffer[1 + RESPONSE_HEADER_BYTES : head]:
                del self._buffer[0]
                continue
            length = int.from_bytes(header[2:4], "little")
            end = head + (length + CRC_BYTES if length else 0)
            if len(self._buffer) < end:
                return found
            data = bytes(self._buffer[head : head + length])
            if length and crc16(data) != self._buffer[head + length : end]:
                del self._buffer[0]
                continue
            del self._buffer[:end]
            found.append(Response(header[0], header[1], data))


def decode_identity(data: bytes) -> Identity:
    """Data of the answer to IDENTIFY.

    Raises:
        LinkError: other length, or another version of the protocol.
    """
    if len(data) != IDENTITY_BYTES:
        raise LinkError(f"identity must have {IDENTITY_BYTES} bytes, not {len(data)}: is this a hwgen bitstream?")
    identity = Identity(int.from_bytes(data[:4], "little"), 1000 * int.from_bytes(data[4:7], "little"), data[7])
    if identity.version != VERSION:
        raise LinkError(f"the bitstream speaks protocol version {identity.version}, this hwgen {VERSION}: rebuild it")
    return identity


def decode_status(data: bytes) -> MachineStatus:
    """Data of the answer to STATUS.

    Raises:
        LinkError: other length.
    """
    if len(data) != STATUS_BYTES:
        raise LinkError(f"status must have {STATUS_BYTES} bytes, not {len(data)}")
    return MachineStatus(
        StatusFlag(data[0] & 3), data[1], int.from_bytes(data[2:4], "little"), int.from_bytes(data[4:8], "little")
    )


class Port(Protocol):
    """What the link needs of a serial port; `serial.Serial` with a short `timeout` is one."""

    def write(self, data: bytes, /) -> int | None:
        """Send all of `data`."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; fewer, or none, after the port's own short time-out."""


def open_port(path: str, baud: int = BAUD) -> Port:
    """A serial port of this computer through pyserial.

    Raises:
        ToolError: pyserial is missing.
        LinkError: the port cannot be opened.
    """
    require("board", "a serial port")
    import serial

    try:
        port: Port = serial.Serial(path, baud, timeout=0.005)
    except (OSError, ValueError) as error:
        raise LinkError(f"{path}: cannot be opened as a serial port at {baud} baud ({error})") from None
    return port


class Link:
    """Requests and their answers, one at a time; damaged or lost ones are repeated `ATTEMPTS` times.

    Args:
        port: serial port.
        timeout_s: the machine's time-out, seconds.
        clock: time in seconds, monotonic.
    """

    def __init__(
        self, port: Port, *, timeout_s: float = TIMEOUT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._port = port
        self._timeout_s = timeout_s
        self._clock = clock
        self._sequence = 0
        self._reader = ResponseReader()

    def request(self, command: Command, *, address: int = 0, length: int = 0, payload: bytes | None = None) -> bytes:
        """Send a request and return the data of its answer.

        Raises:
            LinkError: refused, or no good answer after all attempts.
        """
        reason = "no answer"
        for attempt in range(ATTEMPTS):
            self._sequence = (self._sequence + 1) & 0xFF
            frame = encode_request(command, self._sequence, address=address, length=length, payload=payload)
            self._port.write(frame)
            response = self._await(len(frame) + length)
            if response is None:
                reason = "no answer"
                continue
            if response.status == Status.OK:
                return response.data
            if command == Command.START and response.status == Status.BUSY and attempt:
                return b""  # an earlier attempt started the frame, only its answer was lost
            known = response.status in list(Status)
            reason = Status(response.status).name if known else f"status {response.status}"
            if response.status in (Status.COMMAND, Status.LENGTH, Status.BUSY):
                break
        raise LinkError(f"the machine did not carry out {command.name} at {address:#x}: {reason}")

    def _await(self, transferred: int) -> Response | None:
        """The answer to the present request; None after silence that ends anything the machine may be doing."""
        silence = 2 * self._timeout_s + transferred * 10 / BAUD
        deadline = self._clock() + silence
        while self._clock() < deadline:
            data = self._port.read(4096)
            if data:
                deadline = self._clock() + silence
            for response in self._reader.feed(data):
                if response.sequence == self._sequence or response.status == Status.HEADER_CRC:
                    return response
        return None

    def identify(self) -> Identity:
        """Which build this is."""
        return decode_identity(self.request(Command.IDENTIFY))

    def write(self, address: int, halfwords: NDArray[np.uint16], progress: Callable[[int], None] | None = None) -> None:
        """Write halfwords into the SDRAM from halfword `address` on; `progress` is told the halfwords written so far."""
        step = BLOCK_BYTES // 2
        data = np.ascontiguousarray(halfwords, dtype="<u2")
        for i in range(0, data.size, step):
            self.request(Command.WRITE, address=address + i, payload=data[i : i + step].tobytes())
            if progress is not None:
                progress(min(i + step, data.size))

    def read(self, address: int, count: int) -> NDArray[np.uint16]:
        """`count` halfwords of the SDRAM from halfword `address` on; both multiples of 8."""
        if address % 8 or count % 8:
            raise ValueError(f"address and count must be multiples of 8, not {address} and {count}")
        return np.frombuffer(self._blocks(Command.READ, address, 2 * count, 2), dtype="<u2")

    def poke(self, bank: int, address: int, words: NDArray[np.uint64]) -> None:
        """Write words into a bank of the activation memory, on a machine without SDRAM."""
        step = BLOCK_BYTES // 8
        data = np.ascontiguousarray(words, dtype="<u8")
        for i in range(0, data.size, step):
            self.request(Command.POKE, address=bank << 16 | address + i, payload=data[i : i + step].tobytes())

    def start(self, address: int = 0) -> None:
        """Start a frame; with SDRAM its command stream is at halfword `address`."""
        self.request(Command.START, address=address)

    def status(self) -> MachineStatus:
        """What the machine is doing."""
        return decode_status(self.request(Command.STATUS))

    def wait(self, limit_s: float) -> MachineStatus:
        """Poll until the frame is done.

        Raises:
            LinkError: it takes longer than `limit_s`.
        """
        deadline = self._clock() + limit_s
        while (status := self.status()).busy:
            if self._clock() > deadline:
                raise LinkError(f"the frame is not done after {limit_s} s: {status.passes_done} passes")
        return status

    def peek(self, bank: int, address: int, words: int) -> NDArray[np.uint64]:
        """Words of a bank of the activation memory."""
        return np.frombuffer(self._blocks(Command.PEEK, bank << 16 | address, 8 * words, 8), dtype="<u8")

    def counters(self, address: int, words: int) -> NDArray[np.uint32]:
        """Words of the counter memory."""
        return np.frombuffer(self._blocks(Command.COUNTER, address, 4 * words, 4), dtype="<u4")

    def _blocks(self, command: Command, address: int, size: int, address_bytes: int) -> bytes:
        assert BLOCK_BYTES % LENGTH_UNITS[command] == 0 and BLOCK_BYTES <= MAX_LENGTH
        data = b""
        for i in range(0, size, BLOCK_BYTES):
            length = min(BLOCK_BYTES, size - i)
            part = self.request(command, address=address + i // address_bytes, length=length)
            if len(part) != length:
                raise LinkError(f"{command.name} at {address:#x} answered {len(part)} bytes instead of {length}")
            data += part
        return data
