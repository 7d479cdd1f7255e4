"""Data of answers: every command's unit, fetched and given byte by byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from amaranth.hdl import Const

from hwgen.hw.host.answer_data import AnswerData
from hwgen.sim.harness.runner import simulate

IDENTITY = 0x01_0186A0_C0FFEE42


@pytest.mark.parametrize("counter_latency", [1, 3])
def test_answer_data(counter_latency: int, bench_dir: Path) -> None:
    simulate(
        AnswerData(identity=Const(IDENTITY, 64), counter_latency=counter_latency),
        name=f"answer_data_{counter_latency}",
        test_module="tests.cocotb.bench_answer_data",
        build_dir=bench_dir,
        env={"IDENTITY": str(IDENTITY), "COUNTER_LATENCY": str(counter_latency)},
    )
