"""Activation memory: priorities, values and exact latencies, for depths of one and of two sizes of blocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.memory.activation_memory import ActivationMemory, check_activation_depth
from hwgen.sim.harness.runner import MODELS, simulate
from tests.support.passes import bench_environment


@pytest.mark.parametrize(("depth", "latency"), [(1024, 3), (2048, 3), (6144, 4)])
def test_activation_memory(bench_dir: Path, depth: int, latency: int) -> None:
    component = ActivationMemory(CoreConfig(activation_depth=depth))
    assert (latency, latency + 2) == (component.READ_LATENCY, component.PORT_B_LATENCY)
    simulate(
        component,
        name=f"activation_memory-{depth}",
        test_module="tests.cocotb.bench_activation_memory",
        build_dir=bench_dir,
        sources=[MODELS / "ecp5" / "DP16KD.v"],
        env=bench_environment(
            {"activation_depth": depth},
            READ_LATENCY=component.READ_LATENCY,
            PORT_B_LATENCY=component.PORT_B_LATENCY,
            WRITE_TO_READ=component.WRITE_TO_READ,
        ),
    )


@pytest.mark.parametrize("depth", [0, 512, 6143, 17408])
def test_depth_is_checked(depth: int) -> None:
    with pytest.raises(
        ValueError, match=f"activation_depth must be a multiple of 1024 from 1024 to 16384, not {depth}"
    ):
        check_activation_depth(depth)
