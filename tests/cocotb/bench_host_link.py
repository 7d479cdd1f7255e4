"""cocotb tests for `tests/hw/host/test_link.py`: bytes in, bytes out, with errors injected."""

from __future__ import annotations

from typing import Any

import cocotb

from hwgen.host.link import Response, decode_status, encode_request
from hwgen.hw.isa.host_protocol import REQUEST_SYNC, Command, Status
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

    response = await machine.ask(Command.START, address=0x123458)
    assert response == Response(Status.OK, machine.sequence, b"")
    assert machine.starts == [0x123458] and int(dut.base.value) == 0x123458

    dut.busy.value, dut.errors.value, dut.passes_done.value, dut.frame_cycles.value = 1, 0x5A, 0x1234, 0x89ABCDEF
    status = decode_status((await machine.ask(Command.STATUS)).data)
    assert status.busy and status.errors == 0x5A and status.passes_done == 0x1234
    assert status.frame_cycles == 0x89ABCDEF and status.flags == 3

    for bank in range(4):
        response = await machine.ask(Command.PEEK, address=bank << 16 | 0x17FE, length=40)
        assert response.data == b"".join(peeked(bank, 0x17FE + i).to_bytes(8, "little") for i in range(5))
    response = await machine.ask(Command.COUNTER, address=0x3F8, length=32)
    assert response.data == b"".join(counted(0x3F8 + i).to_bytes(4, "little") for i in range(8))

    for command in (Command.READ, Command.START, Command.WRITE):
        payload = b"\x01\x02" if command == Command.WRITE else None
        response = await machine.ask(command, length=16 * (command == Command.READ), payload=payload)
        assert response.status == Status.BUSY
    dut.busy.value = 0
    dut.initialised.value = 0
    assert (await machine.ask(Command.START)).status == Status.BUSY
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
    for command in (0, 8, 0x82, 255):
        await machine.answers(encode_request(command, 1), Status.COMMAND)
    await machine.answers(encode_request(Command.IDENTIFY, 1, length=8), Status.LENGTH)
    await machine.answers(encode_request(Command.START, 1, payload=b"\0\0"), Status.LENGTH)
    await machine.answers(encode_request(Command.WRITE, 1, payload=b"\0\0\0"), Status.LENGTH)
    await machine.answers(encode_request(Command.WRITE, 1, payload=b""), Status.LENGTH)
    await machine.answers(encode_request(Command.READ, 1, length=24), Status.LENGTH)
    await machine.answers(encode_request(Command.PEEK, 1, length=12), Status.LENGTH)
    await machine.answers(encode_request(Command.COUNTER, 1, length=6), Status.LENGTH)
    machine.memory.clear()
    await machine.answers(good[:20], Status.TIMEOUT)
    await machine.answers(good[:5], Status.TIMEOUT)
    await machine.answers(good[:1], Status.TIMEOUT)
    assert machine.starts == []


@cocotb.test()
async def pieces_and_noise(dut: Any) -> None:
    """Pauses shorter than the time-out do no harm, nor do bytes between requests or a wrong stop bit inside one."""
    machine = Machine(dut, seed=4)
    await machine.begin()
    good = encode_request(Command.WRITE, 9, address=16, payload=bytes(range(100, 116)))
    for part in (good[:1], good[1:6], good[6:20], good[20:]):
        await machine.line.send(part)
        await machine.line.pause(0.9 * TIMEOUT / BIT_CYCLES)
    assert [response.status for response in await machine.responses()] == [Status.OK]
    assert machine.memory[16] == 100 | 101 << 8 and len(machine.memory) == 8
    noise = bytes(byte for byte in machine.rng.randbytes(50) if byte != REQUEST_SYNC)
    await machine.line.send(noise)
    await machine.works()
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
async def random_errors(dut: Any) -> None:
    """Frames with random bits flipped, bytes lost or doubled: never a wrong answer, never a hang."""
    machine = Machine(dut, seed=6)
    await machine.begin()
    rng = machine.rng
    for _ in range(40):
        data = rng.randbytes(2 * rng.randrange(1, 20))
        frame = bytearray(encode_request(Command.WRITE, rng.randrange(256), address=rng.randrange(1000), payload=data))
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
        # A byte doubled or added behind the frame, or before its sync byte, leaves the frame whole.
        whole = bytes(encode_request(Command.WRITE, 0, payload=data))[11:] in bytes(frame)
        assert all(response.status != Status.OK for response in answers) or whole
        assert len(answers) <= 1
        await machine.works()
