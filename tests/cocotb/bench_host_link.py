"""cocotb tests for `tests/hw/host/test_link.py`: bytes in, bytes out, with errors injected."""

from __future__ import annotations

import zlib
from typing import Any

import cocotb

from hwgen.host.packets import Response, decode_status, encode_request
from hwgen.hw.isa.host_protocol import REQUEST_SYNC, UNDER_WAY, Command, Status
from hwgen.sim.harness.streams import StreamMonitor
from tests.support.host_link_machine import BIT_CYCLES, Machine, counted, peeked
from tests.support.host_link_parameters import TIMEOUT


@cocotb.test()
async def every_command(dut: Any) -> None:
    machine = Machine(dut)
    await machine.begin()
    for stream in ("write", "read", "peek"):
        StreamMonitor(dut, stream, dut.clk)
    await machine.works()

    data = machine.rng.randbytes(96)
    response = await machine.ask(Command.WRITE, address=0xABCD30, payload=data)
    assert response == Response(Status.OK, machine.sequence, b"")
    words = {0xABCD30 + i: int.from_bytes(data[2 * i : 2 * i + 2], "little") for i in range(48)}
    assert machine.memory == words
    response = await machine.ask(Command.READ, address=0xABCD38, length=64)
    assert response.data == data[16:80]

    response = await machine.ask(Command.CHECKSUM, address=0xABCD30, length=6)
    assert response.data == zlib.crc32(data).to_bytes(4, "little")

    response = await machine.ask(Command.START, address=1 << 24 | 0x123458)
    assert response == Response(Status.OK, machine.sequence, b"")
    assert machine.starts == [0x123458] and int(dut.base.value) == 0x123458

    dut.busy.value, dut.errors.value, dut.passes_done.value, dut.frame_cycles.value = 1, 0x5A, 0x1234, 0x89ABCDEF
    status = decode_status((await machine.ask(Command.STATUS)).data)
    assert status.busy and status.errors == 0x5A and status.passes_done == 0x1234
    assert status.frame_cycles == 0x89ABCDEF and status.flags == 3 and status.frame == 1

    for bank in range(4):
        response = await machine.ask(Command.PEEK, address=bank << 16 | 0x17FB, length=40)
        assert response.data == b"".join(peeked(bank, 0x17FB + i).to_bytes(8, "little") for i in range(5))
    response = await machine.ask(Command.COUNTER, address=0x3F8, length=32)
    assert response.data == b"".join(counted(0x3F8 + i).to_bytes(4, "little") for i in range(8))

    for command in (Command.READ, Command.START, Command.WRITE, Command.CHECKSUM):
        payload = b"\x01\x02" if command == Command.WRITE else None
        length = 0 if command == Command.START else 16
        response = await machine.ask(command, address=2 << 24 if not length else 0, length=length, payload=payload)
        assert response.status == Status.BUSY
    assert (await machine.ask(Command.START, address=1 << 24 | 0x123458)).status == Status.OK  # the frame under way
    dut.busy.value = 0
    dut.initialised.value = 0
    assert (await machine.ask(Command.START, address=2 << 24)).status == Status.BUSY
    assert machine.memory == words and machine.starts == [0x123458]
    assert machine.line.bad_stop_bits == 0


@cocotb.test()
async def long_blocks(dut: Any) -> None:
    """A block of 4096 bytes and its reading back; the line is busy without a gap."""
    machine = Machine(dut, seed=2)
    await machine.begin()
    data = machine.rng.randbytes(4096)
    assert (await machine.ask(Command.WRITE, address=0x800, payload=data)).status == Status.OK
    assert (await machine.ask(Command.READ, address=0x800, length=4096)).data == data


@cocotb.test()
async def bad_requests(dut: Any) -> None:
    machine = Machine(dut, seed=3)
    await machine.begin()
    good = encode_request(Command.WRITE, 7, address=64, payload=bytes(range(32)))
    for bit in (8, 13, 17, 30, 39, 60, 71, 79, 87):  # in every field of the header and in its CRC
        frame = bytearray(good)
        frame[bit // 8] ^= 1 << bit % 8
        await machine.answers(bytes(frame), Status.HEADER_CRC)
    assert machine.memory == {}
    for byte in (11, 25, 42, 43, 44):  # payload and its CRC
        frame = bytearray(good)
        frame[byte] ^= 0x10
        await machine.answers(bytes(frame), Status.PAYLOAD_CRC)
    for command in (0, 8, 10, 0x82, 255):
        await machine.answers(encode_request(command, 1), Status.COMMAND)
    await machine.answers(encode_request(Command.IDENTIFY, 1, length=8), Status.LENGTH)
    await machine.answers(encode_request(Command.START, 1, payload=b"\0\0"), Status.LENGTH)
    await machine.answers(encode_request(Command.WRITE, 1, payload=b"\0\0\0"), Status.LENGTH)
    await machine.answers(encode_request(Command.WRITE, 1, payload=b""), Status.LENGTH)
    await machine.answers(encode_request(Command.READ, 1, length=24), Status.LENGTH)
    await machine.answers(encode_request(Command.PEEK, 1, length=12), Status.LENGTH)
    await machine.answers(encode_request(Command.COUNTER, 1, length=6), Status.LENGTH)
    await machine.answers(encode_request(Command.CHECKSUM, 1), Status.LENGTH)
    await machine.answers(encode_request(Command.WRITE, 1, address=0xFFFFFF, payload=bytes(4)), Status.ADDRESS)
    await machine.answers(encode_request(Command.READ, 1, address=4, length=16), Status.ADDRESS)
    await machine.answers(encode_request(Command.CHECKSUM, 1, address=0xFFFFF8, length=2), Status.ADDRESS)
    await machine.answers(encode_request(Command.PEEK, 1, address=4 << 16, length=8), Status.ADDRESS)
    await machine.answers(encode_request(Command.COUNTER, 1, address=4095, length=8), Status.ADDRESS)
    await machine.answers(encode_request(Command.START, 1, address=2 << 24), Status.FRAME)
    machine.memory.clear()
    await machine.answers(good[:20], Status.TIMEOUT)
    await machine.answers(good[:5], Status.TIMEOUT)
    await machine.answers(good[:1], Status.TIMEOUT)
    assert machine.starts == []


@cocotb.test()
async def pieces_and_noise(dut: Any) -> None:
    """Pauses shorter than the time-out do no harm; bytes between requests, and a wrong stop bit inside one, are answered as errors."""
    machine = Machine(dut, seed=4)
    await machine.begin()
    good = encode_request(Command.WRITE, 9, address=16, payload=bytes(range(100, 116)))
    for part in (good[:1], good[1:6], good[6:20], good[20:]):
        await machine.line.send(part)
        await machine.line.pause(0.9 * TIMEOUT / BIT_CYCLES)
    assert [response.status for response in await machine.responses()] == [Status.OK]
    assert machine.memory[16] == 100 | 101 << 8 and len(machine.memory) == 8
    noise = bytes(byte for byte in machine.rng.randbytes(50) if byte != REQUEST_SYNC)
    await machine.answers(noise + good, Status.SYNC)
    assert len(machine.memory) == 8
    await machine.line.send(good[:15])
    await machine.line.send(good[15:16], stop=0)
    await machine.line.send(good[16:])
    assert [response.status for response in await machine.responses()] == [Status.TIMEOUT]
    await machine.works()


@cocotb.test()
async def slow_memory(dut: Any) -> None:
    """Payload that comes faster than it is taken is reported, not silently lost."""
    machine = Machine(dut, seed=5)
    await machine.begin()
    StreamMonitor(dut, "write", dut.clk)
    machine.slow_writes = True
    response = await machine.ask(Command.WRITE, address=0, payload=bytes(20))
    assert response.status == Status.OVERRUN
    machine.slow_writes = False
    await machine.works()
    data = machine.rng.randbytes(20)
    assert (await machine.ask(Command.WRITE, address=0, payload=data)).status == Status.OK
    assert [machine.memory[i] for i in range(10)] == [data[2 * i] | data[2 * i + 1] << 8 for i in range(10)]


@cocotb.test()
async def several_under_way(dut: Any) -> None:
    """As many requests as a host may send ahead, of every kind: carried out and answered in order, without a gap on the line."""
    machine = Machine(dut, seed=7)
    await machine.begin()
    blocks = [machine.rng.randbytes(32) for _ in range(UNDER_WAY)]
    writes = [encode_request(Command.WRITE, i, address=16 * i, payload=block) for i, block in enumerate(blocks)]
    reads = [encode_request(Command.READ, 16 + i, address=16 * i, length=32) for i in range(UNDER_WAY)]
    sums = [encode_request(Command.CHECKSUM, 32 + i, address=16 * i, length=2) for i in range(UNDER_WAY)]
    states = [encode_request(Command.STATUS, 48 + i) for i in range(UNDER_WAY)]
    await machine.line.send(b"".join(writes))
    assert await machine.all_answers(UNDER_WAY) == [Response(Status.OK, i, b"") for i in range(UNDER_WAY)]
    await machine.line.send(b"".join(reads))
    assert await machine.all_answers(UNDER_WAY) == [Response(0, 16 + i, block) for i, block in enumerate(blocks)]
    await machine.line.send(b"".join(sums))
    checksums = [zlib.crc32(block).to_bytes(4, "little") for block in blocks]
    assert await machine.all_answers(UNDER_WAY) == [Response(0, 32 + i, found) for i, found in enumerate(checksums)]
    await machine.line.send(b"".join(states))
    assert [answer.sequence for answer in await machine.all_answers(UNDER_WAY)] == [48 + i for i in range(UNDER_WAY)]


@cocotb.test()
async def answers_keep_their_memory(dut: Any) -> None:
    """While an answer out of a memory is to be sent nothing is written and no frame begins; then it works."""
    machine = Machine(dut, seed=8)
    await machine.begin()
    data = machine.rng.randbytes(256)
    assert (await machine.ask(Command.WRITE, payload=data)).status == Status.OK
    read = encode_request(Command.READ, 100, length=256)
    for change in (
        encode_request(Command.WRITE, 101, payload=bytes(16)),
        encode_request(Command.START, 101, address=1 << 24),
    ):
        await machine.line.send(read + change)
        answers = await machine.all_answers(2)
        assert answers == [Response(Status.OK, 100, data), Response(Status.BUSY, 101, b"")]
    assert machine.starts == []
    assert (await machine.ask(Command.START, address=1 << 24)).status == Status.OK
    assert (await machine.ask(Command.READ, length=256)).data == data


@cocotb.test()
async def random_errors(dut: Any) -> None:
    """Frames with random bits flipped, bytes lost or doubled: never a wrong answer, never a hang."""
    machine = Machine(dut, seed=6)
    await machine.begin()
    rng = machine.rng
    for _ in range(40):
        data = rng.randbytes(2 * rng.randrange(1, 20))
        good = encode_request(Command.WRITE, rng.randrange(256), address=rng.randrange(1000), payload=data)
        frame = bytearray(good)
        place = rng.randrange(len(frame))
        match rng.randrange(3):
            case 0:
                frame[place] ^= 1 << rng.randrange(8)
            case 1:
                del frame[place]
            case 2:
                frame.insert(place, rng.randrange(256))
        await machine.line.send(bytes(frame))
        await machine.line.pause((2 * TIMEOUT + 400) / BIT_CYCLES + 200)
        answers = machine.reader.feed(bytes(machine.line.received))
        machine.line.received.clear()
        # A byte doubled or added behind the frame leaves it whole.
        whole = bytes(frame[: len(good)]) == good
        assert [response.status == Status.OK for response in answers] == [True] * whole + [False] * (
            len(frame) != len(good) or not whole
        )
        await machine.works()
