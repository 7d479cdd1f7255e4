"""cocotb tests for `tests/hw/host/test_answer_sender.py`: answers at any pace of the line and of the memory."""

from __future__ import annotations

import binascii
import random
from typing import Any

import cocotb

from hwgen.hw.isa.host_protocol import RESPONSE_SYNC, Status
from hwgen.sim.harness.streams import StreamMonitor
from tests.support.passes import bench_number
from tests.support.stepper import Stepper

LATENCY = bench_number("LATENCY")
HEADER_FRAME = 7  # sync byte, header, CRC

INPUTS = ("start", "length", "status", "sequence", "fetched", "last_digit", "data_byte", "o__ready")
OUTPUTS = ("sending", "fetch", "unit_sent", "digit", "o__valid", "o__payload")


def crc(data: bytes) -> bytes:
    return binascii.crc_hqx(data, 0xFFFF).to_bytes(2, "big")


def answer(status: Status, sequence: int, data: bytes) -> bytes:
    header = bytes([status, sequence]) + len(data).to_bytes(2, "little")
    return bytes([RESPONSE_SYNC]) + header + crc(header) + (data + crc(data) if data else b"")


class Sender(Stepper):
    """The sender between a memory that fetches units in `fetch_cycles` and a line that takes a byte with probability `ready`."""

    def __init__(self, dut: Any, seed: int) -> None:
        super().__init__(dut, INPUTS, OUTPUTS)
        self.rng = random.Random(seed)
        self.ready = 1.0
        self.fetch_cycles = 1
        self.taken: list[tuple[int, int]] = []  # cycle, byte
        self._unit = b""
        self._units: list[bytes] = []
        self._there = -1  # cycle in which the unit is there
        self._byte = 0

    async def begin(self) -> None:
        await super().begin()
        self.monitor = StreamMonitor(self.dut, "o", self.dut.clk)

    async def step(self, **driven: int) -> dict[str, int]:
        ready = int(self.rng.random() < self.ready)
        fetched = self.cycle == self._there
        if fetched:
            self._unit = self._units.pop(0)
        seen = await super().step(o__ready=ready, fetched=int(fetched), data_byte=self._byte, **driven)
        self._byte = self._unit[seen["digit"] % len(self._unit)] if self._unit else 0
        if seen["fetch"]:
            self._unit = b""
            self._there = self.cycle - 1 + self.fetch_cycles
        if ready and seen["o__valid"]:
            self.taken.append((self.cycle - 1, seen["o__payload"]))
        return seen

    async def send(self, status: Status, sequence: int, data: bytes, unit: int) -> int:
        """An answer with its data in units of so many bytes, and check it; the cycle of `start`."""
        self._units = [data[i : i + unit] for i in range(0, len(data), unit)]
        self._unit = b""
        self.taken, begun = [], self.cycle
        await self.step(start=1, length=len(data), last_digit=unit - 1)
        # Its status is there with the next cycle only, as the receiver's.
        seen = await self.step(start=0, length=self.rng.getrandbits(16), status=status, sequence=sequence)
        while seen["sending"]:
            seen = await self.step()
            assert self.cycle < begun + 100_000
        expected = answer(status, sequence, data)
        assert bytes(byte for _, byte in self.taken) == expected
        sending = [cycle for cycle in self.cycles_of("sending") if cycle >= begun]
        assert sending == list(range(begun + 1, self.taken[-1][0] + 1))
        fetches = [cycle for cycle in self.cycles_of("fetch") if cycle >= begun]
        sent = [cycle for cycle in self.cycles_of("unit_sent") if cycle >= begun]
        ends = [self.taken[HEADER_FRAME + i - 1][0] for i in range(0, len(data) + 1, unit)]
        assert (fetches, sent) == (ends[:-1], ends[1:])
        return begun


@cocotb.test()
async def answers(dut: Any) -> None:
    """Every status, lengths of none to many units of every size, slow and fast lines and memories."""
    sender = Sender(dut, 1)
    await sender.begin()
    rng = sender.rng
    for unit in (4, 8, 16):
        for units in (0, 1, 2, 5):
            for sender.ready, sender.fetch_cycles in ((1.0, 1), (0.05, 1), (0.3, 9), (1.0, 40)):
                data = rng.randbytes(unit * units)
                await sender.send(Status(rng.randrange(len(Status))), rng.randrange(256), data, unit)
                await sender.steps(rng.randrange(8))
    assert sender.monitor.cycles_valid_unready > 0


@cocotb.test()
async def long_answer(dut: Any) -> None:
    """More than 256 units, so that every bit of the length counts."""
    sender = Sender(dut, 2)
    await sender.begin()
    await sender.send(Status.OK, 0xA5, sender.rng.randbytes(16 * 260), 16)


@cocotb.test()
async def exact_cycles(dut: Any) -> None:
    """A line that is always ready gets a byte every LATENCY + 1 cycles, but for the wait for units."""
    sender = Sender(dut, 3)
    await sender.begin()
    sender.fetch_cycles = 7
    data = sender.rng.randbytes(24)
    begun = await sender.send(Status.OK, 1, data, 8)
    cycles = [cycle for cycle, _ in sender.taken]
    expected = [begun + (LATENCY + 1) * (i + 1) for i in range(HEADER_FRAME)]
    for _ in range(3):
        expected += [expected[-1] + 7 + (LATENCY + 1) * (i + 1) for i in range(8)]
    expected += [expected[-1] + (LATENCY + 1) * (i + 1) for i in range(2)]
    assert cycles == expected


@cocotb.test()
async def nothing_by_itself(dut: Any) -> None:
    sender = Sender(dut, 4)
    await sender.begin()
    await sender.steps(100, length=8)
    assert sender.cycles_of("o__valid") == sender.cycles_of("sending") == []
