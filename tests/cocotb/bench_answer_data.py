"""cocotb tests for `tests/hw/host/test_answer_data.py`: units of memories with any delay, their bytes in any order."""

from __future__ import annotations

import random
import zlib
from typing import Any

import cocotb

from hwgen.hw.host.answer_data import AnswerData
from hwgen.hw.isa.host_protocol import LENGTH_UNITS, STATUS_BYTES, Command
from hwgen.sim.harness.streams import StreamMonitor
from tests.support.passes import bench_number
from tests.support.stepper import Stepper

IDENTITY = bench_number("IDENTITY")
COUNTER_LATENCY = bench_number("COUNTER_LATENCY")

STATE = ("busy", "initialised", "errors", "passes_done", "frame_cycles", "frame")
INPUTS = (
    *("asked", "address", "bursts", "fetch", "digit", "read__ready", "data", "data_valid"),
    *("peek__ready", "peek_data", "peek_valid", "counter_data", *STATE),
)
OUTPUTS = (
    *("fetched", "last_digit", "byte", "burst_summed", "read__valid", "read__payload"),
    *("peek__valid", "peek__payload", "counter_addr"),
)


class Data(Stepper):
    def __init__(self, dut: Any, seed: int) -> None:
        super().__init__(dut, INPUTS, OUTPUTS)
        self.rng = random.Random(seed)

    async def begin(self) -> None:
        await super().begin()
        for stream in ("read", "peek"):
            StreamMonitor(self.dut, stream, self.dut.clk)

    async def fetch(self, command: Command, address: int) -> int:
        """Ask for a unit; the cycle of `fetch`."""
        await self.steps(2, asked=1 << command - 1, address=address)
        await self.step(fetch=1)
        self.dut.fetch.value = 0
        return self.cycle - 1

    async def taken(self, stream: str, payload: int) -> None:
        """A request of the memory, taken after some cycles; it was there from the first one, and is gone afterwards."""
        for _ in range(self.rng.randrange(6)):
            await self.step()
            assert self.seen[-1][f"{stream}__valid"]
        seen = await self.step(**{f"{stream}__ready": 1})
        assert seen[f"{stream}__valid"] and seen[f"{stream}__payload"] == payload
        seen = await self.step(**{f"{stream}__ready": 0})
        assert not seen["read__valid"] and not seen["peek__valid"]
        await self.steps(self.rng.randrange(6))

    async def bytes_are(self, unit: bytes, fetched: int) -> None:
        """`fetched` strobed in this cycle alone; the bytes come a cycle after their numbers, whatever the memories do now."""
        await self.step(data=0xDEAD, data_valid=1)
        await self.step(data_valid=0)
        begun = fetched - 1
        assert [cycle for cycle in self.cycles_of("fetched") if cycle >= begun] == [fetched]
        assert self.seen[-1]["last_digit"] == len(unit) - 1
        digits = [*range(len(unit)), *(self.rng.randrange(len(unit)) for _ in range(8))]
        seen = [(await self.step(digit=digit))["byte"] for digit in [*digits, 0]]
        assert bytes(seen[1:]) == bytes(unit[digit] for digit in digits)


@cocotb.test()
async def identity_and_state(dut: Any) -> None:
    data = Data(dut, 1)
    await data.begin()
    for _ in range(20):
        cycle = await data.fetch(Command.IDENTIFY, data.rng.getrandbits(24))
        await data.steps(3)
        await data.bytes_are(IDENTITY.to_bytes(8, "little"), cycle + 1)
        widths = dict(zip(STATE, (1, 1, 8, 16, 32, 8), strict=True))
        state = {name: data.rng.getrandbits(width) for name, width in widths.items()}
        cycle = await data.fetch(Command.STATUS, 0)
        await data.step(**state)
        await data.steps(3)
        unit = bytes([state["busy"] | state["initialised"] << 1, state["errors"]])
        unit += state["passes_done"].to_bytes(2, "little") + state["frame_cycles"].to_bytes(4, "little")
        unit += bytes([state["frame"]]) + bytes(7)
        assert len(unit) == STATUS_BYTES
        await data.bytes_are(unit, cycle + 1)


@cocotb.test()
async def bursts(dut: Any) -> None:
    data = Data(dut, 2)
    await data.begin()
    for _ in range(30):
        address = data.rng.getrandbits(24)
        unit = data.rng.randbytes(LENGTH_UNITS[Command.READ])
        await data.fetch(Command.READ, address)
        await data.taken("read", address)
        gaps = data.rng.random() < 0.3
        for i in range(8):
            if gaps:
                await data.steps(data.rng.randrange(3))
            assert not data.seen[-1]["fetched"]
            await data.step(data=int.from_bytes(unit[2 * i : 2 * i + 2], "little"), data_valid=1)
            dut.data_valid.value = 0
        fetched = data.cycle
        await data.step()
        await data.bytes_are(unit, fetched)


@cocotb.test()
async def words(dut: Any) -> None:
    data = Data(dut, 3)
    await data.begin()
    for _ in range(30):
        address = data.rng.getrandbits(24)
        unit = data.rng.randbytes(LENGTH_UNITS[Command.PEEK])
        await data.fetch(Command.PEEK, address)
        await data.taken("peek", (address >> 16 & 3) | (address & 0x3FFF) << 2)
        assert not data.seen[-1]["fetched"]
        fetched = data.cycle
        await data.step(peek_data=int.from_bytes(unit, "little"), peek_valid=1)
        await data.step(peek_data=0, peek_valid=0)
        await data.bytes_are(unit, fetched)


@cocotb.test()
async def counters(dut: Any) -> None:
    data = Data(dut, 4)
    await data.begin()
    for _ in range(30):
        address = data.rng.getrandbits(24)
        unit = data.rng.randbytes(LENGTH_UNITS[Command.COUNTER])
        cycle = await data.fetch(Command.COUNTER, address)
        assert data.seen[-1]["counter_addr"] == address & 0xFFF
        await data.steps(COUNTER_LATENCY, counter_data=0)
        await data.steps(6, counter_data=int.from_bytes(unit, "little"))
        await data.bytes_are(unit, cycle + COUNTER_LATENCY + 2)
        assert data.cycles_of("read__valid") == data.cycles_of("peek__valid") == []


@cocotb.test()
async def checksums(dut: Any) -> None:
    """Of one burst to many, with halfwords at any pace: what zlib says of the bytes."""
    data = Data(dut, 5)
    await data.begin()
    for bursts in (1, 2, 3, 40, 300):
        address = data.rng.getrandbits(20) * 8
        content = data.rng.randbytes(16 * bursts)
        await data.step(bursts=bursts)
        await data.fetch(Command.CHECKSUM, address)
        gaps = data.rng.random() < 0.3
        for i in range(bursts):
            if i:
                assert data.seen[-1]["burst_summed"] == 0
                assert (await data.step())["burst_summed"]
                data.dut.address.value = address + 8 * i
            await data.taken("read", address + 8 * i)
            for j in range(8):
                if gaps:
                    await data.steps(data.rng.randrange(3))
                place = 16 * i + 2 * j
                await data.step(data=int.from_bytes(content[place : place + 2], "little"), data_valid=1)
                dut.data_valid.value = 0
        fetched = data.cycle - 1 + AnswerData.CHECKSUM_LATENCY
        await data.steps(AnswerData.CHECKSUM_LATENCY)
        await data.bytes_are(zlib.crc32(content).to_bytes(4, "little"), fetched)
        assert data.cycles_of("peek__valid") == []
