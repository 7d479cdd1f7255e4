"""What the host link talks to, in place of a machine."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge, ValueChange

from hwgen.host.packets import Response, ResponseReader, decode_identity, encode_request
from hwgen.hw.host.link import COUNTER_LATENCY
from hwgen.hw.isa.host_protocol import Command, Status
from hwgen.sim.harness.streams import reset
from tests.support.host_link_parameters import BAUD, BUILD, CLOCK_HZ
from tests.support.serial_line import SerialLine

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

    async def all_answers(self, count: int) -> list[Response]:
        """So many answers, in order."""
        found: list[Response] = []
        while len(found) < count:
            found += await self.responses(600_000)
        return found

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
