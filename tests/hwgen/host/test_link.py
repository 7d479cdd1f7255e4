"""Host's side of the protocol against a machine in Python, on a line that loses and damages bytes."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from hwgen.host.link import (
    BLOCK_BYTES,
    Link,
    LinkError,
    Response,
    ResponseReader,
    crc16,
    decode_identity,
    decode_status,
    encode_request,
    open_port,
)
from hwgen.hw.isa.host_protocol import LENGTH_UNITS, REQUEST_SYNC, RESPONSE_SYNC, VERSION, Command, Status, StatusFlag


def test_crc_check_value() -> None:
    assert crc16(b"123456789") == bytes.fromhex("29b1")  # the catalogued check value of this CRC


def test_request_layout() -> None:
    frame = encode_request(Command.WRITE, 0x42, address=0x123456, payload=b"\xaa\xbb")
    header = bytes([2, 0x42, 2, 0, 0x56, 0x34, 0x12, 0])
    assert frame == b"\xa5" + header + crc16(header) + b"\xaa\xbb" + crc16(b"\xaa\xbb")
    with pytest.raises(ValueError, match="address must fit 32 bits, not 4294967296"):
        encode_request(Command.READ, 0, address=1 << 32)


def response(status: int, sequence: int, data: bytes = b"") -> bytes:
    header = bytes([status, sequence]) + len(data).to_bytes(2, "little")
    return bytes([RESPONSE_SYNC]) + header + crc16(header) + (data + crc16(data) if data else b"")


def test_responses_in_pieces_and_noise() -> None:
    reader = ResponseReader()
    stream = b"\x00\x5a\x5a" + response(0, 1, b"hello") + b"\x5a\x00" + response(3, 2) + response(0, 3, b"\x5a" * 20)
    damaged = bytearray(response(0, 9, b"damaged"))
    damaged[9] ^= 1
    found = []
    for byte in stream + bytes(damaged) + response(0, 4):
        found += reader.feed(bytes([byte]))
    assert found == [
        Response(0, 1, b"hello"),
        Response(3, 2, b""),
        Response(0, 3, b"\x5a" * 20),
        Response(0, 4, b""),
    ]


class FakePort:
    """A machine at the other end: takes whole requests, answers them; time passes with every empty read."""

    def __init__(self, spoil: Callable[[bytes], bytes] = bytes, deaf: int = 0) -> None:
        self.memory = np.zeros(1 << 16, dtype="<u2")
        self.spoil = spoil
        self.deaf = deaf
        self.now = 0.0
        self.answer = b""
        self.busy_polls = 0
        self.starts: list[int] = []
        self.requests = 0
        self.request_seconds = 0.0

    def write(self, data: bytes) -> int:
        self.requests += 1
        if self.requests > self.deaf:
            self.answer += self.spoil(self.process(self.spoil(data)))
        return len(data)

    def read(self, size: int) -> bytes:
        if not self.answer:
            self.now += 0.005
        found, self.answer = self.answer[:size], self.answer[size:]
        return found

    def process(self, frame: bytes) -> bytes:
        self.now += self.request_seconds
        header = frame[1:9]
        if frame[:1] != bytes([REQUEST_SYNC]) or len(frame) < 11:
            return b""
        sequence, length = header[1], int.from_bytes(header[2:4], "little")
        address = int.from_bytes(header[4:8], "little")
        if crc16(header) != frame[9:11]:
            return response(Status.HEADER_CRC, sequence)
        if header[0] not in LENGTH_UNITS:
            return response(Status.COMMAND, sequence)
        match Command(header[0]):
            case Command.IDENTIFY:
                return response(0, sequence, b"\x78\x56\x34\x12" + (100_000).to_bytes(3, "little") + bytes([VERSION]))
            case Command.WRITE:
                payload = frame[11:-2]
                if len(payload) != length:
                    return response(Status.TIMEOUT, sequence)
                if crc16(payload) != frame[-2:]:
                    return response(Status.PAYLOAD_CRC, sequence)
                self.memory[address : address + length // 2] = np.frombuffer(payload, dtype="<u2")
                return response(0, sequence)
            case Command.READ:
                return response(0, sequence, self.memory[address : address + length // 2].tobytes())
            case Command.START:
                if self.busy_polls:
                    return response(Status.BUSY, sequence)
                self.starts.append(address)
                self.busy_polls = 3
                return response(0, sequence)
            case Command.STATUS:
                self.busy_polls = max(0, self.busy_polls - 1)
                return response(0, sequence, bytes([2 | (self.busy_polls > 0), 5, 17, 0, 0x40, 0x42, 0x0F, 0]))
            case Command.PEEK:
                words = (address << 32) + np.arange(length // 8, dtype="<u8")
                return response(0, sequence, words.tobytes())
            case Command.COUNTER:
                return response(0, sequence, (address + np.arange(length // 4, dtype="<u4")).tobytes())
        raise AssertionError


def link(port: FakePort) -> Link:
    return Link(port, timeout_s=0.02, clock=lambda: port.now)


def test_session() -> None:
    port = FakePort()
    machine = link(port)
    identity = machine.identify()
    assert (identity.build, identity.clock_hz) == (0x12345678, 100_000_000)
    data = np.random.default_rng(1).integers(0, 1 << 16, 3 * BLOCK_BYTES // 2 + 8, dtype=np.uint16)
    seen: list[int] = []
    machine.write(0x100, data, seen.append)
    assert seen == [2048, 4096, 6144, 6152]
    assert np.array_equal(machine.read(0x100, data.size), data)
    machine.start(0x800)
    status = machine.wait(1.0)
    assert (status.busy, status.errors, status.passes_done, status.frame_cycles) == (False, 5, 17, 1_000_000)
    assert machine.peek(2, 5, 600)[[0, 511, 512, 599]].tolist() == [
        (2 << 16 | 5) << 32,
        ((2 << 16 | 5) << 32) + 511,
        (2 << 16 | 517) << 32,
        ((2 << 16 | 517) << 32) + 87,
    ]
    assert machine.counters(8, 1500).tolist() == list(range(8, 1508))
    assert port.starts == [0x800]


def test_noisy_line() -> None:
    rng = random.Random(3)

    def spoil(data: bytes) -> bytes:
        if not data or rng.random() > 0.25:
            return data
        spoilt = bytearray(data)
        if rng.random() < 0.5:
            spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
        else:
            del spoilt[rng.randrange(len(spoilt))]
        return bytes(spoilt)

    port = FakePort(spoil)
    machine = link(port)
    data = np.random.default_rng(2).integers(0, 1 << 16, 4096, dtype=np.uint16)
    for _ in range(10):
        try:
            machine.write(0, data)
            assert np.array_equal(port.memory[:4096], data)
            assert np.array_equal(machine.read(0, 4096), data)
            break
        except LinkError:
            continue
    else:
        raise AssertionError("never got through")
    assert port.requests > 5


def test_lost_answer_to_start_is_no_second_frame() -> None:
    port = FakePort()
    lost = iter([True])
    port.spoil = lambda data: b"" if data[:1] == bytes([RESPONSE_SYNC]) and next(lost, False) else data
    link(port).start(0x40)
    assert port.starts == [0x40]


def test_answer_to_an_earlier_request_is_ignored() -> None:
    port = FakePort()
    late = iter([response(0, 0, b"\0" * 7 + bytes([VERSION]))])  # as long and as good as the awaited one
    port.spoil = lambda data: next(late, b"") + data if data[:1] == bytes([RESPONSE_SYNC]) else data
    assert link(port).identify().build == 0x12345678
    assert port.requests == 1


def test_answer_of_another_length_is_refused() -> None:
    port = FakePort()
    process = port.process
    port.process = lambda frame: response(0, frame[2], process(frame)[7:-4])  # type: ignore[method-assign]
    with pytest.raises(LinkError, match="READ at 0x10 answered 14 bytes instead of 16"):
        link(port).read(0x10, 8)


@pytest.mark.parametrize(("reads", "requests"), [(7, 1), (9, 2)])
def test_waits_for_twice_the_machines_timeout(reads: int, requests: int) -> None:
    """Of 0.02 s; a read without bytes takes 0.005 s. Later the request is made again."""
    port = FakePort()
    kept: list[bytes] = []

    def late(data: bytes) -> bytes:
        if data[:1] == bytes([RESPONSE_SYNC]) and not kept:
            kept.append(data)
            return b""
        return data

    port.spoil = late
    read = port.read

    def after_a_while(size: int) -> bytes:
        if kept and port.now >= 0.005 * (reads - 0.5) and len(kept) == 1:
            kept.append(b"")
            return kept[0]
        return read(size)

    port.read = after_a_while  # type: ignore[method-assign]
    assert link(port).identify().build == 0x12345678
    assert port.requests == requests


def test_status_has_two_flags() -> None:
    status = decode_status(b"\xff" + bytes(7))
    assert status.flags == StatusFlag.BUSY | StatusFlag.INITIALISED and int(status.flags) == 3


def test_errors() -> None:
    port = FakePort(deaf=100)
    with pytest.raises(LinkError, match="did not carry out IDENTIFY at 0x0: no answer"):
        link(port).identify()
    assert port.requests == 4
    port = FakePort()
    port.busy_polls = 1000
    with pytest.raises(LinkError, match="START at 0x0: BUSY"):
        link(port).start(0)
    with pytest.raises(LinkError, match=r"not done after 0.1 s: 17 passes"):
        slow = link(port)
        port.request_seconds = 0.01
        slow.wait(0.1)
    with pytest.raises(LinkError, match="identity must have 8 bytes, not 3"):
        decode_identity(b"abc")
    with pytest.raises(LinkError, match="protocol version 9, this hwgen 1"):
        decode_identity(b"\0" * 7 + b"\x09")
    with pytest.raises(LinkError, match="status must have 8 bytes, not 0"):
        decode_status(b"")
    with pytest.raises(ValueError, match="multiples of 8"):
        link(FakePort()).read(4, 8)
    with pytest.raises(LinkError):
        open_port("/nonexistent/port")
