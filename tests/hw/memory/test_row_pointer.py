"""Row pointer: every step of tensors of several depths against the address formula."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.hdl import Module, Signal

from hwgen.hw.isa.descriptor import RowPointer
from hwgen.hw.memory.row_pointer import LastSlot, next_row
from tests.support.python_simulation import run_bench


@pytest.mark.parametrize(("depth", "base", "row_words"), [(4, 100, 7), (8, 0, 8191), (12, 5, 1), (1020, 3, 40)])
def test_walks_all_rows(depth: int, base: int, row_words: int) -> None:
    m = Module()
    slot, addr = Signal(10, init=depth - 2), Signal(14, init=base + (depth - 2) // 4 * row_words)
    following = next_row(slot, addr, Signal(14, init=base), Signal(10, init=depth), Signal(13, init=row_words))
    assert [len(value) for value in following] == [10, 14]
    m.d.sync += [slot.eq(following[0]), addr.eq(following[1])]

    async def walk(ctx: Any) -> None:
        for step in range(2 * depth + 3):
            row = (depth - 2 + step) % depth
            assert (ctx.get(slot), ctx.get(addr)) == (row, base + row // 4 * row_words)
            await ctx.tick()

    run_bench(m, walk)


@pytest.mark.parametrize("depth", [4, 8, 1020])
def test_last_slot_is_known_without_a_comparison(depth: int) -> None:
    """`wraps` in a register: at the pointer's own slot, and at each one behind it, the same walk as with the comparison."""
    m = Module()
    pointer, start = Signal(RowPointer), Signal()
    slot, wraps = Signal(10), Signal()
    last_slot = LastSlot(m, pointer)
    addr = Signal(14)
    following, _ = next_row(slot, addr, pointer.base, pointer.depth, pointer.row_words, wraps)
    m.d.sync += [slot.eq(following), wraps.eq(last_slot.following(slot))]
    with m.If(start):
        m.d.sync += [slot.eq(pointer.slot), wraps.eq(last_slot.at_start)]

    async def walk(ctx: Any) -> None:
        for first in (0, depth // 2, depth - 2, depth - 1):
            ctx.set(pointer, RowPointer.const({"slot": first, "depth": depth}))
            await ctx.tick()
            ctx.set(start, 1)
            await ctx.tick()
            ctx.set(start, 0)
            for step in range(depth + 3):
                assert ctx.get(slot) == (first + step) % depth
                assert ctx.get(wraps) == (ctx.get(slot) == depth - 1)
                await ctx.tick()

    run_bench(m, walk)
