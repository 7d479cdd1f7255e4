"""cocotb test for `tests/sim/test_sdram_model.py`: one rule after the other is broken by a directed sequence."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from hwgen.sim.harness.streams import reset

NOP, ACTIVATE, READ, WRITE, PRECHARGE, REFRESH, MODE = 0b111, 0b011, 0b101, 0b100, 0b010, 0b001, 0b000
ALL = 1 << 10
CL2 = 1 << 9 | 2 << 4 | 3

INIT_PAUSE, INIT_ORDER, MODE_VALUE, MRD, RCD, RP, RC, RAS_MIN, RAS_MAX, RRD, RFC, WR = range(12)
REFRESH_AVERAGE, REFRESH_GAP, CLOSED, OPEN, CONTENTION, WRITE_UNDRIVEN, BURST_CUT, ADDRESS = range(12, 20)
CLOCK_ENABLE, CLOCK_PERIOD = range(20, 22)


class Chip:
    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.known = 0

    async def do(
        self, command: int, ba: int = 0, a: int = 0, then: int = 0, dq: int | None = None, dqm: int = 0
    ) -> None:
        """A command, then `then` cycles without one."""
        dut = self.dut
        dut.command.value, dut.ba.value, dut.a.value, dut.dqm.value = command, ba, a, dqm
        dut.dq.value = dq or 0
        dut.dq_oe.value = int(dq is not None)
        await RisingEdge(dut.clk)
        dut.command.value, dut.dq_oe.value, dut.dqm.value = NOP, 0, 0
        for _ in range(then):
            await RisingEdge(dut.clk)

    async def settle(self) -> None:
        """Everything closed and refreshed, all limits long over."""
        await self.do(NOP, then=14)
        await self.do(PRECHARGE, a=ALL, then=3)
        await self.do(REFRESH, then=14)

    async def broke(self, *rules: int) -> None:
        """The sequence since the last call broke exactly these rules."""
        await RisingEdge(self.dut.clk)
        violations = int(self.dut.violations.value)
        self.known |= sum(1 << rule for rule in rules)
        assert violations == self.known, f"rules {violations ^ self.known:#x} differ, expected new ones {rules}"
        await self.settle()
        await RisingEdge(self.dut.clk)
        assert int(self.dut.violations.value) == self.known, "recovering broke a rule"


@cocotb.test()
async def every_rule(dut: Any) -> None:
    dut.command.value, dut.cke.value, dut.dqm.value, dut.dq_oe.value, dut.dq.value = NOP, 1, 0, 0, 0
    dut.ba.value = dut.a.value = 0
    await reset(dut)
    chip = Chip(dut)
    do = chip.do

    # Initialisation: too soon, before anything was precharged, a mode register too early, an access too early.
    await do(PRECHARGE, 1, then=4)
    chip.known |= 1 << INIT_PAUSE
    await RisingEdge(dut.clk)
    assert int(dut.violations.value) == chip.known
    await do(NOP, then=210)
    await do(REFRESH, then=12)
    await chip.broke(INIT_ORDER)
    for _ in range(6):
        await do(REFRESH, then=10)
    await do(MODE, a=CL2, then=5)
    await chip.broke()

    # Legal at the least distances: ACTIVATE 2 READ 8 PRECHARGE ..., rc 15, rrd 3, write recovery 5, and data.
    await do(ACTIVATE, 0, 1, then=1)
    for column in range(8):
        await do(WRITE, 0, column, dq=0x1100 + column)
    await do(WRITE, 0, 3, dq=0xFFFF, dqm=2)
    await do(NOP, then=4)
    await do(PRECHARGE, 0, then=3)
    await do(ACTIVATE, 0, 1, then=1)
    await do(READ, 0, 4)
    seen = []
    for _ in range(10):
        seen.append(int(dut.q.value))
        await RisingEdge(dut.clk)
    data = [0x1104, 0x1105, 0x1106, 0x1107, 0x1100, 0x1101, 0x1102, 0x11FF]
    # The bus as the edges after the command see it; the memory works in the middle of a cycle.
    assert seen == [0xBAD0, *data, 0xBAD0], [hex(value) for value in seen]
    await do(PRECHARGE, a=ALL, then=3)
    await do(ACTIVATE, 0, 0, then=2)
    await do(ACTIVATE, 1, 0, then=5)
    await do(PRECHARGE, 0, then=3)
    await do(NOP, then=1)
    await do(ACTIVATE, 0, 0, then=8)
    await chip.broke()

    await do(MODE, a=CL2, then=4)
    await do(ACTIVATE, 0, 0, then=8)
    await chip.broke(MRD)
    await do(ACTIVATE, 0, 0, then=0)
    await do(READ, 0, 0, then=8)
    await chip.broke(RCD)
    await do(ACTIVATE, 0, 0, then=14)
    await do(PRECHARGE, 0, then=2)
    await do(ACTIVATE, 0, 0, then=8)
    await chip.broke(RP)
    await do(ACTIVATE, 0, 0, then=8)
    await do(PRECHARGE, 0, then=3)
    await do(ACTIVATE, 0, 0, then=8)
    await chip.broke(RC)
    await do(ACTIVATE, 0, 0, then=7)
    await do(PRECHARGE, 0, then=3)
    await chip.broke(RAS_MIN)
    await do(ACTIVATE, 0, 0, then=300)
    await do(PRECHARGE, 0, then=3)
    await chip.broke(RAS_MAX)
    await do(ACTIVATE, 0, 0, then=1)
    await do(ACTIVATE, 1, 0, then=8)
    await chip.broke(RRD)
    await do(REFRESH, then=9)
    await do(ACTIVATE, 0, 0, then=8)
    await chip.broke(RFC)
    await do(ACTIVATE, 0, 0, then=8)
    await do(WRITE, 0, 0, dq=0, then=3)
    await do(PRECHARGE, 0, then=3)
    await chip.broke(WR)

    await do(READ, 0, 0, then=9)
    await chip.broke(CLOSED)
    await do(ACTIVATE, 0, 0, then=14)
    await do(ACTIVATE, 0, 1, then=8)
    await chip.broke(OPEN)
    await do(ACTIVATE, 0, 0, then=8)
    await do(READ, 0, 0, then=8)
    await do(WRITE, 0, 0, dq=0, then=3)
    await chip.broke(CONTENTION)
    await do(ACTIVATE, 0, 0, then=8)
    await do(WRITE, 0, 0, then=8)
    await chip.broke(WRITE_UNDRIVEN)
    await do(ACTIVATE, 0, 0, then=8)
    await do(READ, 0, 0, then=6)
    await do(READ, 0, 8, then=9)
    await chip.broke(BURST_CUT)
    await do(ACTIVATE, 0, 4, then=8)
    await do(READ, 0, 0, then=9)
    await chip.broke(ADDRESS)
    dut.cke.value = 0
    await do(ACTIVATE, 0, 0, then=8)
    dut.cke.value = 1
    await chip.broke(CLOCK_ENABLE)
    await do(MODE, a=CL2 | 8, then=5)
    await chip.broke(MODE_VALUE)
    await do(MODE, a=CL2 | 1 << 4, then=5)
    await chip.broke(CLOCK_PERIOD)
    await do(MODE, a=CL2, then=5)

    # Refreshes 8 us apart, 7 us on average being asked for with one interval of slack: the eighth is too late.
    for i in range(9):
        await do(REFRESH, then=799)
        chip.known |= (1 << REFRESH_AVERAGE) if i >= 8 else 0
        assert int(dut.violations.value) == chip.known, i
    await do(NOP, then=700)
    await chip.broke(REFRESH_AVERAGE, REFRESH_GAP)
