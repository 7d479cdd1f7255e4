"""Read stage of the fetch: addresses and flags of every beat against the columns and rows that it stands for, in the exact cycle."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from hwgen.hw.fetch.address_generator import Beat
from hwgen.hw.fetch.four_rows import RowPlaces
from hwgen.hw.fetch.read_stage import ReadStage
from hwgen.hw.isa.config import BANKS
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from tests.support.python_simulation import random_bits, run_bench

LATENCY = 2
COLUMNS = range(-2048, 2048)
PASSED_ON = ("odd", "start", "emit", "last", "opens", "closes")


@dataclass(frozen=True)
class Rows:
    """Places of three rows."""

    bank: int
    addrs: list[int]
    outside: list[bool]

    @property
    def fields(self) -> dict[str, Any]:
        bits = sum(outside << i for i, outside in enumerate(self.outside))
        return {"bank": self.bank, "addrs": self.addrs, "outside": bits}


@dataclass(frozen=True)
class Read:
    """A beat, with new rows or without, and what must be read for it."""

    beat: dict[str, int]
    new_rows: Rows | None
    flags: dict[str, int]
    addrs: list[int]


def random_rows(rng: random.Random, mode: FeedMode) -> Rows:
    outside = [rng.random() < 0.3 for _ in range(3)]
    if mode == FeedMode.SUM:
        outside[0] = False
    return Rows(rng.randrange(BANKS), [rng.getrandbits(14) for _ in range(BANKS)], outside)


def lines(rng: random.Random, d: dict[str, int], count: int) -> Iterator[list[tuple[int, bool]]]:
    """(column, an output is due) of successive beats."""
    for _ in range(count):
        length = rng.randint(d["kernel_w"] if d["mode"] == FeedMode.WINDOW else 1, 12)
        if d["mode"] == FeedMode.WINDOW:
            first, stride = rng.randint(-4, d["in_w"]), rng.randint(1, 3)
            whole = [x - d["kernel_w"] + 1 for x in range(length)]
            yield [(first + x, n >= 0 and n % stride == 0) for x, n in enumerate(whole)]
        elif d["mode"] == FeedMode.TAP:
            near = (-1, 0, d["in_w"] - 1, d["in_w"])
            extremes = (COLUMNS.start, COLUMNS.stop - 1)
            choices = [rng.choice([*near, *extremes, rng.choice(COLUMNS)]) for _ in range(length)]
            yield [(column, False) for column in choices]
        else:
            yield [(x % d["in_w"], x == length - 1) for x in range(length)]


def reads(rng: random.Random, d: dict[str, int], count: int) -> Iterator[Read]:
    mode, kernel_h, kernel_w = FeedMode(d["mode"]), d["kernel_h"], d["kernel_w"]
    used = {FeedMode.TAP: 0, FeedMode.WINDOW: kernel_h, FeedMode.SUM: 1}[mode]
    rows: Rows | None = None

    def outside(column: int) -> bool:
        return not 0 <= column < d["in_w"]

    for line in lines(rng, d, count):
        for x, (column, emit) in enumerate(line):
            new_rows = None
            if rows is None or (rng.random() < 0.5 if x == 0 else mode == FeedMode.TAP and rng.random() < 0.1):
                rows = new_rows = random_rows(rng, mode)
            beat = {name: rng.getrandbits(1) for name in PASSED_ON}
            ky = rng.randrange(3)
            beat |= {"offset": rng.getrandbits(14), "column": column, "ky": ky, "emit": int(emit)}
            if mode == FeedMode.TAP:
                bank, fill = rows.bank + ky, [rows.outside[ky] or outside(column)] * 3
            else:
                bank, fill = rows.bank, [out or i >= used or outside(column) for i, out in enumerate(rows.outside)]
            flags = {name: beat[name] for name in PASSED_ON}
            flags |= {"bank": bank % BANKS, "fill": sum(int(bit) << i for i, bit in enumerate(fill))}
            if mode != FeedMode.TAP:
                flags["rows_cut"] = int(any(rows.outside[:used]))
                if emit:
                    of_output = range(column - kernel_w + 1, column + 1) if mode == FeedMode.WINDOW else [column]
                    flags["cols_cut"] = int(any(map(outside, of_output)))
            yield Read(beat, new_rows, flags, [(addr + beat["offset"]) % (1 << 14) for addr in rows.addrs])


def random_fields(rng: random.Random, mode: FeedMode) -> dict[str, int]:
    fields = {"mode": int(mode), "in_w": rng.choice([1, 2, 5, 9, 1023]), "kernel_h": rng.randint(1, 3)}
    fields["kernel_w"] = rng.randint(1, 3)
    if mode == FeedMode.TAP:
        fields |= {"kernel_h": rng.randint(1, 15), "kernel_w": rng.randint(1, 12)}
    return fields


@pytest.mark.parametrize("often", [1.0, 0.6])
def test_reads(often: float) -> None:
    rng = random.Random(5)
    dut = ReadStage()
    pipeline: list[Read | None] = [None] * LATENCY

    async def cycle(ctx: Any, read: Read | None) -> None:
        """Issue a beat or none, and compare the outputs with the one of LATENCY cycles ago."""
        ctx.set(dut.issue, int(read is not None))
        beat = Beat.const(read.beat) if read else random_bits(rng, Beat)
        new_rows = read.new_rows if read else None
        ctx.set(dut.beat, beat)
        ctx.set(dut.rows_first, int(new_rows is not None) if read else rng.getrandbits(1))
        ctx.set(dut.rows, RowPlaces.const(new_rows.fields) if new_rows else random_bits(rng, RowPlaces))
        pipeline.append(read)
        due = pipeline.pop(0)
        assert ctx.get(dut.valid) == (due is not None)
        if due is not None:
            flags = ctx.get(dut.flags)
            assert {name: flags[name] for name in due.flags} == due.flags, due
            assert list(ctx.get(dut.read_addr)) == due.addrs
        await ctx.tick()

    async def bench(ctx: Any) -> None:
        for mode in 12 * list(FeedMode):
            ctx.set(dut.descriptor, random_bits(rng, Descriptor))
            for _ in range(rng.randrange(3)):
                await cycle(ctx, None)
            fields = random_fields(rng, mode)
            ctx.set(dut.descriptor, Descriptor.const(fields))
            await cycle(ctx, None)
            for read in reads(rng, fields, rng.randint(1, 12)):
                while rng.random() >= often:
                    await cycle(ctx, None)
                await cycle(ctx, read)
            for _ in range(LATENCY):
                await cycle(ctx, None)

    run_bench(dut, bench)
