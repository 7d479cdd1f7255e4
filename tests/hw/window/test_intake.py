"""Intake of the window: the first cycle in which a column can be taken, and what goes along with it from then on."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import pytest

from hwgen.hw.fetch.column import column_layout
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import Descriptor, FeedMode, SumOp, WindowOp
from hwgen.hw.window.cycles import MAX_AT, result_at, result_credits
from hwgen.hw.window.intake import ColumnFlags, Intake
from tests.support.python_simulation import random_bits, run_bench

SHORT_BLOCK = 5
"""Columns from which on a block is long enough; in a shorter one the next block waits so many cycles after a sum that is kept."""


@dataclass(frozen=True)
class Pass:
    """A pass of `groups` subgroups with `blocks` blocks each; in SUM a block is the whole map."""

    mode: FeedMode
    op: int
    columns: int
    groups: int
    kernel_w: int = 1
    stride: int = 1
    blocks: int = 1

    def column_flags(self) -> Iterator[dict[str, int]]:
        for group in range(self.groups):
            for block in range(self.blocks):
                for x in range(self.columns):
                    whole = x - self.kernel_w + 1
                    due = whole >= 0 and whole % self.stride == 0
                    end = x == self.columns - 1
                    yield {
                        "start": int(x == 0),
                        "emit": int(end if self.mode == FeedMode.SUM else due),
                        "last": int(end and block == self.blocks - 1 and group == self.groups - 1),
                        "opens": int(block == 0),
                        "closes": int(block == self.blocks - 1),
                    }


@dataclass
class Model:
    """What must be seen in a cycle, of what has been seen in the ones before."""

    config: CoreConfig
    promised: int = 0
    kept: int | None = None
    """Cycle in which the last column whose sum is kept was taken."""
    fresh: bool = True

    def missing(self, now: int, one: Pass, column: dict[str, int], parameters_ready: bool) -> list[str]:
        """What a column has to wait for."""
        found = []
        if column["start"] and not parameters_ready:
            found.append("parameters")
        if column["emit"] and self.promised >= result_credits(self.config):
            found.append("room")
        short = self.kept is not None and one.columns < SHORT_BLOCK and now - self.kept < SHORT_BLOCK
        if column["start"] and short:
            found.append("kept sums")
        return found

    def flags(self, one: Pass, column: dict[str, int]) -> dict[str, int]:
        """Of a column that is taken; changes the state."""
        blocks = self.config.partial_depth > 0
        kept = bool(blocks and column["emit"] and not column["closes"])
        striped = self.config.striped_sums
        flags = {
            "taken": 1,
            "begin": column["start"],
            "emit": int(column["emit"] and not kept),
            "last": column["last"],
            "rows_cut": column["rows_cut"],
            "cols_cut": column["cols_cut"],
            "store": int(kept),
            "add": int(blocks and column["emit"] and not column["opens"]),
            "first": int(striped and self.fresh),
            "go_on": int(striped and column["start"] and one.mode == FeedMode.SUM and one.op == SumOp.GO_ON),
        }
        self.fresh = False
        return flags


STROBES = ("taken", "begin", "emit", "store", "first")
"""Flags that are 0 where no column was taken; the others have no meaning then."""


def packed(flags: dict[str, int]) -> tuple[int, int]:
    """The flags as bits of `ColumnFlags`, and which bits these are."""
    bits = [(ColumnFlags[name].offset, value) for name, value in flags.items()]
    return sum(value << offset for offset, value in bits), sum(1 << offset for offset, _ in bits)


NO_COLUMN = packed(dict.fromkeys(STROBES, 0))


class Flow:
    """Flags of the columns taken in the present cycle and the ones before it, as many as are on their way."""

    def __init__(self, length: int) -> None:
        self._columns = deque([(NO_COLUMN, NO_COLUMN)] * length, length)

    def append(self, one: Pass, flags: dict[str, int] | None) -> None:
        """A cycle with a column taken, or None."""
        if flags is None:
            self._columns.appendleft((NO_COLUMN, NO_COLUMN))
            return
        is_max = one.mode != FeedMode.SUM and one.op == WindowOp.MAX
        self._columns.appendleft((packed(flags), packed({**flags, "emit": 0, "begin": 0} if is_max else flags)))

    def compare(self, flow: int) -> None:
        """Maxima leave at MAX_AT, everything else at the end."""
        for age, (early, late) in enumerate(self._columns):
            value, known = late if age > MAX_AT else early
            got = flow >> age * ColumnFlags.size
            assert (got ^ value) & known == 0, f"element {age}: {got & known:#b}, not {value:#b} of {known:#b}"


def passes(config: CoreConfig) -> list[Pass]:
    found = [
        Pass(FeedMode.WINDOW, WindowOp.MAC, columns=9, groups=10, kernel_w=3, stride=2),
        Pass(FeedMode.WINDOW, WindowOp.MAX, columns=7, groups=12, kernel_w=2),
        Pass(FeedMode.SUM, SumOp.GO_ON, columns=5, groups=30),
        Pass(FeedMode.SUM, SumOp.ZERO, columns=1, groups=60),
        Pass(FeedMode.WINDOW, WindowOp.AVERAGE, columns=1, groups=60),
        # In a pass of SUM the operation is another one's number.
        Pass(FeedMode.SUM, WindowOp.MAX, columns=2, groups=20),
    ]
    if config.partial_depth:
        found += [Pass(FeedMode.WINDOW, WindowOp.MAC, columns, 6, blocks=4) for columns in (1, 2, 4, 5, 11)]
        # There is no room at the first column of a subgroup's first block.
        found += [Pass(FeedMode.WINDOW, WindowOp.MAC, result_credits(config) // 2, 4, blocks=2)]
        found += [Pass(FeedMode.WINDOW, WindowOp.MAC, 4, 6, kernel_w=3, stride=3, blocks=3)]
    return found


PHASES = [(1.0, 0.5, 0.0), (1.0, 1.0, 0.0), (1.0, 1.0, 0.3), (0.6, 0.5, 0.9), (1.0, 0.2, 1.0), (1.0, 1.0, 1.0)]
"""How often there are columns and parameters, and results leave, in turn."""

PHASE_CYCLES = 45


class Driver:
    """Columns, parameters and results of an intake, cycle by cycle."""

    def __init__(self, dut: Intake, config: CoreConfig, rng: random.Random) -> None:
        self.dut, self.config, self.rng = dut, config, rng
        self.layout = column_layout(config.window_lanes, config.partial_depth > 0)
        self.model = Model(config)
        self.flow = Flow(1 + result_at(config))
        self.rows: list[int] | None = None
        self.waits: Counter[str] = Counter()
        self.cycle = 0

    async def step(
        self, ctx: Any, one: Pass, column: dict[str, int] | None, parameters_ready: bool, returns: float
    ) -> bool:
        """One cycle, with a column offered or none; whether it was taken."""
        dut, rng, model = self.dut, self.rng, self.model
        rows = [rng.getrandbits(8 * self.config.window_lanes) for _ in range(3)]
        payload = random_bits(rng, self.layout)
        if column is not None:
            known = {name: column[name] for name, _ in self.layout if name != "rows"}
            payload = self.layout.const({"rows": rows, **known})
        returned = model.promised > 0 and rng.random() < returns
        ctx.set(dut.i.payload, payload)
        ctx.set(dut.i.valid, int(column is not None))
        ctx.set(dut.parameters_ready, int(parameters_ready))
        ctx.set(dut.returned, int(returned))

        taken = None
        if column is not None:
            missing = model.missing(self.cycle, one, column, parameters_ready)
            assert ctx.get(dut.i.ready) == (not missing), f"cycle {self.cycle} of {one}: {missing}"
            if len(missing) == 1:
                self.waits[missing[0]] += 1
            if not missing:
                taken = model.flags(one, column)
        if self.rows is not None:
            assert list(ctx.get(dut.rows)) == self.rows
        self.rows = rows if taken else None
        self.flow.append(one, taken)
        self.flow.compare(ctx.get(dut.flow.as_value()))
        if taken:
            model.promised += taken["emit"]
            model.kept = self.cycle if taken["store"] else model.kept
        model.promised -= returned
        self.cycle += 1
        await ctx.tick()
        return taken is not None

    async def run(self, ctx: Any, one: Pass) -> None:
        rng, dut = self.rng, self.dut
        ctx.set(dut.descriptor, Descriptor.const({"mode": one.mode, "op": one.op, "columns": one.columns}))
        ctx.set(dut.start, 1)
        await self.step(ctx, one, None, bool(rng.getrandbits(1)), 0.5)
        ctx.set(dut.start, 0)
        self.model.fresh = True
        offered: dict[str, int] | None = None
        columns = list(one.column_flags())
        phases, begun = cycle(PHASES), 0
        while columns or offered:
            if begun % PHASE_CYCLES == 0:
                often, ready, returns = next(phases)
            begun += 1
            if offered is None and rng.random() < often:
                offered = columns.pop(0) | {"rows_cut": rng.getrandbits(1), "cols_cut": rng.getrandbits(1)}
            if await self.step(ctx, one, offered, rng.random() < ready, returns):
                offered = None
        # The last result has left before the next pass: maxima earlier than sums.
        left = MAX_AT if one.op == WindowOp.MAX and one.mode != FeedMode.SUM else result_at(self.config)
        for _ in range(left + 1):
            await self.step(ctx, one, None, bool(rng.getrandbits(1)), 1.0)
        while self.model.promised:
            await self.step(ctx, one, None, bool(rng.getrandbits(1)), 1.0)


CONFIGS = {
    "plain": CoreConfig(),
    "table": CoreConfig(window_lanes=8, window_table=True),
    "striped": CoreConfig(striped_sums=True),
    "blocks": CoreConfig(row_steps=True, partial_depth=512, striped_sums=True),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_intake(name: str) -> None:
    config, rng = CONFIGS[name], random.Random(name)
    dut = Intake(config)
    driver = Driver(dut, config, rng)

    async def bench(ctx: Any) -> None:
        for one in passes(config):
            await driver.run(ctx, one)

    run_bench(dut, bench)
    causes = {"parameters", "room", "kept sums"} if config.partial_depth else {"parameters", "room"}
    assert set(driver.waits) == causes and min(driver.waits.values()) > 10, driver.waits
