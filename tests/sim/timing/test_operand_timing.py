"""Passes with an operand: exact cycles in the RTL where reads are refused, and the closed form where none can be late."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from hwgen.hw.isa.config import BANKS, CoreConfig
from hwgen.hw.isa.descriptor_fields import DescriptorFields
from hwgen.hw.memory.activation_memory import port_b_latency
from hwgen.sim.elements.operand_reads import Consumer, OperandReads, may_be_late
from hwgen.sim.elements.output import SegmentWay, prompt_way
from hwgen.sim.harness.runner import MODELS, simulate
from tests.support.operand_passes import chunk_times, operand_pass
from tests.support.operand_path import OperandPath
from tests.support.passes import bench_environment


@pytest.mark.parametrize(("rows", "cols", "lanes"), [(7, 12, 4), (3, 8, 0)])
def test_cycles_on_narrow_maps(rows: int, cols: int, lanes: int, bench_dir: Path) -> None:
    shape: dict[str, Any] = {"rows": rows, "cols": cols, "combine_lanes": lanes, "activation_depth": 1024}
    simulate(
        OperandPath(CoreConfig(**shape)),
        name=f"operand-path-{rows}x{cols}",
        test_module="tests.cocotb.bench_operand_path",
        build_dir=bench_dir,
        env=bench_environment(shape),
        sources=[MODELS / "ecp5" / "DP16KD.v"],
    )


def cycles(d: DescriptorFields, config: CoreConfig, way: SegmentWay, seed: int) -> tuple[list[int], int]:
    """When segments are taken and when the writer takes the last one."""
    taken: list[int] = []
    times = chunk_times(random.Random(seed), d, config.rows)
    for number, first in enumerate(times):
        last_tile = number >= len(times) - d.array.chunks
        way.take(taken, first, d.array.last_pixels if last_tile else config.rows)
    return taken, way.last_written


CONFIGS = [(13, 12, 4), (13, 12, 2), (9, 16, 4), (5, 8, 4), (5, 8, 1), (3, 4, 2), (2, 4, 0), (16, 16, 0)]


@pytest.mark.parametrize(("rows", "cols", "lanes"), CONFIGS)
@pytest.mark.parametrize("kind", ["add", "merge"])
def test_closed_form(rows: int, cols: int, lanes: int, kind: str) -> None:
    """Where no operand is said to be late, the steps find none late; and where one is late, it was said that it may be."""
    if kind == "add" and not lanes:
        kind = "merge"
    config = CoreConfig(rows=rows, cols=cols, combine_lanes=lanes)
    latency = port_b_latency(config.activation_depth)
    rng = random.Random(f"{rows} {cols} {lanes} {kind}")
    prompt = 0
    for seed in range(120):
        d = operand_pass(rng, config, rng.randrange(1, 60), kind, rng.randrange(BANKS))
        consumer = Consumer.of(d, config)
        stepped = cycles(d, config, OperandReads(d, rows, consumer, latency), seed)
        if not may_be_late(d, rows, consumer):
            prompt += 1
            assert stepped == cycles(d, config, prompt_way(d, config, latency), seed), d
    assert prompt > 20
