"""Fixtures of all tests, their markers by what they do, and the record of what they cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.costs import Costs
from tests.support.paths import ROOT


@pytest.fixture
def bench_dir() -> Path:
    """Cache of compiled simulators: a design that did not change is not compiled again."""
    folder = ROOT / ".bench_cache"
    folder.mkdir(exist_ok=True)
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--costs", type=Path, metavar="FILE", help="Write what every test costs to this JSON file.")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Costs(config), "costs")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever compiles a simulator is marked `rtl`: it asks for the folder of simulators."""
    for item in items:
        if "bench_dir" in getattr(item, "fixturenames", ()):
            item.add_marker("rtl")
