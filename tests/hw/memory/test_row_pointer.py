"""Row pointer: every step of tensors of several depths against the address formula."""

from __future__ import annotations

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from hwgen.hw.memory.row_pointer import next_row


@pytest.mark.parametrize(("depth", "base", "row_words"), [(4, 100, 7), (8, 0, 8191), (12, 5, 1), (1020, 3, 40)])
def test_walks_all_rows(depth: int, base: int, row_words: int) -> None:
    m = Module()
    slot, addr = Signal(10, init=depth - 2), Signal(14, init=base + (depth - 2) // 4 * row_words)
    following = next_row(slot, addr, Signal(14, init=base), Signal(10, init=depth), Signal(13, init=row_words))
    assert [len(value) for value in following] == [10, 14]
    m.d.sync += [slot.eq(following[0]), addr.eq(following[1])]

    async def walk(context: object) -> None:
        for step in range(2 * depth + 3):
            row = (depth - 2 + step) % depth
            assert (context.get(slot), context.get(addr)) == (row, base + row // 4 * row_words)  # type: ignore[attr-defined]
            await context.tick()  # type: ignore[attr-defined]

    simulator = Simulator(m)
    simulator.add_clock(1e-8)
    simulator.add_testbench(walk)
    simulator.run()
