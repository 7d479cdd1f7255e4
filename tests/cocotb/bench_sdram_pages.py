"""cocotb tests for `tests/hw/memory/test_sdram_pages.py`: accesses as the scheduler makes them, with pauses of any length."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from tests.support.passes import bench_number
from tests.support.stepper import Stepper

BANKS, ROW_BITS = 1 << bench_number("BANK_BITS"), bench_number("ROW_BITS")

INPUTS = ("bank", "row", "lookup", "activate", "precharge", "access", "is_write", "close_all")
OUTPUTS = ("hit", "conflict", "elsewhere")


class Pages(Stepper):
    """The table, and what it should hold: {bank: row}."""

    def __init__(self, dut: Any, seed: int) -> None:
        super().__init__(dut, INPUTS, OUTPUTS)
        self.rng = random.Random(seed)
        self.rows: dict[int, int] = {}
        self.last: tuple[int, bool] | None = None

    async def pulse(self, name: str, **driven: int) -> None:
        await self.step(**{name: 1}, **driven)
        getattr(self.dut, name).value = 0

    async def pause(self) -> None:
        await self.steps(self.rng.choice([0, 0, 1, 3]))

    async def access(self, bank: int, row: int, write: bool) -> None:
        """Look up, close and open what must be, access; every output is checked in every cycle where it means something."""
        await self.pulse("lookup", bank=bank, row=row)
        opened = self.rows.get(bank)
        seen = await self.step()
        assert (seen["hit"], seen["conflict"]) == (opened == row, opened is not None)
        if self.last is not None:
            assert seen["elsewhere"] == (self.last[0] != bank and not self.last[1])
        elsewhere = seen["elsewhere"]
        if opened not in (None, row):
            await self.pause()
            await self.pulse("precharge")
            assert self.seen[-1]["conflict"]
            seen = await self.step()
            assert (seen["hit"], seen["conflict"], seen["elsewhere"]) == (0, 0, elsewhere)
        if opened != row:
            await self.pause()
            await self.pulse("activate")
            assert not self.seen[-1]["hit"]
            assert (await self.step())["hit"]
            self.rows[bank] = row
        await self.pause()
        await self.pulse("access", is_write=int(write))
        assert self.seen[-1]["hit"] and self.seen[-1]["elsewhere"] == elsewhere
        self.last = bank, write

    async def close(self) -> None:
        await self.pulse("close_all")
        self.rows.clear()


@cocotb.test()
async def random_accesses(dut: Any) -> None:
    pages = Pages(dut, 1)
    await pages.begin()
    rng = pages.rng
    for _ in range(1000):
        await pages.access(
            rng.randrange(BANKS), rng.choice([0, 1, 5, 1 << ROW_BITS - 1, (1 << ROW_BITS) - 1]), rng.random() < 0.4
        )
        if rng.random() < 0.03:
            await pages.close()


@cocotb.test()
async def every_bit_of_a_row(dut: Any) -> None:
    """Rows that differ in one bit are different pages; each bank has a row of its own."""
    pages = Pages(dut, 2)
    await pages.begin()
    for bank in range(BANKS):
        for bit in range(ROW_BITS):
            await pages.access(bank, 0, False)
            await pages.access(bank, 1 << bit, False)
    assert len(pages.rows) == BANKS
    for bank in range(BANKS):
        await pages.access(bank, 1 << ROW_BITS - 1, True)


@cocotb.test()
async def closed_at_first(dut: Any) -> None:
    """After reset, and after `close_all`, no bank has a page, not even the row that the registers hold."""
    pages = Pages(dut, 3)
    await pages.begin()
    for _ in range(3):
        for bank in range(BANKS):
            await pages.access(bank, 0, False)
        await pages.close()
