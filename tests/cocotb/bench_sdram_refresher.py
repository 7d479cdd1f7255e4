"""cocotb tests for `tests/hw/memory/test_sdram_refresher.py`: when each command comes, from the numbers of the configuration."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from hwgen.hw.memory.sdram_command import SdramCommand
from hwgen.hw.memory.sdram_config import INIT_REFRESHES
from tests.support.passes import bench_number
from tests.support.stepper import Stepper

RP, RFC, MRD = bench_number("RP"), bench_number("RFC"), bench_number("MRD")
REFRESH_PERIOD, INIT_CYCLES = bench_number("REFRESH_PERIOD"), bench_number("INIT_CYCLES")

INPUTS = ("start_frame", "grant", "closable")
OUTPUTS = ("wanted", "command", "power_up", "all_banks", "done", "initialised", "frame_ready")


class Refreshed(Stepper):
    def __init__(self, dut: Any) -> None:
        super().__init__(dut, INPUTS, OUTPUTS)

    @property
    def commands(self) -> list[tuple[int, SdramCommand]]:
        """Cycle and name of every command so far."""
        found = [(cycle, SdramCommand(seen["command"])) for cycle, seen in enumerate(self.seen)]
        return [(cycle, command) for cycle, command in found if command != SdramCommand.NOP]

    async def initialise(self) -> int:
        """Through the initialisation, which is checked; the cycle of `done`."""
        await self.begin()
        await self.step(closable=1)
        while not self.seen[-1]["done"]:
            await self.step()
            assert self.cycle < 10_000
        first = INIT_CYCLES + RP
        refreshes = [first + (RFC + 1) * i for i in range(INIT_REFRESHES)]
        mode = refreshes[-1] + RFC
        assert self.commands == [
            (INIT_CYCLES, SdramCommand.PRECHARGE),
            *((cycle, SdramCommand.REFRESH) for cycle in refreshes),
            (mode, SdramCommand.MODE),
        ]
        assert self.cycles_of("done") == [mode + MRD]
        assert self.cycles_of("power_up") == list(range(INIT_CYCLES))
        assert self.seen[INIT_CYCLES]["all_banks"]
        assert self.cycles_of("initialised") == self.cycles_of("frame_ready") == self.cycles_of("wanted") == []
        return mode + MRD

    async def until_wanted(self) -> int:
        """The cycle from which a refresh is wanted; the next one can grant it."""
        while not (await self.step())["wanted"]:
            assert len(self.seen) < 100_000
        return self.cycle - 1

    async def refresh(self, closable: int, start_frame: int = -1) -> int:
        """Grant the refresh that is wanted, with banks closable so many cycles after; check it; the cycle of REFRESH.

        `start_frame` strobes so many cycles after REFRESH, if not negative.
        """
        before = len(self.commands)
        granted = self.cycle
        precharge = granted + max(1, closable)
        refresh = precharge + RP
        done = refresh + RFC - 2
        while self.cycle <= done:
            await self.step(
                grant=int(self.cycle == granted),
                closable=int(self.cycle >= granted + closable),
                start_frame=int(start_frame >= 0 and self.cycle == refresh + start_frame),
            )
        await self.step(start_frame=0)
        assert self.commands[before:] == [(precharge, SdramCommand.PRECHARGE), (refresh, SdramCommand.REFRESH)]
        assert self.seen[precharge]["all_banks"] and not self.seen[granted]["all_banks"]
        assert [cycle for cycle in self.cycles_of("done") if cycle >= granted] == [done]
        assert all(self.seen[cycle]["wanted"] for cycle in range(granted, refresh + 1))
        return refresh

    def frame_ready_since(self, cycle: int) -> list[int]:
        return [found for found in self.cycles_of("frame_ready") if found >= cycle]


@cocotb.test()
async def slots(dut: Any) -> None:
    """Refreshes fall due at a fixed rate, however late each is granted and its banks can be closed."""
    refresher = Refreshed(dut)
    rng = random.Random(1)
    done = await refresher.initialise()
    for i in range(12):
        wanted = await refresher.until_wanted()
        assert wanted == done + 1 + REFRESH_PERIOD * (i + 1)
        assert refresher.seen[-1]["initialised"]
        await refresher.steps(rng.choice([0, 0, 1, 5, 20]))
        await refresher.refresh(rng.choice([0, 1, 2, 5, 12]))
        assert not refresher.seen[-1]["wanted"]
    assert refresher.cycles_of("frame_ready") == []


@cocotb.test()
async def frames(dut: Any) -> None:
    """A frame that starts at any moment gets its refresh at once, and the period counts from there."""
    refresher = Refreshed(dut)
    rng = random.Random(2)
    await refresher.initialise()
    for _ in range(12):
        await refresher.steps(rng.randrange(REFRESH_PERIOD // 2))
        await refresher.step(start_frame=1)
        wanted = refresher.cycle
        await refresher.step(start_frame=0)
        assert refresher.seen[wanted]["wanted"]
        refresh = await refresher.refresh(rng.choice([0, 3]))
        assert refresher.frame_ready_since(wanted) == [refresh + RFC - 1]
        assert await refresher.until_wanted() == refresh + REFRESH_PERIOD + 1
        await refresher.refresh(0)
        assert refresher.frame_ready_since(wanted) == [refresh + RFC - 1]


@cocotb.test()
async def start_frame_during_a_refresh(dut: Any) -> None:
    """From the cycle of REFRESH on it gets one of its own."""
    refresher = Refreshed(dut)
    await refresher.initialise()
    for late in range(RFC - 1):
        wanted = await refresher.until_wanted()
        await refresher.refresh(0, start_frame=late)
        assert refresher.seen[-1]["wanted"] and refresher.frame_ready_since(wanted) == []
        refresh = await refresher.refresh(0)
        assert refresher.frame_ready_since(wanted) == [refresh + RFC - 1]
