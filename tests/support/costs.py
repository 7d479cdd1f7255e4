"""What every test costs: time on the clock, and processor time with that of its tools, which a loaded machine leaves as it is."""

from __future__ import annotations

import json
import resource
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

SLOWEST = 25
"""Tests that are listed one by one."""

MARKERS = ("rtl", "plan", "build")
"""A test counts for the first of these that it has, else as `other`."""


@dataclass(frozen=True)
class Cost:
    """Of one test, its fixtures counted where they are made.

    Attributes:
        test: its name.
        marker: of `MARKERS`, or "other".
        wall_s, cpu_s: time on the clock, and of processors, seconds.
    """

    test: str
    marker: str
    wall_s: float
    cpu_s: float


def _processor_time() -> float:
    """Of this process and of its children that have ended, seconds."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


class Costs:
    """A pytest plugin: measures in the process that runs a test, collects in the one that reports.

    With `--costs FILE` all costs are written to a JSON file; a table of the shares of the markers and the slowest tests is printed.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._found: list[Cost] = []
        self._file: Path | None = config.getoption("--costs")
        self._begun = (0.0, 0.0)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._begun = time.monotonic(), _processor_time()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        if call.when == "teardown":
            wall, cpu = (
                now - then for now, then in zip((time.monotonic(), _processor_time()), self._begun, strict=True)
            )
            marker = next((name for name in MARKERS if item.get_closest_marker(name)), "other")
            item.user_properties.append(("cost", (marker, round(wall, 3), round(cpu, 3))))
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            for name, value in report.user_properties:
                if name == "cost":
                    self._found.append(Cost(report.nodeid, *cast(tuple[str, float, float], value)))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._file is None:
            return
        self._file.write_text(json.dumps([vars(cost) for cost in self._found], indent=1) + "\n")
        terminalreporter.section("costs: seconds on the clock, of processors")
        shares: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
        for cost in self._found:
            for i, value in enumerate((1.0, cost.wall_s, cost.cpu_s)):
                shares[cost.marker][i] += value
        for marker, (count, wall, cpu) in sorted(shares.items(), key=lambda share: -share[1][2]):
            terminalreporter.write_line(f"{wall:8.1f} {cpu:8.1f}  {marker}, {count:.0f} tests")
        terminalreporter.write_line(f"the slowest {SLOWEST}:")
        for cost in sorted(self._found, key=lambda one: -one.cpu_s)[:SLOWEST]:
            terminalreporter.write_line(f"{cost.wall_s:8.1f} {cost.cpu_s:8.1f}  {cost.test}")
