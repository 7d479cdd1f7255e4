"""Pixel addresses against nested loops over the tensor: place and flags of every array row."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import BANKS
from hwgen.hw.isa.descriptor import Descriptor, RowPointer
from hwgen.hw.output.pixel_addresses import PixelAddresses, _Pixel
from tests.support.python_simulation import run_bench


@dataclass(frozen=True)
class Walk:
    """A pass over `pixels` pixels of a tensor of `depth` row slots, beginning in slot `slot`."""

    pixels: int
    width: int
    chunks: int
    slot: int = 0
    depth: int = 4
    base: int = 0
    pixel_words: int = 1

    @property
    def row_words(self) -> int:
        return self.width * self.pixel_words

    def place(self, pixel: int) -> tuple[int, int]:
        """(bank, word address) of a pixel."""
        row, x = divmod(pixel, self.width)
        slot = (self.slot + row) % self.depth
        return slot % BANKS, self.base + slot // BANKS * self.row_words + x * self.pixel_words

    def array_rows(self, rows: int) -> Iterator[tuple[tuple[int, int] | None, tuple[int, int, int]]]:
        """(place, or None without a pixel; (row_last, tile_end, pass_end)) in the array's order."""
        tiles = ceil_div(self.pixels, rows)
        for tile in range(tiles):
            for chunk in range(self.chunks):
                for row in range(rows):
                    pixel = tile * rows + row
                    last = row == rows - 1
                    tile_end = last and chunk == self.chunks - 1
                    flags = int(last), int(tile_end), int(tile_end and tile == tiles - 1)
                    yield (self.place(pixel) if pixel < self.pixels else None), flags

    def fields(self, rows: int) -> dict[str, int]:
        tiles = ceil_div(self.pixels, rows)
        last_pixels = self.pixels - (tiles - 1) * rows
        return {"out_w": self.width, "tiles": tiles, "last_pixels": last_pixels, "chunks": self.chunks}

    def pointer(self) -> dict[str, int]:
        addr = self.base + self.slot // BANKS * self.row_words
        return {"slot": self.slot, "addr": addr, "base": self.base, "depth": self.depth, "row_words": self.row_words}


WALKS = [
    Walk(pixels=1, width=1, chunks=1),
    Walk(pixels=7, width=1, chunks=2, slot=6, depth=8, base=20),
    Walk(pixels=30, width=5, chunks=1, slot=3, depth=4, base=100, pixel_words=3),
    Walk(pixels=26, width=13, chunks=3, slot=11, depth=12, pixel_words=2),
    Walk(pixels=60, width=12, chunks=2, slot=1, depth=4, base=7, pixel_words=511),
    Walk(pixels=40, width=2, chunks=1, slot=1019, depth=1020, base=5000, pixel_words=4),
]


@pytest.mark.parametrize("rows", [2, 3, 13, 16])
@pytest.mark.parametrize("often", [1.0, 0.4])
def test_every_array_row(rows: int, often: float) -> None:
    rng = random.Random(9)
    dut = PixelAddresses(rows)

    async def bench(ctx: Any) -> None:
        for walk in WALKS:
            ctx.set(dut.descriptor, Descriptor.const(walk.fields(rows)))
            ctx.set(dut.pointer, RowPointer.const(walk.pointer()))
            ctx.set(dut.pixel_words, walk.pixel_words)
            await ctx.tick()
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            for place, flags in walk.array_rows(rows):
                while True:
                    step = rng.random() < often
                    ctx.set(dut.step, int(step))
                    assert ctx.get(dut.missing) == (place is None)
                    assert (ctx.get(dut.row_last), ctx.get(dut.tile_end), ctx.get(dut.pass_end)) == flags
                    if place is not None:
                        assert (ctx.get(dut.bank), ctx.get(dut.pixel)) == place
                    await ctx.tick()
                    if step:
                        break
            ctx.set(dut.step, 0)

    run_bench(dut, bench)


def test_the_last_pixel_is_told_by_a_bit() -> None:
    assert _Pixel["last"].width == 1
