"""Answer queue: answers in order, each taken apart in time, and whether one of a memory is among them."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from typing import Any

import pytest

from hwgen.hw.host.answer_queue import AnswerJob, AnswerQueue
from hwgen.hw.isa.host_protocol import (
    CHECKSUM_BYTES,
    IDENTITY_BYTES,
    LATE_COMMANDS,
    STATUS_BYTES,
    UNDER_WAY,
    Command,
    Status,
)
from tests.support.python_simulation import run_bench


@dataclass(frozen=True)
class Answer:
    command: int
    status: Status
    sequence: int
    length: int
    address: int
    with_data: bool

    @property
    def octets(self) -> int:
        """Bytes of its data."""
        if not self.with_data:
            return 0
        own = {Command.IDENTIFY: IDENTITY_BYTES, Command.STATUS: STATUS_BYTES, Command.CHECKSUM: CHECKSUM_BYTES}
        return 0 if self.command == Command.START else own.get(Command(self.command), self.length)

    @property
    def reads(self) -> bool:
        return self.with_data and self.command in LATE_COMMANDS


def random_answer(rng: random.Random, sequence: int) -> Answer:
    with_data = rng.random() < 0.7
    command = rng.choice(list(Command)) if with_data or rng.random() < 0.5 else rng.choice([0, 10, 15])
    status = Status.OK if with_data else rng.choice(list(Status))
    return Answer(command, status, sequence, rng.getrandbits(16), rng.getrandbits(24), with_data)


async def send(ctx: Any, dut: AnswerQueue, answer: Answer, rng: random.Random) -> None:
    """What is to be seen of the first answer from the cycle before `start` until it has been sent, unit by unit."""
    address = answer.address
    for unit in range(rng.randrange(4) if answer.octets else 0):
        for _ in range(rng.randrange(3)):
            await ctx.tick()
        assert ctx.get(dut.address) == address, unit
        ctx.set(dut.advance, 1)
        await ctx.tick()
        ctx.set(dut.advance, 0)
        address = address + (8 if answer.command in (Command.READ, Command.CHECKSUM) else 1) & 0xFFFFFF
    await ctx.tick()
    assert ctx.get(dut.address) == address
    assert ctx.get(dut.asked.as_value()) == (1 << answer.command - 1 if answer.with_data else 0)
    assert (ctx.get(dut.sequence), ctx.get(dut.status)) == (answer.sequence, answer.status)
    assert (ctx.get(dut.length), ctx.get(dut.units)) == (answer.octets, answer.length)


@pytest.mark.parametrize("rate", [0.02, 0.3, 1.0])
def test_answers(rate: float) -> None:
    """200 answers at any pace; as many wait as may be under way, and more are not taken."""
    rng = random.Random(round(100 * rate))
    dut = AnswerQueue()
    asked: deque[Answer] = deque()
    fullest = 0

    async def enter(ctx: Any) -> None:
        nonlocal fullest
        for i in range(200):
            while rng.random() > rate:
                await ctx.tick()
            answer = random_answer(rng, i % 256)
            ctx.set(dut.i.payload, AnswerJob.const(vars(answer)))
            ctx.set(dut.i.valid, 1)
            while not ctx.get(dut.i.ready):
                fullest = max(fullest, len(asked))
                await ctx.tick()
            asked.append(answer)
            await ctx.tick()
            ctx.set(dut.i.valid, 0)

    async def leave(ctx: Any) -> None:
        for _ in range(200):
            while not ctx.get(dut.start):
                assert ctx.get(dut.reading) <= any(answer.reads for answer in asked)
                await ctx.tick()
            answer = asked[0]
            assert ctx.get(dut.length) == answer.octets
            assert ctx.get(dut.asked.as_value()) == (1 << answer.command - 1 if answer.with_data else 0)
            await ctx.tick()
            ctx.set(dut.sending, 1)
            assert not ctx.get(dut.start) and ctx.get(dut.reading) >= answer.reads
            await send(ctx, dut, answer, rng)
            ctx.set(dut.sending, 0)
            await ctx.tick()
            asked.popleft()
        assert not ctx.get(dut.reading) and not ctx.get(dut.start)

    async def bench(ctx: Any) -> None:
        await leave(ctx)

    run_bench(dut, bench, enter)
    assert rate < 1 or fullest >= UNDER_WAY


def test_an_answer_of_a_memory_is_known_at_once() -> None:
    """From the cycle after it was asked for until the one after it was sent."""
    dut = AnswerQueue()

    async def bench(ctx: Any) -> None:
        for command in Command:
            answer = Answer(command, Status.OK, 1, 16, 8, True)
            ctx.set(dut.i.payload, AnswerJob.const(vars(answer)))
            ctx.set(dut.i.valid, 1)
            await ctx.tick()
            ctx.set(dut.i.valid, 0)
            cycles = 0
            while not ctx.get(dut.start):
                assert ctx.get(dut.reading) == answer.reads
                await ctx.tick()
                cycles += 1
            assert cycles == AnswerQueue.SETTLED + 1
            await ctx.tick()
            ctx.set(dut.sending, 1)
            await ctx.tick().repeat(5)
            assert ctx.get(dut.reading) == answer.reads
            ctx.set(dut.sending, 0)
            await ctx.tick()
            assert ctx.get(dut.reading) == 0

    run_bench(dut, bench)
