"""Window: kernels in blocks of few columns, which come as soon as they may after late ones."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np

from hwgen.hw.window.partial_sums import PartialSums
from hwgen.sim.elements.window import WindowPass
from hwgen.sim.harness.streams import never, reset
from tests.support.window_bench import Case, Driver, load, parameters_of, tensor


@cocotb.test()
async def late_columns_of_short_blocks(dut: Any) -> None:
    """An output's column comes as soon as it may after the same one of the block before: the kept sum is there."""
    rng = np.random.default_rng(5)
    dut.start.value = 0
    await reset(dut)
    driver = Driver(dut, 5)
    held = 0
    for kernel_w, out_w in ((1, 2), (1, 3), (2, 1), (2, 3), (3, 2), (1, 5), (3, 4)):
        one = WindowPass(
            tensor(rng, 6, 9, 2), kernel=(2, kernel_w), out_rows=2, out_w=out_w, blocks=(2, 2), step=(2, kernel_w)
        )
        case = Case(one, parameters_of(rng, one), 0)
        await load(dut, [case], driver.table)
        count = one.columns_per_block

        def pattern(count: int = count) -> Any:
            while True:  # all but the first column of every other block come late, the next block at once
                yield from [False, *[True] * 9, *[False] * (count - 1), *[False] * count]

        _, columns, taken, _ = await driver.run(case, pattern, never, wait=0)
        gaps = [taken[i] - taken[i - 1] for i, column in enumerate(columns) if column.start and not column.opens]
        assert min(gaps) == (PartialSums.DISTANCE if count < PartialSums.DISTANCE else 1), (count, gaps)
        held += count < PartialSums.DISTANCE
    assert held == 5
