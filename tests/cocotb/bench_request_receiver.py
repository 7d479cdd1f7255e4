"""cocotb tests for `tests/hw/host/test_request_receiver.py`: bytes in, a header, units and an answer's status out, to the cycle."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from hwgen.host.packets import encode_request
from hwgen.hw.isa.host_protocol import REQUEST_SYNC, Command, Status
from hwgen.sim.harness.streams import StreamMonitor
from tests.support.passes import bench_number
from tests.support.stepper import Stepper

UNIT_BYTES = bench_number("UNIT_BYTES")
TIMEOUT = bench_number("TIMEOUT")
HEADER_FRAME = 11  # sync byte, header, CRC

INPUTS = ("byte", "byte_valid", "advance", "next_address", "refusal", "has_payload", "units__ready", "room")
OUTPUTS = ("header", "accepted", "units__valid", "units__payload", "answer", "with_data", "status")


def request(payload: bytes, address: int = 0) -> bytes:
    """A request with payload; the receiver does not look at the command."""
    return encode_request(Command.WRITE, 0x5A, address=address, payload=payload)


class Receiver(Stepper):
    """The receiver, with bytes at any pace and a memory that takes units at random."""

    def __init__(self, dut: Any, seed: int = 1) -> None:
        super().__init__(dut, INPUTS, OUTPUTS)
        self.rng = random.Random(seed)
        self.ready = 1.0  # probability that a unit is taken in a cycle
        self.units: list[int] = []

    async def begin(self) -> None:
        await super().begin()
        self.dut.room.value = 1
        StreamMonitor(self.dut, "units", self.dut.clk)

    async def step(self, **driven: int) -> dict[str, int]:
        ready = int(self.rng.random() < self.ready)
        seen = await super().step(units__ready=ready, **driven)
        if ready and seen["units__valid"]:
            self.units.append(seen["units__payload"])
        return seen

    async def send(self, data: bytes, gap: int = 5) -> int:
        """Bytes, `gap` cycles from one to the next; the cycle of the last one."""
        for byte in data:
            await self.step(byte=byte, byte_valid=1)
            await self.steps(gap - 1, byte_valid=0)
        return self.cycle - gap

    async def answered(self, cycle: int, status: Status) -> None:
        """That the one answer so far was in this cycle, and with this status; makes the next request count anew."""
        while self.cycle < cycle + 8:
            await self.step()
        assert self.cycles_of("answer") == [cycle], (self.cycles_of("answer"), cycle)
        assert self.seen[cycle]["status"] == status
        self.cycle, self.seen, self.units = 0, [], []


@cocotb.test()
async def requests_without_payload(dut: Any) -> None:
    receiver = Receiver(dut)
    await receiver.begin()
    for gap in (2, 3, 30):
        frame = encode_request(Command.COUNTER, 0x81, address=0xABCDEF12, length=0x1234)
        last = await receiver.send(frame, gap)
        await receiver.steps(4)
        assert receiver.cycles_of("accepted") == [last + 1]
        header = Command.COUNTER | 0x81 << 8 | 0x1234 << 16 | 0xABCDEF12 << 32
        assert receiver.seen[last + 1]["header"] == receiver.seen[last + 2]["header"] == header
        assert receiver.cycles_of("with_data") == [last + 2]
        await receiver.answered(last + 2, Status.OK)


@cocotb.test()
async def bytes_between_requests(dut: Any) -> None:
    """A byte that begins no request is an error, and nothing behind it begins one until the line was quiet."""
    receiver = Receiver(dut)
    await receiver.begin()
    frame = encode_request(Command.STATUS, 1)
    for noise in [byte for byte in range(256) if byte != REQUEST_SYNC][::17]:
        last = await receiver.send(bytes([noise]) + frame + frame)
        await receiver.steps(TIMEOUT)
        assert receiver.cycles_of("accepted") == []
        await receiver.answered(last + TIMEOUT + 3, Status.SYNC)
        last = await receiver.send(frame)
        await receiver.answered(last + 2, Status.OK)


@cocotb.test()
async def one_behind_the_other(dut: Any) -> None:
    """Requests without a pause between them, with and without payload."""
    receiver = Receiver(dut, seed=6)
    await receiver.begin()
    data = bytes(range(UNIT_BYTES))
    ends = []
    for i in range(6):
        await receiver.step(has_payload=i % 2)
        ends.append(await receiver.send(request(data) if i % 2 else encode_request(Command.STATUS, i)))
    await receiver.steps(4)
    assert receiver.cycles_of("answer") == [end + 2 for end in ends]
    assert {receiver.seen[end + 2]["status"] for end in ends} == {Status.OK}
    assert receiver.units == 3 * [int.from_bytes(data, "little")]


@cocotb.test()
async def no_room(dut: Any) -> None:
    """A request that comes while no further answer can be asked for is not carried out, and that is answered when there is room again."""
    receiver = Receiver(dut, seed=7)
    await receiver.begin()
    for has_payload in (0, 1):
        await receiver.step(has_payload=has_payload)
        await receiver.step(room=0)
        last = await receiver.send(request(bytes(UNIT_BYTES)) if has_payload else encode_request(Command.STATUS, 1))
        await receiver.steps(2 * TIMEOUT)
        assert receiver.cycles_of("answer") == receiver.cycles_of("accepted") == receiver.units == []
        await receiver.step(room=1)
        await receiver.answered(receiver.cycle, Status.OVERRUN)
        last = await receiver.send(request(bytes(UNIT_BYTES)) if has_payload else encode_request(Command.STATUS, 1))
        await receiver.answered(last + 2, Status.OK)


@cocotb.test()
@cocotb.parametrize(ready=[1.0, 0.5, 0.2])
async def payload(dut: Any, ready: float) -> None:
    """Units in order, each from the cycle after its last byte; the address moves, the length counts down."""
    receiver = Receiver(dut, seed=2)
    receiver.ready = ready
    await receiver.begin()
    await receiver.step(has_payload=1)
    for units in (1, 2, 7):
        data = receiver.rng.randbytes(UNIT_BYTES * units)
        frame = request(data, address=0x345678)
        begun, gap = receiver.cycle, TIMEOUT - 4
        await receiver.send(frame[:-1], gap)
        await receiver.step(advance=1, next_address=0x876543)
        await receiver.step(advance=0)
        last = await receiver.send(frame[-1:], gap)
        assert receiver.units == [
            int.from_bytes(data[i : i + UNIT_BYTES], "little") for i in range(0, len(data), UNIT_BYTES)
        ]
        rises = [cycle for cycle in receiver.cycles_of("units__valid") if not receiver.seen[cycle - 1]["units__valid"]]
        ends = [begun + gap * (HEADER_FRAME + UNIT_BYTES * (i + 1) - 1) for i in range(units)]
        assert rises == [end + 1 for end in ends]
        header = receiver.seen[last]["header"]
        assert header >> 32 == 0x876543 and header >> 16 & 0xFFFF == 0
        assert receiver.cycles_of("accepted") == []
        assert receiver.cycles_of("with_data") == []
        await receiver.answered(last + 2, Status.OK)


@cocotb.test()
async def last_unit_waits(dut: Any) -> None:
    """The answer comes as soon as the last unit has been taken; a unit that finds the one before it waiting is lost."""
    receiver = Receiver(dut, seed=3)
    await receiver.begin()
    await receiver.step(has_payload=1)
    receiver.ready = 0.0
    await receiver.send(request(bytes(range(UNIT_BYTES))))
    await receiver.steps(50)
    assert receiver.cycles_of("answer") == []
    receiver.ready = 1.0
    await receiver.step()
    assert receiver.units == [int.from_bytes(bytes(range(UNIT_BYTES)), "little")]
    await receiver.answered(receiver.cycle + 1, Status.OK)

    receiver.ready = 0.0
    last = await receiver.send(request(bytes(2 * UNIT_BYTES)))
    receiver.ready = 1.0
    await receiver.steps(TIMEOUT)
    await receiver.answered(last + TIMEOUT + 3, Status.OVERRUN)
    last = await receiver.send(request(bytes(2 * UNIT_BYTES)))
    await receiver.answered(last + 2, Status.OK)


@cocotb.test()
async def errors(dut: Any) -> None:
    """Each with its status, `timeout` + 3 cycles after the last byte, a pause one later; then a good request is answered at once."""
    receiver = Receiver(dut, seed=4)
    await receiver.begin()
    good = request(bytes(range(2 * UNIT_BYTES)))
    await receiver.step(has_payload=1)

    async def spoilt(frame: bytes, status: Status) -> None:
        last = await receiver.send(frame)
        await receiver.steps(TIMEOUT)
        await receiver.answered(last + TIMEOUT + 3 + (status == Status.TIMEOUT), status)
        last = await receiver.send(good)
        await receiver.answered(last + 2, Status.OK)

    for bit in (8 * byte + receiver.rng.randrange(8) for byte in range(1, len(good))):
        frame = bytearray(good)
        frame[bit // 8] ^= 1 << bit % 8
        await spoilt(bytes(frame), Status.HEADER_CRC if bit < 8 * HEADER_FRAME else Status.PAYLOAD_CRC)
    for length in range(1, len(good), 2):
        await spoilt(good[:length], Status.TIMEOUT)
    for status in (Status.COMMAND, Status.LENGTH, Status.BUSY):
        await receiver.step(refusal=status)
        last = await receiver.send(good + good)  # all of it ignored
        await receiver.step(refusal=Status.OK)
        await receiver.steps(TIMEOUT)
        assert receiver.units == []
        await receiver.answered(last + TIMEOUT + 3 + (status == Status.TIMEOUT), status)


@cocotb.test()
async def pauses(dut: Any) -> None:
    """Just shorter than the time-out they do no harm."""
    receiver = Receiver(dut, seed=5)
    await receiver.begin()
    await receiver.step(has_payload=1)
    last = await receiver.send(request(bytes(UNIT_BYTES)), TIMEOUT + 2)
    await receiver.answered(last + 2, Status.OK)
    last = await receiver.send(request(bytes(UNIT_BYTES))[:-1], TIMEOUT + 2)
    await receiver.answered(last + TIMEOUT + 4, Status.TIMEOUT)
