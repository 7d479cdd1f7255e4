"""Turns of the fetch: each beat in the first cycle in which the output, the pixel ring and the window have room for it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from hwgen.hw.fetch.turns import PixelCredit, Turns
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from tests.support.port_widths import port_widths
from tests.support.python_simulation import random_bits, run_bench

DISTANCE = 9
"""Least cycles from a subgroup's first column to the next one's."""


@dataclass
class Pass:
    """A pass, and what has happened in it in the cycles before the present one; cycles count from `begin`."""

    mode: FeedMode
    to_rows: int
    out_w: int
    ring_pixels: int
    beats: int = 200
    issued: int = 0
    returned: int = 0
    tiles_freed: int = 0
    rows: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    def missing(self, now: int, config: CoreConfig, depth: int, row_first: int, start: int) -> list[str]:
        """What a beat has to wait for."""
        found = []
        if self.issued - self.returned >= depth:
            found.append("output")
        feeds_ring = self.mode != FeedMode.SUM and not self.to_rows
        counted = sum(row < now - 1 for row in self.rows)
        room = self.ring_pixels + self.tiles_freed * config.rows - counted * self.out_w
        if row_first and feeds_ring and room < self.out_w:
            found.append("pixels")
        if start and self.starts and now - self.starts[-1] < DISTANCE:
            found.append("distance")
        return found

    def free_tile(self, config: CoreConfig) -> bool:
        """Whether a whole tile of pixels is in the ring."""
        return (self.tiles_freed + 1) * config.rows <= len(self.rows) * self.out_w


def passes(rows: int) -> list[Pass]:
    return [
        Pass(FeedMode.WINDOW, 0, rows + 1, 3 * rows),
        Pass(FeedMode.TAP, 0, 1, rows),
        Pass(FeedMode.SUM, 1, 1023, 0),
        Pass(FeedMode.TAP, 0, min(1023, 64 * rows), 8191 // rows * rows, beats=80),
        Pass(FeedMode.WINDOW, 1, 1023, 0),
        Pass(FeedMode.WINDOW, 0, 2 * rows, 2 * rows),
        Pass(FeedMode.SUM, 0, 1023, 0),
    ]


@pytest.mark.parametrize(("rows", "depth"), [(2, 4), (13, 16), (16, 16)])
def test_turns(rows: int, depth: int) -> None:
    rng = random.Random(rows)
    config = CoreConfig(rows=rows)
    dut = Turns(config, depth)
    waits: Counter[str] = Counter()

    async def run(ctx: Any, one: Pass) -> None:
        fields = {"mode": one.mode, "to_rows": one.to_rows, "out_w": one.out_w, "ring_pixels": one.ring_pixels}
        ctx.set(dut.descriptor, Descriptor.const(fields))
        await ctx.tick().repeat(2)
        ctx.set(dut.begin, 1)
        await ctx.tick()
        ctx.set(dut.begin, 0)
        now, offered, flags = 0, False, (0, 0)
        often = returns = frees = 1.0
        while one.issued < one.beats or one.returned < one.issued:
            now += 1
            if now % 50 == 1:
                often, returns, frees = (rng.choice([0.0, 0.3, 1.0]) for _ in range(3))
                often = max(often, 0.2)
                if one.issued == one.beats:
                    returns = 1.0
            if not offered:
                # What goes with no beat may be anything.
                flags = (int(rng.random() < 0.2), int(one.mode != FeedMode.TAP and rng.random() < 0.2))
                offered = one.issued < one.beats and rng.random() < often
            returned = one.issued > one.returned and rng.random() < returns
            freed = one.free_tile(config) and rng.random() < frees
            for port, value in zip((dut.row_first, dut.start), flags, strict=True):
                ctx.set(port, value)
            ctx.set(dut.offered, int(offered))
            ctx.set(dut.returned, int(returned))
            ctx.set(dut.tile_free, int(freed))
            missing = one.missing(now, config, depth, *flags)
            issue = ctx.get(dut.issue)
            assert issue == (offered and not missing), f"cycle {now} of {one}: {missing}"
            if offered and len(missing) == 1:
                waits[missing[0]] += 1
            if issue:
                offered = False
                one.issued += 1
                one.rows += [now] * flags[0]
                one.starts += [now] * flags[1]
            one.returned += returned
            one.tiles_freed += freed
            await ctx.tick()
        for port in (dut.offered, dut.returned, dut.tile_free):
            ctx.set(port, 0)

    async def bench(ctx: Any) -> None:
        for one in passes(rows):
            await run(ctx, one)
            ctx.set(dut.descriptor, random_bits(rng, Descriptor))
            await ctx.tick().repeat(rng.randint(1, 3))

    run_bench(dut, bench)
    assert set(waits) == {"output", "pixels", "distance"} and min(waits.values()) > 30, waits


def test_room_is_yes_or_no() -> None:
    assert port_widths(PixelCredit(13))["room"] == 1


def test_a_beat_in_every_cycle() -> None:
    """With a sink that takes beats a few cycles after their turn nothing is in the way."""
    dut = Turns(CoreConfig(), 16)

    async def bench(ctx: Any) -> None:
        ctx.set(dut.descriptor, Descriptor.const({"mode": FeedMode.TAP, "out_w": 8, "ring_pixels": 416}))
        await ctx.tick().repeat(2)
        ctx.set(dut.begin, 1)
        await ctx.tick()
        ctx.set(dut.begin, 0)
        ctx.set(dut.offered, 1)
        for cycle in range(200):
            ctx.set(dut.row_first, int(cycle % 8 == 0))
            ctx.set(dut.returned, int(cycle >= 15))
            assert ctx.get(dut.issue)
            await ctx.tick()

    run_bench(dut, bench)


def test_a_pass_knows_nothing_of_the_one_before() -> None:
    """A subgroup begins, and a row takes the whole ring, at once after `begin`, whatever was before it."""
    dut = Turns(CoreConfig(rows=4), 16)

    async def bench(ctx: Any) -> None:
        for _ in range(3):
            ctx.set(dut.descriptor, Descriptor.const({"mode": FeedMode.WINDOW, "out_w": 8, "ring_pixels": 8}))
            await ctx.tick().repeat(2)
            ctx.set(dut.begin, 1)
            await ctx.tick()
            ctx.set(dut.begin, 0)
            for port in (dut.offered, dut.row_first, dut.start):
                ctx.set(port, 1)
            assert ctx.get(dut.issue)
            await ctx.tick()
            assert not ctx.get(dut.issue)
            ctx.set(dut.offered, 0)

    run_bench(dut, bench)
