"""Places and lifetimes, found for many rows at once, against a look at every row and every base."""

from __future__ import annotations

import numpy as np

from hwgen.compiler.lower.passes import Buffer
from hwgen.compiler.tiling.lifetimes import Lifetimes, Spans, earliest, latest
from hwgen.compiler.tiling.memory import Layout, Rows, Search, concatenate, place_rows

BANK = 60


def random_life(rng: np.random.Generator, rows: int, longest: int) -> Lifetimes:
    start = np.sort(rng.integers(0, 30, rows))
    return Lifetimes(start, np.where(rng.random(rows) < 0.9, start + rng.integers(0, longest, rows), -1))


def random_rows(rng: np.random.Generator) -> Rows:
    """Of some tensors within the memory; they may lie over each other, as tensors do that are not live together."""
    placed = []
    for _ in range(rng.integers(1, 5)):
        words = int(rng.integers(1, 8))
        layout = Layout(int(rng.integers(0, BANK)), int(rng.integers(0, 8)), 8, words, 1)
        rows = place_rows(layout, random_life(rng, int(rng.integers(1, 14)), 15))
        kept = rows.high <= BANK
        placed.append(Rows(rows.bank[kept], rows.low[kept], rows.high[kept], rows.start[kept], rows.end[kept]))
    return concatenate(placed)


def free(buffer: Buffer, life: Lifetimes, taken: Rows, layout: Layout) -> bool:
    """Whether no row meets another one in a word and a step."""
    rows = place_rows(layout, life)
    for i in range(len(rows.bank)):
        if rows.high[i] > BANK:
            return False
        for other, others in ((taken, range(len(taken.bank))), (rows, range(i))):
            for j in others:
                same = rows.bank[i] == other.bank[j] and rows.low[i] < other.high[j] and other.low[j] < rows.high[i]
                if same and rows.start[i] <= other.end[j] and other.start[j] <= rows.end[i]:
                    return False
    return True


def test_lowest_and_highest_place() -> None:
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(12):
        taken, words = random_rows(rng), int(rng.integers(1, 9))
        life = random_life(rng, 9, 12)
        life.end[0] = max(life.end[0], 0)
        buffer = Buffer("b", 9, words, 8, 1)
        search = Search(buffer, life, taken, BANK)
        for depth, phase in [(12, 0), (12, 2), (12, 5), (12, 11), (8, 3), (8, 6)]:
            bases = [b for b in range(BANK) if free(buffer, life, taken, Layout(b, phase, depth, words, 1))]
            places = search.places(depth, phase)
            assert ([] if places is None else [places[0][1].base, places[1][1].base]) == (
                [bases[0], bases[-1]] if bases else []
            )
            if places is not None:
                found += 1
                past = place_rows(places[0][1], life).high.max()
                assert places[0][0] == past
    assert found > 10


def test_rows_of_many_steps_at_once() -> None:
    """Spans that rise, spans that turn back, few and many of them."""
    rng = np.random.default_rng(6)
    for count in (1, 5, 6, 40):
        for turn in (False, True):
            first = np.sort(rng.integers(0, 50, count))
            past = np.maximum.accumulate(first + rng.integers(0, 9, count))
            if turn:
                first, past = np.roll(first, 1), np.roll(past, 1)
            spans, steps = list(zip(first.tolist(), past.tolist(), strict=True)), np.sort(rng.integers(0, 99, count))
            last, first_of = latest(Spans(spans), steps, 60), earliest(Spans(spans), steps, 60)
            for row in range(60):
                hits = [int(step) for (low, high), step in zip(spans, steps, strict=True) if low <= row < high]
                assert (last[row], first_of[row]) == (max(hits, default=-1), min(hits, default=1 << 30))
