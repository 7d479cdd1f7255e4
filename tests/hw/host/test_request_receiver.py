"""Request receiver: every way of a request through it, to the cycle."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hw.host.request_receiver import RequestReceiver
from hwgen.sim.harness.runner import simulate
from tests.support.with_crc import WithCrc


@pytest.mark.parametrize("unit_bytes", [2, 8])
def test_request_receiver(unit_bytes: int, bench_dir: Path) -> None:
    timeout = 40
    simulate(
        WithCrc(RequestReceiver(unit_bytes=unit_bytes, timeout=timeout)),
        name=f"request_receiver_{unit_bytes}",
        test_module="tests.cocotb.bench_request_receiver",
        build_dir=bench_dir,
        env={"UNIT_BYTES": str(unit_bytes), "TIMEOUT": str(timeout)},
    )
