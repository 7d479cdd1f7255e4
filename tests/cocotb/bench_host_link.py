"""cocotb tests for `tests/hw/host/test_link.py`: bytes in, bytes out, with errors injected."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge, ValueChange

from hwgen.host.link import Response, ResponseReader, decode_identity, decode_status, encode_request
from hwgen.hw.host.link import COUNTER_LATENCY
from hwgen.hw.isa.host_protocol import REQUEST_SYNC, Command, Status
from hwgen.sim.harness.streams import StreamMonitor, reset
from tests.cocotb.serial_line import SerialLine
from tests.hw.host.test_link import BAUD, BUILD, CLOCK_HZ, TIMEOUT

BIT_CYCLES = CLOCK_HZ / BAUD


def peeked(bank: int, addr: int) -> int:
    return (addr * 0x9E3779B97F4A7C15 + bank) & (1 << 64) - 1


def counted(addr: int) -> int:
    return addr * 0x85EBCA6B & 0xFFFFFFFF


class Machine:
    """The link's surroundings: memories with random delays, and the host's end of the line."""

    def __init__(self, dut: Any, seed: int = 1) -> None:
        self.dut = dut
        self.rng = random.Random(seed)
        self.memory: dict[int, int] = {}
        self.starts: list[int] = []
        self.slow_writes = False
        self.line = SerialLine(dut, BIT_CYCLES)
        self.reader = ResponseReader()
        self.sequence = 0

    async def begin(self) -> None:
        dut = self.dut
        for name in ("write__ready", "read__ready", "peek__ready", "data", "data_valid", "peek_data", "peek_valid"):
            getattr(dut, name).value = 0
        dut.busy.value, dut.initialised.value, dut.errors.value = 0, 1, 0
        dut.passes_done.value, dut.frame_cycles.value, dut.counter_data.value = 0, 0, 0
        await reset(dut)
        for serve in (self._writes, self._reads, self._peeks, self._counters, self._starts):
            cocotb.start_soon(serve())

    async def _taken(self, name: str) -> int:
        """Wait for a transfer of a stream, some cycles after its valid; its payload."""
        dut = self.dut
        valid, payload, ready = (getattr(dut, f"{name}__{part}") for part in ("valid", "payload", "ready"))
        if not int(valid.value):
            await RisingEdge(valid)
        await ClockCycles(dut.clk, 1000 if self.slow_writes else 1 + self.rng.randrange(40))
        ready.value = 1
        await ReadOnly()
        assert int(valid.value)
        found = int(payload.value)
        await RisingEdge(dut.clk)
        ready.value = 0
        await ReadOnly()
        return found

    async def _writes(self) -> None:
        while True:
            payload = await self._taken("write")
            assert payload >> 40 == 3
            self.memory[payload & 0xFFFFFF] = payload >> 24 & 0xFFFF

    async def _reads(self) -> None:
        dut = self.dut
        while True:
            addr = await self._taken("read")
            assert addr % 8 == 0
            await ClockCycles(dut.clk, 1 + self.rng.randrange(30))
            for i in range(8):
                dut.data.value, dut.data_valid.value = self.memory[addr + i], 1
                await RisingEdge(dut.clk)
            dut.data_valid.value = 0
            dut.data.value = 0xDEAD

    async def _peeks(self) -> None:
        dut = self.dut
        while True:
            payload = await self._taken("peek")
            await ClockCycles(dut.clk, 5)
            dut.peek_data.value, dut.peek_valid.value = peeked(payload & 3, payload >> 2), 1
            await RisingEdge(dut.clk)
            dut.peek_data.value, dut.peek_valid.value = 0, 0

    async def _counters(self) -> None:
        dut = self.dut
        while True:
            await ValueChange(dut.counter_addr)
            await ClockCycles(dut.clk, COUNTER_LATENCY - 1)
            dut.counter_data.value = counted(int(dut.counter_addr.value))

    async def _starts(self) -> None:
        while True:
            await RisingEdge(self.dut.start)
            await ReadOnly()
            self.starts.append(int(self.dut.base.value))

    async def responses(self, limit: int = 30_000) -> list[Response]:
        """Answers that have come; waits for the first."""
        for _ in range(limit // 100):
            data = bytes(self.line.received)
            self.line.received.clear()
            if found := self.reader.feed(data):
                return found
            await self.line.pause(10)
            await RisingEdge(self.dut.clk)
        raise AssertionError("no answer")

    async def ask(self, command: int, *, address: int = 0, length: int = 0, payload: bytes | None = None) -> Response:
        self.sequence = (self.sequence + 1) & 0xFF
        await self.line.send(encode_request(command, self.sequence, address=address, length=length, payload=payload))
        answers = await self.responses(600_000)
        assert len(answers) == 1 and answers[0].sequence == self.sequence
        return answers[0]

    async def answers(self, frame: bytes, status: Status) -> None:
        """A spoilt frame gets just this answer; then an ordinary request works at once."""
        await self.line.send(frame)
        found = await self.responses()
        assert [response.status for response in found] == [status], found
        await self.works()

    async def works(self) -> None:
        response = await self.ask(Command.IDENTIFY)
        identity = decode_identity(response.data)
        assert response.status == Status.OK
        assert (identity.build, identity.clock_hz) == (BUILD, CLOCK_HZ)


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
