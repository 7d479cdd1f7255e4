"""cocotb tests for `tests/hw/host/test_link.py`: the link of a machine without SDRAM, which takes images by POKE."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from hwgen.host.packets import Response, encode_request
from hwgen.hw.isa.host_protocol import Command, Status
from hwgen.sim.harness.streams import StreamMonitor
from tests.support.host_link_machine import Machine, peeked
from tests.support.host_link_parameters import DEPTH


class PokedMachine(Machine):
    """The surroundings, with a memory behind `poke`: {(bank, address): word}."""

    def __init__(self, dut: Any, seed: int = 1) -> None:
        super().__init__(dut, seed)
        self.words: dict[tuple[int, int], int] = {}

    async def begin(self) -> None:
        self.dut.poke__ready.value = 0
        await super().begin()
        StreamMonitor(self.dut, "poke", self.dut.clk)
        cocotb.start_soon(self._pokes())

    async def _pokes(self) -> None:
        while True:
            payload = await self._taken("poke")
            self.words[payload & 3, payload >> 2 & 0x3FFF] = payload >> 16


def expected(bank: int, address: int, data: bytes) -> dict[tuple[int, int], int]:
    return {(bank, address + i): int.from_bytes(data[8 * i : 8 * i + 8], "little") for i in range(len(data) // 8)}


@cocotb.test()
async def commands(dut: Any) -> None:
    machine = PokedMachine(dut)
    await machine.begin()
    await machine.works()
    rng = random.Random(5)
    words: dict[tuple[int, int], int] = {}
    for bank in range(4):
        data = rng.randbytes(8 * (1 + 3 * bank))
        address = 0x17F0 - 5 * bank - len(data) // 8
        response = await machine.ask(Command.POKE, address=bank << 16 | address, payload=data)
        assert response == Response(Status.OK, machine.sequence, b"")
        words |= expected(bank, address, data)
        assert machine.words == words
    assert (await machine.ask(Command.PEEK, address=2 << 16 | 9, length=8)).data == peeked(2, 9).to_bytes(8, "little")

    response = await machine.ask(Command.START, address=1 << 24)
    assert response == Response(Status.OK, machine.sequence, b"") and machine.starts == [0]
    dut.busy.value = 1
    assert (await machine.ask(Command.POKE, payload=bytes(8))).status == Status.BUSY
    dut.busy.value = 0
    for command, payload in ((Command.WRITE, b"\1\2"), (Command.READ, None), (Command.CHECKSUM, None)):
        await machine.answers(encode_request(command, 1, length=16, payload=payload), Status.COMMAND)
    await machine.answers(encode_request(Command.POKE, 1, payload=bytes(12)), Status.LENGTH)
    await machine.answers(encode_request(Command.POKE, 1, payload=b""), Status.LENGTH)
    await machine.answers(encode_request(Command.POKE, 1, address=DEPTH - 1, payload=bytes(16)), Status.ADDRESS)
    # No word is written while one is still to be answered.
    await machine.line.send(
        encode_request(Command.PEEK, 7, address=5, length=80) + encode_request(Command.POKE, 8, payload=bytes(8))
    )
    assert [answer.status for answer in await machine.all_answers(2)] == [Status.OK, Status.BUSY]
    assert machine.words == words and machine.memory == {}


@cocotb.test()
async def spoilt(dut: Any) -> None:
    machine = PokedMachine(dut, seed=2)
    await machine.begin()
    data = machine.rng.randbytes(64)
    good = encode_request(Command.POKE, 3, address=1 << 16 | 40, payload=data)
    frame = bytearray(good)
    frame[30] ^= 4
    await machine.answers(bytes(frame), Status.PAYLOAD_CRC)
    await machine.answers(good[:25], Status.TIMEOUT)
    machine.slow_writes = True
    response = await machine.ask(Command.POKE, address=0, payload=data)
    assert response.status == Status.OVERRUN
    machine.slow_writes = False
    machine.words.clear()
    await RisingEdge(dut.clk)
    assert (await machine.ask(Command.POKE, address=3 << 16 | 7, payload=data)).status == Status.OK
    assert machine.words == expected(3, 7, data)
