"""cocotb test for `tests/test_sdram.py`: ordinary traffic must break exactly the rule that the controller does not know."""

from __future__ import annotations

import os
import random
from typing import Any

import cocotb

from tests.benches.bench_sdram import begin, mixed



@cocotb.test()
async def breaks_the_rule(dut: Any) -> None:
    rule = int(os.environ["SDRAM_RULE"])
    traffic = await begin(dut)
    traffic.queue = mixed(random.Random(3), 0, count=400)
    while traffic.queue:
        await traffic.step()
    violations = int(dut.violations.value)
    assert violations == 1 << rule, f"rules {violations:#x} were broken instead of {rule}"
