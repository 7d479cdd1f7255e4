"""cocotb tests for `tests/hw/memory/test_sdram.py`: random traffic against the timing model and a plain memory."""

from __future__ import annotations

import os
import random
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.sim.harness.streams import reset
from hwgen.sim.timing.sdram import SdramTiming
from tests.support.sdram_configs import BROKEN, CONFIGS, DEPTH

CONFIG = {**CONFIGS, **BROKEN}[os.environ.get("SDRAM_CONFIG", "100")]
COLUMN, BANKS = CONFIG.part.column_bits, 1 << CONFIG.part.bank_bits
ROW = COLUMN + CONFIG.part.bank_bits  # lowest bit of a row's number in an address


class Traffic:
    """Drives both command streams by hand and records what happens in which cycle."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.cycle = 0
        self.queue: list[tuple[int, bool, int, int, int]] = []  # earliest cycle, is write, address, data, enable
        self.shown: list[tuple[int, bool, int]] = []  # cycle of valid, is write, address
        self.taken: list[int] = []
        self.data: list[tuple[int, int]] = []  # cycle, halfword
        self.ready_at: int | None = None

    async def step(self) -> None:
        dut = self.dut
        showing, is_write = bool(self.queue) and self.queue[0][0] <= self.cycle, False
        if showing:
            _, is_write, addr, value, enable = self.queue[0]
            if len(self.shown) == len(self.taken):
                self.shown.append((self.cycle, is_write, addr))
            dut.read__payload.value = addr
            dut.write__payload.value = addr | value << 24 | enable << 40
        dut.read__valid.value = int(showing and not is_write)
        dut.write__valid.value = int(is_write)
        await ReadOnly()
        if showing and int((dut.write__ready if is_write else dut.read__ready).value):
            self.taken.append(self.cycle)
            self.queue.pop(0)
        if int(dut.data_valid.value):
            self.data.append((self.cycle, int(dut.data.value)))
        frame_ready = int(dut.frame_ready.value)
        await RisingEdge(dut.clk)
        self.cycle += 1
        dut.start_frame.value = 0
        if frame_ready:
            self.ready_at = self.cycle - 1

    async def align(self) -> None:
        """Start a frame; afterwards cycle 0 was the one of `frame_ready`."""
        self.ready_at = None
        self.dut.start_frame.value = 1
        while self.ready_at is None:
            await self.step()
            assert self.cycle < 10_000_000
        self.cycle = 1
        self.shown, self.taken, self.data = [], [], []


async def begin(dut: Any) -> Traffic:
    dut.read__valid.value = dut.write__valid.value = dut.start_frame.value = 0
    await reset(dut)
    traffic = Traffic(dut)
    while not int(dut.initialised.value):
        await traffic.step()
        assert traffic.cycle < 1000
    return traffic


def linear(rng: random.Random, start: int) -> list[tuple[int, bool, int, int, int]]:
    return [(start, False, 8 * i, 0, 0) for i in range(400)]


def mixed(rng: random.Random, start: int, count: int = 700) -> list[tuple[int, bool, int, int, int]]:
    """Reads and writes in few rows of all banks, with pauses, so that hits, conflicts and closed banks all occur."""
    items, cycle = [], start
    for _ in range(count):
        cycle += rng.choice([0, 0, 0, 0, 1, 2, 3, 5, 9, 14, 40])
        if rng.random() < 0.01:
            cycle += rng.randrange(1500)
        addr = rng.randrange(4) << ROW | rng.randrange(BANKS) << COLUMN | rng.randrange(1 << COLUMN)
        items.append((cycle, rng.random() < 0.4, addr, rng.getrandbits(16), rng.getrandbits(2)))
    return items


def conflicts(rng: random.Random, start: int) -> list[tuple[int, bool, int, int, int]]:
    """Another row of the same bank every time, reads and writes."""
    return [(start, rng.random() < 0.5, (i % 7) << ROW, rng.getrandbits(16), 3) for i in range(200)]


@cocotb.test()
async def cycles_and_data(dut: Any) -> None:
    rng = random.Random(5)
    traffic = await begin(dut)
    memory: dict[int, int] = {}
    fill = [(0, True, addr, rng.getrandbits(16), 3) for addr in range(0, 4 << ROW, 5)]
    patterns = {"fill": None, "linear": linear, "mixed": mixed, "conflicts": conflicts, "mixed again": mixed}
    for name, pattern in patterns.items():
        await traffic.align()
        model = SdramTiming(CONFIG)
        items = fill if pattern is None else pattern(rng, 1 + rng.randrange(30))
        traffic.queue = list(items)
        while traffic.queue:
            await traffic.step()
        for _ in range(30):
            await traffic.step()
        expected = []
        for i, (cycle, is_write, addr) in enumerate(traffic.shown):
            if is_write:
                access = model.write(cycle, addr)
                _, _, _, value, enable = items[i]
                mask = 0xFF * (enable & 1) | 0xFF00 * (enable >> 1)
                if enable == 3 or addr in memory:
                    memory[addr] = memory.get(addr, 0) & ~mask | value & mask
            else:
                access = model.read(cycle, addr)
                base = addr & ~7
                expected += [(access.first + j, memory.get(base + j)) for j in range(8)]
            assert traffic.taken[i] == access.taken, (name, i, items[i])
        assert [cycle for cycle, _ in traffic.data] == [cycle for cycle, _ in expected], name
        pairs = zip(traffic.data, expected, strict=True)
        wrong = [(got, want) for got, want in pairs if want[1] is not None and got != want]
        assert not wrong, (name, len(wrong), wrong[:5])
        assert sum(value is not None for _, value in expected) >= len(expected) // 8 or name in ("fill", "linear")
        if name == "linear":
            gaps = [b - a for (a, _), (b, _) in zip(traffic.data, traffic.data[1:], strict=False)]
            lost = CONFIG.rp + CONFIG.rfc + CONFIG.rcd + 2
            assert set(gaps) == {1, lost}, set(gaps)
    assert int(dut.violations.value) == 0


@cocotb.test()
async def frames_at_any_moment(dut: Any) -> None:
    """Whatever went on before, the cycles after `frame_ready` are the same."""
    rng = random.Random(6)
    traffic = await begin(dut)
    items = mixed(random.Random(7), 1, count=80)
    seen = []
    for i in range(40):
        traffic.cycle = 0
        traffic.shown, traffic.taken = [], []
        traffic.queue = mixed(rng, 0, count=10)
        due_phase = rng.randrange(CONFIG.refresh_period) if i % 2 else rng.randrange(60)
        while traffic.cycle < due_phase or traffic.queue:
            await traffic.step()
        await traffic.align()
        traffic.queue = [item for item in items if not item[1]]
        while traffic.queue:
            await traffic.step()
        for _ in range(30):
            await traffic.step()
        seen.append([cycle for cycle, _ in traffic.data])
    assert all(run == seen[0] for run in seen)
    assert int(dut.violations.value) == 0


@cocotb.test()
async def start_frame_during_a_refresh(dut: Any) -> None:
    """A frame that starts in any cycle around a refresh still gets a refresh of its own and the same phase."""
    traffic = await begin(dut)
    phases = set()
    await traffic.align()
    for offset in range(-4, CONFIG.rp + CONFIG.rfc + 6):
        due = CONFIG.refresh_period + 2 - CONFIG.rfc
        while traffic.cycle < due + offset:
            await traffic.step()
        await traffic.align()
        traffic.queue = [(1, False, 0, 0, 0)] + [(due - 3, False, 8, 0, 0)] * 3
        while traffic.queue:
            await traffic.step()
        phases.add(tuple(traffic.taken))
        await traffic.align()
    model = SdramTiming(CONFIG)
    expected = tuple(model.read(cycle, addr).taken for cycle, addr in [(1, 0)] + [(due - 3, 8)] * 3)
    assert phases == {expected}


@cocotb.test()
async def idle_refreshes(dut: Any) -> None:
    """Without traffic the refreshes come at the predicted rate."""
    traffic = await begin(dut)
    await traffic.align()
    for _ in range(CONFIG.refresh_period // 2):
        await RisingEdge(dut.clk)
    before = int(dut.refreshes.value)
    for _ in range(20 * CONFIG.refresh_period):
        await RisingEdge(dut.clk)
    assert int(dut.refreshes.value) - before == 20
    assert int(dut.violations.value) == 0
    assert DEPTH >= 7 << ROW
