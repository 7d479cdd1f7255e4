"""Requests and answers of the serial protocol of `hw/isa/host_protocol.py` as bytes."""

from __future__ import annotations

import binascii
from dataclasses import dataclass

from hwgen.errors import ToolError
from hwgen.hw.isa.host_protocol import (
    CRC_BYTES,
    CRC_INIT,
    IDENTITY_BYTES,
    REQUEST_SYNC,
    RESPONSE_HEADER_BYTES,
    RESPONSE_SYNC,
    STATUS_BYTES,
    VERSION,
    MachineError,
    StatusFlag,
)


class LinkError(ToolError):
    """The machine did not answer, refused a request, or is not the one that was expected."""


class RefusedError(LinkError):
    """The machine refused a request.

    Attributes:
        status: its answer's.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


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
        errors: what went wrong in the last frame.
        passes_done: passes finished in this frame.
        frame_cycles: cycles from the frame's start to its last finished pass.
        frame: number of the last frame that was started, 0 to 255; 0 before the first.
    """

    flags: StatusFlag
    errors: MachineError
    passes_done: int
    frame_cycles: int
    frame: int

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

    def clear(self) -> None:
        """Forget the beginning of an answer whose rest does not come."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Response]:
        """Take more bytes; returns the answers that are complete."""
        self._buffer += data
        found: list[Response] = []
        while True:
            _, sync, rest = self._buffer.partition(bytes([RESPONSE_SYNC]))
            self._buffer = sync + rest
            head = 1 + RESPONSE_HEADER_BYTES + CRC_BYTES
            if len(self._buffer) < head:
                return found
            header = bytes(self._buffer[1 : 1 + RESPONSE_HEADER_BYTES])
            if crc16(header) != self._buffer[1 + RESPONSE_HEADER_BYTES : head]:
                del self._buffer[0]
                continue
            length = int.from_bytes(header[2:], "little")
            end = head + (length + CRC_BYTES if length else 0)
            if len(self._buffer) < end:
                return found
            data = bytes(self._buffer[head : head + length])
            whole = not length or crc16(data) == self._buffer[head + length : end]
            # Data may look like an answer: that of a damaged one are not looked at.
            del self._buffer[:end]
            if whole:
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
    passes_done, frame_cycles = int.from_bytes(data[2:4], "little"), int.from_bytes(data[4:8], "little")
    return MachineStatus(StatusFlag(data[0] & 3), MachineError(data[1]), passes_done, frame_cycles, data[8])
