"""Requests and answers as bytes."""

from __future__ import annotations

import pytest

from hwgen.host.packets import (
    LinkError,
    Response,
    ResponseReader,
    crc16,
    decode_identity,
    decode_status,
    encode_request,
)
from hwgen.hw.isa.host_protocol import Command, MachineError, StatusFlag
from tests.support.machine_link import response


def test_crc_check_value() -> None:
    assert crc16(b"123456789") == bytes.fromhex("29b1")  # the catalogued check value of this CRC


def test_request_layout() -> None:
    frame = encode_request(Command.WRITE, 0x42, address=0x123456, payload=b"\xaa\xbb")
    header = bytes([2, 0x42, 2, 0, 0x56, 0x34, 0x12, 0])
    assert frame == b"\xa5" + header + crc16(header) + b"\xaa\xbb" + crc16(b"\xaa\xbb")
    with pytest.raises(ValueError, match="address must fit 32 bits, not 4294967296"):
        encode_request(Command.READ, 0, address=1 << 32)


@pytest.mark.parametrize(
    ("name", "bits", "most"),
    [("sequence", 8, (1 << 8) - 1), ("address", 32, (1 << 32) - 1), ("length", 16, (1 << 16) - 1)],
)
def test_fields_have_their_widths(name: str, bits: int, most: int) -> None:
    def encoded(value: int) -> bytes:
        fields = {"sequence": 0, "address": 0, "length": 0} | {name: value}
        return encode_request(Command.READ, fields["sequence"], address=fields["address"], length=fields["length"])

    assert len(encoded(most)) == 11
    for value in (-1, most + 1):
        with pytest.raises(ValueError, match=f"{name} must fit {bits} bits, not {value}$"):
            encoded(value)


def test_an_answer_begins_with_its_sync_byte() -> None:
    """A good header behind anything else is none, not even behind a byte that looks like the beginning or the end of an answer."""
    header = response(0, 1)[1:]
    assert ResponseReader().feed(b"\x5a\x00" + header + response(0, 2)) == [Response(0, 2, b"")]
    ends = next(one for one in (response(0, number) for number in range(256)) if one[-1] == 0x5A)
    assert ResponseReader().feed(ends + header) == [Response(0, ends[2], b"")]


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


def test_data_of_a_damaged_answer_are_no_answers() -> None:
    """They may look like some: what a memory holds is not looked at."""
    hidden = response(0, 7, b"hidden")
    damaged = bytearray(response(0, 6, b"before" + hidden + b"behind"))
    damaged[8] ^= 1
    assert ResponseReader().feed(bytes(damaged) + response(0, 8)) == [Response(0, 8, b"")]


def test_status() -> None:
    status = decode_status(b"\xff\x01\x02\x03\x04\x05\x06\x07\x2a" + bytes(7))
    assert status.flags == StatusFlag.BUSY | StatusFlag.INITIALISED and int(status.flags) == 3 and status.busy
    assert (status.errors, status.passes_done, status.frame_cycles, status.frame) == (1, 0x302, 0x7060504, 42)
    assert status.errors == MachineError.STREAM


def test_answers_of_another_kind() -> None:
    with pytest.raises(LinkError, match="identity must have 8 bytes, not 3"):
        decode_identity(b"abc")
    with pytest.raises(LinkError, match="protocol version 1, this hwgen 2"):
        decode_identity(b"\0" * 7 + b"\x01")
    with pytest.raises(LinkError, match="status must have 16 bytes, not 8"):
        decode_status(bytes(8))
