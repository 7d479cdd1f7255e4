"""Fixtures of all tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def bench_dir() -> Path:
    """Cache of compiled simulators: a design that did not change is not compiled again."""
    folder = Path(__file__).resolve().parents[1] / ".bench_cache"
    folder.mkdir(exist_ok=True)
    return folder
