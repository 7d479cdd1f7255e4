"""Word reader: every halfword in order, in the cycle that the docstring gives."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hwgen.hw.memory.dma.word_reader import WordReader
from tests.support.python_simulation import run_bench


@pytest.mark.parametrize("word", [2, 4, 8])
@pytest.mark.parametrize(("offered", "ready"), [(1.0, 1.0), (0.4, 1.0), (1.0, 0.4), (0.5, 0.7)])
def test_halfwords_in_order(word: int, offered: float, ready: float) -> None:
    rng = random.Random(word)
    dut = WordReader(word)
    halfwords = [rng.getrandbits(16) for _ in range(40 * word)]
    words = [sum(h << 16 * j for j, h in enumerate(halfwords[i : i + word])) for i in range(0, len(halfwords), word)]

    async def bench(ctx: Any) -> None:
        for _ in range(2):
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            place = given = cycle = 0
            loads: list[int] = []
            moves = [-1]  # V of the word before the first
            while place <= len(halfwords) - 2 * word:
                in_word, part = divmod(place, word)
                if loads and len(moves) <= in_word + 1 and len(loads) > in_word:
                    moves.append(max(loads[in_word] + 1, moves[-1]))
                there = len(moves) > in_word + 1 and cycle > moves[in_word + 1]
                there = there and (part == 0 or (len(loads) > in_word + 1 and cycle > loads[in_word + 1]))
                count = rng.randint(1, word)
                ctx.set(dut.count, count)
                taking = rng.random() < ready
                ctx.set(dut.o.ready, int(taking))
                ctx.set(dut.words.valid, int(given < len(words) and rng.random() < offered))
                ctx.set(dut.words.payload, words[given] if given < len(words) else 0)
                assert ctx.get(dut.o.valid) == there, cycle
                if there:
                    window = sum(h << 16 * j for j, h in enumerate(halfwords[place : place + word]))
                    assert ctx.get(dut.o.payload) == window
                if ctx.get(dut.words.valid) and ctx.get(dut.words.ready):
                    loads.append(cycle)
                    given += 1
                if there and taking:
                    place += count
                    if place // word > in_word:  # the next word moves now, or when it is there
                        moves.append(cycle if len(loads) > in_word + 1 and loads[in_word + 1] < cycle else 1 << 30)
                if moves[-1] == 1 << 30:
                    index = len(moves) - 2
                    if len(loads) > index and loads[index] < cycle:
                        moves[-1] = cycle
                await ctx.tick()
                cycle += 1

    run_bench(dut, bench)
