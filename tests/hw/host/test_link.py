"""Host link on a serial line: requests, answers, and every way to spoil a request."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hw.host.link import HostLink, check_parameters
from hwgen.sim.harness.runner import simulate
from tests.support.host_link_parameters import BAUD, BUILD, CLOCK_HZ, DEPTH, TIMEOUT


def test_host_link(bench_dir: Path) -> None:
    simulate(
        HostLink(CLOCK_HZ, baud=BAUD, build=BUILD, timeout=TIMEOUT, depth=DEPTH),
        name="host_link",
        test_module="tests.cocotb.bench_host_link",
        build_dir=bench_dir,
    )


def test_host_link_without_sdram(bench_dir: Path) -> None:
    simulate(
        HostLink(CLOCK_HZ, baud=BAUD, build=BUILD, timeout=TIMEOUT, halfwords=0, depth=DEPTH),
        name="host_link_poke",
        test_module="tests.cocotb.bench_host_link_poke",
        build_dir=bench_dir,
    )


def test_wrong_parameters() -> None:
    with pytest.raises(ValueError, match="build must fit 32 bits, not 4294967296"):
        check_parameters(CLOCK_HZ, baud=3_000_000, build=1 << 32, timeout=TIMEOUT, halfwords=0)
    with pytest.raises(ValueError, match=r"timeout must be at least two bytes \(666 cycles\), not 600"):
        check_parameters(CLOCK_HZ, baud=3_000_000, build=0, timeout=600, halfwords=0)
    with pytest.raises(ValueError, match="halfwords must be a power of two up to 2.24, or 0, not 48"):
        check_parameters(CLOCK_HZ, baud=3_000_000, build=0, timeout=TIMEOUT, halfwords=48)
