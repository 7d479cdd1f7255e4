"""What is asked of pytest in a forked process: which test failed first, or which lines of the sources each test runs."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from types import FrameType
from typing import Any

import pytest

Lines = dict[str, set[int]]
"""Path of a source -> line numbers."""


class FirstFailure:
    """Keeps the name of the first test that failed, and the last line of why."""

    def __init__(self) -> None:
        self.test = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.test:
            self.test = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.test:
            self.test = report.nodeid or "collection"


class Hits:
    """Keeps for each test its seconds, whether it compiles a simulator, and the lines that it runs.

    What runs while modules are imported counts for all tests; what a fixture runs that several tests share, for all of these. Tests of a
    file that compile a simulator may share it, so what one of them runs counts for all of them. Another value that is kept, by
    `functools.cache` or so, counts for the test that made it only.

    Args:
        files: path on the disk -> path of a source to watch.
    """

    def __init__(self, files: dict[str, str]) -> None:
        self._at_import: Lines = defaultdict(set)
        self._of_fixture: dict[int, Lines] = defaultdict(lambda: defaultdict(set))
        self._of_test: dict[str, Lines] = {}
        self._fixtures: dict[str, list[int]] = {}
        self._cost: dict[str, tuple[float, bool]] = {}
        self.failed: list[str] = []
        self.now: Lines = self._at_import
        self._watched = {file: self._watcher(path) for file, path in files.items()}

    def _watcher(self, path: str) -> Callable[[FrameType, str, Any], Any]:
        def watch(frame: FrameType, event: str, arg: Any) -> Any:
            self.now[path].add(frame.f_lineno)
            return watch

        return watch

    def trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        """For `sys.settrace`."""
        watch = self._watched.get(frame.f_code.co_filename)
        return None if watch is None else watch(frame, event, arg)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.now = self._of_test[item.nodeid] = defaultdict(set)
        info = getattr(item, "_fixtureinfo", None)
        defined = info.name2fixturedefs.values() if info is not None else ()
        self._fixtures[item.nodeid] = [id(one) for several in defined for one in several]
        begun = time.monotonic()
        try:
            return (yield)
        finally:
            self._cost[item.nodeid] = time.monotonic() - begun, item.get_closest_marker("rtl") is not None
            self.now = self._at_import

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, object, object]:
        if fixturedef.scope == "function":
            return (yield)
        before, self.now = self.now, self._of_fixture[id(fixturedef)]
        try:
            return (yield)
        finally:
            self.now = before

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def found(self) -> dict[str, dict[str, Any]]:
        """Test -> its `seconds`, `compiles` and `lines`, numbers by source."""
        compiled: dict[str, Lines] = defaultdict(lambda: defaultdict(set))
        for name, lines in self._of_test.items():
            if self._cost[name][1]:
                for path, numbers in lines.items():
                    compiled[name.split("::")[0]][path] |= numbers
        tests = {}
        for name, lines in self._of_test.items():
            every: Lines = defaultdict(set)
            for part in (
                self._at_import,
                compiled[name.split("::")[0]] if self._cost[name][1] else lines,
                *(self._of_fixture[one] for one in self._fixtures[name] if one in self._of_fixture),
            ):
                for path, numbers in part.items():
                    every[path] |= numbers
            seconds, compiling = self._cost[name]
            listed = {path: sorted(numbers) for path, numbers in every.items()}
            tests[name] = {"seconds": round(seconds, 3), "compiles": compiling, "lines": listed}
        return tests


def run(arguments: list[str], plugin: FirstFailure | Hits) -> int:
    """pytest's exit code."""
    quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line", "--no-header", "--disable-warnings"]
    try:
        if isinstance(plugin, Hits):
            sys.settrace(plugin.trace)
        return int(pytest.main([*quiet, *arguments], plugins=[plugin]))
    finally:
        sys.settrace(None)
