"""Host's side of the serial protocol of `hw/isa/host_protocol.py`: a link that has several requests under way and repeats what got lost."""

from __future__ import annotations

import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hwgen.extras import require
from hwgen.host.packets import (
    Identity,
    LinkError,
    MachineStatus,
    RefusedError,
    Response,
    ResponseReader,
    decode_identity,
    decode_status,
    encode_request,
)
from hwgen.hw.isa.host_protocol import (
    BANK_SHIFT,
    BAUD,
    CHECKSUM_BYTES,
    FRAME_SHIFT,
    LAST_FRAME,
    LENGTH_UNITS,
    MAX_LENGTH,
    TIMEOUT_S,
    UNDER_WAY,
    Command,
    Status,
    next_frame,
)

BLOCK_BYTES = 4096
"""Bytes per WRITE or READ request: long against the way through USB, short enough to repeat."""

CHECKED_BYTES = 1 << 18
"""Bytes per CHECKSUM request: the slowest machine reads them in less than its time-out."""

ATTEMPTS = 16
"""How often in a row nothing may come of the oldest request under way."""

_BITS_PER_BYTE = 10

_CHATTER_S = 1.0
"""How long bytes may come that are no answers, seconds."""

_LINE_STATUSES = frozenset({Status.HEADER_CRC, Status.SYNC, Status.TIMEOUT})
"""Errors of the line, whose answers may have any sequence number: all that was under way is lost."""

_REPEATED_STATUSES = frozenset({Status.PAYLOAD_CRC, Status.OVERRUN})
"""Errors that are gone when the request is made again."""


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


@dataclass(frozen=True)
class Request:
    """What is asked of the machine; with a payload `length` is not looked at."""

    command: Command
    address: int
    length: int = 0
    payload: bytes | None = None


class Link:
    """Requests and their answers, up to UNDER_WAY at a time; from the oldest one without a good answer on they are repeated.

    Args:
        port: serial port.
        baud: of the port.
        timeout_s: the machine's time-out, seconds.
        clock: time in seconds, monotonic.
    """

    def __init__(
        self,
        port: Port,
        *,
        baud: int = BAUD,
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._port = port
        self._baud = baud
        self._timeout_s = timeout_s
        self._clock = clock
        self._sequence = 0
        self._frame: int | None = None
        self._reader = ResponseReader()
        self._found: deque[Response] = deque()
        self._sent_s = clock()  # when the line has brought everything to the machine

    def exchange(self, requests: Sequence[Request], progress: Callable[[int], None] | None = None) -> list[bytes]:
        """Make requests, and return the data of their answers; `progress` is told how many have been answered.

        Raises:
            RefusedError: one was refused.
            LinkError: one has no good answer after all attempts.
        """
        answers: list[bytes] = []
        waiting: deque[int] = deque()  # sequence numbers of the requests under way, the oldest one first
        failures = 0
        while len(answers) < len(requests):
            # On a line that spoils requests only the oldest one is made, until it gets through.
            ahead = 1 if failures else UNDER_WAY
            for request in requests[len(answers) + len(waiting) : len(answers) + ahead]:
                waiting.append(self._send(request))
            oldest = requests[len(answers)]
            response = self._await(waiting)
            if response is not None and response.status == Status.OK and response.sequence == waiting[0]:
                waiting.popleft()
                answers.append(response.data)
                failures = 0
                if progress is not None:
                    progress(len(answers))
                continue
            reason = _reason(response)
            failures += 1
            refused = response is not None and response.status not in _LINE_STATUSES | _REPEATED_STATUSES | {Status.OK}
            message = f"the machine did not carry out {oldest.command.name} at {oldest.address:#x}: {reason}"
            if refused and response is not None and response.sequence == waiting[0]:
                raise RefusedError(message, response.status)
            if failures == ATTEMPTS:
                raise LinkError(message)
            if response is not None and response.status == Status.OK:
                self._drain()  # an answer got lost, and others may still come
            waiting.clear()
        return answers

    def request(self, command: Command, *, address: int = 0, length: int = 0, payload: bytes | None = None) -> bytes:
        """Make one request and return the data of its answer.

        Raises:
            LinkError: refused, or no good answer after all attempts.
        """
        (answer,) = self.exchange([Request(command, address, length, payload)])
        return answer

    def _send(self, request: Request) -> int:
        """Send a request under a number of its own, which is returned."""
        self._sequence = (self._sequence + 1) & 0xFF
        frame = encode_request(
            request.command,
            self._sequence,
            address=request.address,
            length=request.length,
            payload=request.payload,
        )
        self._port.write(frame)
        # What is to come back may take as long again.
        seconds = (len(frame) + request.length) * _BITS_PER_BYTE / self._baud
        self._sent_s = max(self._sent_s, self._clock()) + seconds
        return self._sequence

    def _await(self, waiting: Sequence[int]) -> Response | None:
        """The next answer to a request under way; None after silence that ends anything the machine may be doing."""
        heard_s = begun_s = self._clock()
        while True:
            while self._found:
                response = self._found.popleft()
                if response.sequence in waiting or response.status in _LINE_STATUSES:
                    return response
            now, quiet_s = self._clock(), 2 * self._timeout_s
            # Something that is no machine may talk for ever.
            if now >= max(heard_s, self._sent_s) + quiet_s or now >= max(begun_s, self._sent_s) + quiet_s + _CHATTER_S:
                self._reader.clear()
                return None
            if self._listen():
                heard_s = self._clock()

    def _drain(self) -> None:
        """Wait for silence, whatever comes."""
        while self._await(()) is not None:
            pass

    def _listen(self) -> bool:
        """Take what has come from the port; whether that is anything."""
        data = self._port.read(4096)
        self._found.extend(self._reader.feed(data))
        return bool(data)

    def identify(self) -> Identity:
        """Which build this is."""
        return decode_identity(self.request(Command.IDENTIFY))

    def write(self, address: int, halfwords: NDArray[np.uint16], progress: Callable[[int], None] | None = None) -> None:
        """Write halfwords into the SDRAM from halfword `address` on; `progress` is told the halfwords written so far."""
        step = BLOCK_BYTES // 2
        told = None if progress is None else lambda done: progress(min(done * step, halfwords.size))
        self.exchange(list(_blocks(Command.WRITE, address, halfwords, "<u2")), told)

    def write_all(self, pieces: Iterable[tuple[int, NDArray[np.uint16]]]) -> None:
        """Write pieces (halfword, halfwords) into the SDRAM, one right behind the other."""
        self.exchange([block for address, data in pieces for block in _blocks(Command.WRITE, address, data, "<u2")])

    def verify(self, address: int, halfwords: NDArray[np.uint16]) -> None:
        """Compare the SDRAM from halfword `address` on with what it should hold, by checksums; `address` and size are multiples of 8.

        Raises:
            LinkError: it holds something else.
        """
        unit = LENGTH_UNITS[Command.READ]
        data = np.ascontiguousarray(halfwords, dtype="<u2").tobytes()
        if address % (unit // 2) or len(data) % unit:
            raise ValueError(f"address and size must be multiples of 8 halfwords, not {address} and {len(data) // 2}")
        for i in range(0, len(data), CHECKED_BYTES):
            part, place = data[i : i + CHECKED_BYTES], address + i // 2
            # One at a time: each takes the machine nearly its time-out.
            answer = self.request(Command.CHECKSUM, address=place, length=len(part) // unit)
            if answer != zlib.crc32(part).to_bytes(CHECKSUM_BYTES, "little"):
                raise LinkError(
                    f"the {len(part)} bytes of the SDRAM from halfword {place:#x} on are not what was written there: load them anew"
                )

    def read(self, address: int, count: int) -> NDArray[np.uint16]:
        """`count` halfwords of the SDRAM from halfword `address` on; both multiples of 8."""
        if address % 8 or count % 8:
            raise ValueError(f"address and count must be multiples of 8, not {address} and {count}")
        return np.frombuffer(self._read(Command.READ, [(address, 2 * count)], 2), dtype="<u2")

    def poke(self, bank: int, address: int, words: NDArray[np.uint64]) -> None:
        """Write words into a bank of the activation memory, on a machine without SDRAM."""
        self.poke_all([(bank, address, words)])

    def poke_all(self, pieces: Iterable[tuple[int, int, NDArray[np.uint64]]]) -> None:
        """Write pieces (bank, word, words) into the activation memory, one right behind the other, on a machine without SDRAM."""
        self.exchange(
            [
                block
                for bank, address, data in pieces
                for block in _blocks(Command.POKE, bank << BANK_SHIFT | address, data, "<u8")
            ]
        )

    def start(self, address: int = 0) -> None:
        """Start a frame; with SDRAM its command stream is at halfword `address`. However often it is asked for, it is one frame.

        Raises:
            LinkError: the machine is busy, or was restarted since the last frame.
        """
        last = self._frame
        # A restarted machine is at 0, which frame 1 follows too.
        if last is None or last == LAST_FRAME:
            found = self.status().frame
            if last is not None and found != last:
                raise self._restarted(found)
            last = found
        number = next_frame(last)
        self._frame = None  # whether it was started, if no answer comes, only the machine knows
        try:
            self.request(Command.START, address=number << FRAME_SHIFT | address)
        except RefusedError as error:
            if error.status != Status.FRAME:
                raise
            raise self._restarted(None) from None
        self._frame = number

    def _restarted(self, found: int | None) -> LinkError:
        """The error of a machine that is not at the frame where it was left; the next frame begins wherever it is then."""
        place = "another frame" if found is None else f"frame {found}"
        before = "" if self._frame is None else f", not {self._frame}"
        self._frame = None
        return LinkError(
            f"the machine is at {place}{before}: it was restarted, or another program uses it; load its stream anew"
        )

    def status(self) -> MachineStatus:
        """What the machine is doing."""
        return decode_status(self.request(Command.STATUS))

    def wait(self, limit_s: float) -> MachineStatus:
        """Poll until the frame is done.

        Raises:
            LinkError: it takes longer than `limit_s`, it failed, or the machine was restarted meanwhile.
        """
        deadline = self._clock() + limit_s
        while True:
            status = self.status()
            if self._frame is not None and status.frame != self._frame:
                raise self._restarted(status.frame)
            if not status.busy:
                break
            if self._clock() > deadline:
                raise LinkError(f"the frame is not done after {limit_s} s: {status.passes_done} passes")
        if status.errors:
            raise LinkError(
                f"the machine gave the frame up after {status.passes_done} passes (errors {int(status.errors):#x}): "
                "its command stream in the SDRAM is damaged; load it anew"
            )
        return status

    def peek(self, bank: int, address: int, words: int) -> NDArray[np.uint64]:
        """Words of a bank of the activation memory."""
        return self.peek_all([(bank, address, words)])

    def peek_all(self, runs: Iterable[tuple[int, int, int]]) -> NDArray[np.uint64]:
        """Words of runs (bank, word, words) of the activation memory, one behind the other."""
        places = [(bank << BANK_SHIFT | address, 8 * words) for bank, address, words in runs]
        return np.frombuffer(self._read(Command.PEEK, places, 8), dtype="<u8")

    def counters(self, address: int, words: int) -> NDArray[np.uint32]:
        """Words of the counter memory."""
        return np.frombuffer(self._read(Command.COUNTER, [(address, 4 * words)], 4), dtype="<u4")

    def _read(self, command: Command, places: Iterable[tuple[int, int]], address_bytes: int) -> bytes:
        """The bytes from each place (address, bytes) on, which an address counts so many at a time."""
        assert BLOCK_BYTES % LENGTH_UNITS[command] == 0 and BLOCK_BYTES <= MAX_LENGTH
        requests = [
            Request(command, address + i // address_bytes, min(BLOCK_BYTES, size - i))
            for address, size in places
            for i in range(0, size, BLOCK_BYTES)
        ]
        parts = self.exchange(requests)
        for request, part in zip(requests, parts, strict=True):
            if len(part) != request.length:
                raise LinkError(
                    f"{command.name} at {request.address:#x} answered {len(part)} bytes instead of {request.length}"
                )
        return b"".join(parts)


def _blocks(command: Command, address: int, units: NDArray[Any], dtype: str) -> Iterator[Request]:
    """Requests that write units, one to an address, from `address` on."""
    data = np.ascontiguousarray(units, dtype=dtype)
    step = BLOCK_BYTES // data.itemsize
    for i in range(0, data.size, step):
        yield Request(command, address + i, payload=data[i : i + step].tobytes())


def _reason(response: Response | None) -> str:
    if response is None:
        return "no answer"
    return Status(response.status).name if response.status in list(Status) else f"status {response.status}"
