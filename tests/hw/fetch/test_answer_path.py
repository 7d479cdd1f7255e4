"""Answer path of the fetch: bytes of every read, and the cycle in which they are offered, with sinks that stall."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from typing import Any

import pytest

from hwgen.hw.fetch.answer_path import FIFO_DEPTH, AnswerPath, answer_latency
from hwgen.hw.fetch.read_stage import ReadFlags
from hwgen.hw.isa.config import BANKS, WORD_BYTES, CoreConfig
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from hwgen.hw.memory.activation_memory import BankWords
from tests.support.python_simulation import random_bits, run_bench

COLUMN_FLAGS = ("start", "emit", "rows_cut", "cols_cut", "last")
BLOCK_FLAGS = ("opens", "closes")

Words = list[bytes]


@dataclass(frozen=True)
class Pass:
    """A pass, and what a read of it must give."""

    mode: FeedMode
    fill: int
    lanes: int
    blocks: bool

    def word(self, flags: dict[str, int], words: Words) -> int:
        """TAP: the word."""
        data = bytes([self.fill] * WORD_BYTES) if flags["fill"] else words[flags["bank"]]
        return int.from_bytes(data, "little")

    def column(self, flags: dict[str, int], words: Words) -> dict[str, Any]:
        """WINDOW, SUM: the column."""
        rows = []
        for i in range(3):
            word = words[(flags["bank"] + i) % BANKS]
            half = word[self.lanes :] if flags["odd"] and self.lanes < WORD_BYTES else word[: self.lanes]
            row = bytes([self.fill] * self.lanes) if flags["fill"] >> i & 1 else half
            rows.append(int.from_bytes(row, "little"))
        names = (*COLUMN_FLAGS, *BLOCK_FLAGS) if self.blocks else COLUMN_FLAGS
        return {"rows": rows, **{name: flags[name] for name in names}}


class Driver:
    """Reads, words and sinks of an answer path, cycle by cycle."""

    def __init__(self, dut: AnswerPath, read_latency: int, rng: random.Random) -> None:
        self.dut, self.rng, self.read_latency = dut, rng, read_latency
        self.cycle = 0
        self.words: dict[int, Words] = {}
        self.due: deque[tuple[int, Any]] = deque()
        """Cycle in which a beat can be offered at the earliest, and its payload."""
        self.most = 0
        """Beats without one taken."""

    async def step(self, ctx: Any, one: Pass, read: bool, ready: float) -> None:
        """One cycle, with a read or without."""
        dut, rng = self.dut, self.rng
        flags = {name: rng.getrandbits(field.width) for name, field in ReadFlags}
        if one.mode == FeedMode.TAP:
            flags["fill"] = rng.choice([0, 0, 0b111])
        ctx.set(dut.valid, int(read))
        ctx.set(dut.flags, ReadFlags.const(flags))
        if read:
            words = self.words[self.cycle + self.read_latency] = [rng.randbytes(WORD_BYTES) for _ in range(BANKS)]
            beat = one.word(flags, words) if one.mode == FeedMode.TAP else one.column(flags, words)
            self.due.append((self.cycle + self.read_latency + 3, beat))
        arriving = self.words.pop(self.cycle, None) or [rng.randbytes(WORD_BYTES) for _ in range(BANKS)]
        ctx.set(dut.read_data, BankWords.const([int.from_bytes(word, "little") for word in arriving]))
        self.most = max(self.most, len(self.due))

        used, idle = (dut.o_word, dut.o_column) if one.mode == FeedMode.TAP else (dut.o_column, dut.o_word)
        takes = rng.random() < ready
        ctx.set(used.ready, int(takes))
        ctx.set(idle.ready, rng.getrandbits(1))
        offered = bool(self.due) and self.due[0][0] <= self.cycle
        assert ctx.get(used.valid) == offered, f"cycle {self.cycle} of {one}"
        assert not ctx.get(idle.valid)
        assert ctx.get(dut.returned) == (offered and takes)
        if offered:
            payload, expected = ctx.get(used.payload), self.due[0][1]
            if one.mode == FeedMode.TAP:
                assert payload["data"] == expected
            else:
                assert list(payload["rows"]) == expected["rows"]
                assert all(payload[name] == value for name, value in expected.items() if name != "rows"), expected
            if takes:
                self.due.popleft()
        self.cycle += 1
        await ctx.tick()

    async def run(self, ctx: Any, one: Pass) -> None:
        ctx.set(self.dut.descriptor, Descriptor.const({"mode": one.mode, "fill": one.fill}))
        await self.step(ctx, one, False, 0.5)
        for often, ready in [(1.0, 1.0), (0.5, 1.0), (1.0, 0.0), (1.0, 0.5), (0.4, 0.7), (1.0, 0.1), (1.0, 1.0)]:
            for _ in range(40):
                room = len(self.due) < FIFO_DEPTH
                await self.step(ctx, one, room and self.rng.random() < often, ready)
        while self.due:
            await self.step(ctx, one, False, 0.8)


@pytest.mark.parametrize("blocks", [False, True], ids=["plain", "blocks"])
@pytest.mark.parametrize(("lanes", "read_latency"), [(4, 4), (8, 3), (8, 2)])
def test_answers(lanes: int, read_latency: int, blocks: bool) -> None:
    rng = random.Random(lanes + read_latency)
    config = CoreConfig(window_lanes=lanes, row_steps=blocks, partial_depth=512 if blocks else 0)
    dut = AnswerPath(config, read_latency)
    assert answer_latency(read_latency) == read_latency + 3
    driver = Driver(dut, read_latency, rng)

    async def bench(ctx: Any) -> None:
        for mode in (FeedMode.TAP, FeedMode.WINDOW, FeedMode.SUM, FeedMode.TAP):
            await driver.run(ctx, Pass(mode, rng.randrange(256), lanes, blocks))
            ctx.set(dut.descriptor, random_bits(rng, Descriptor))
            ctx.set(dut.flags, random_bits(rng, ReadFlags))
            for _ in range(rng.randrange(3)):
                assert not ctx.get(dut.o_word.valid) and not ctx.get(dut.o_column.valid)
                driver.cycle += 1
                await ctx.tick()

    run_bench(dut, bench)
    assert driver.most == FIFO_DEPTH
