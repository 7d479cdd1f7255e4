"""A plugin of pytest that writes how each test ended, and whether one that failed did so by its own assertion."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

OUTCOME = "HWGEN_TEST_OUTCOME"
"""Environment variable: file to write to, as JSON: ending by node id."""

PASSED, OWN, SKIPPED = "passed", "own assertion", "skipped"
"""Endings; any other one says what was raised."""

_ASSERTIONS = (AssertionError, pytest.fail.Exception)
_ASSERTING = ("tests", "sim/harness/runner.py")
"""What a test's own assertions stand in: the tests, and the runner of the benches, which reports theirs."""

_endings: dict[str, str] = {}


def _ending(call: pytest.CallInfo[None], root: Path) -> str:
    """Of a test that failed in one of its phases."""
    assert call.excinfo is not None
    error = call.excinfo.value
    places = [Path(str(entry.path)).resolve() for entry in call.excinfo.traceback]
    ours = [place.relative_to(root).as_posix() for place in places if place.is_relative_to(root)]
    asserted = isinstance(error, _ASSERTIONS) and (not ours or ours[-1].startswith(_ASSERTING))
    text = " ".join(str(error).split())[:160]
    return OWN if asserted and call.when == "call" else f"{call.when}: {type(error).__name__}: {text}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if report.failed:
        _endings[item.nodeid] = _ending(call, item.config.rootpath.resolve())
    elif report.skipped:
        _endings[item.nodeid] = SKIPPED
    elif report.when == "call":
        _endings.setdefault(item.nodeid, PASSED)
    return report


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _endings[report.nodeid] = f"collection: {' '.join(str(report.longrepr).split())[-160:]}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    Path(os.environ[OUTCOME]).write_text(json.dumps(_endings), encoding="utf-8")
