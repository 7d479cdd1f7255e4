"""Fixtures of the tests of what is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.distribution import distribute


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The archive of sources and the wheel made of it."""
    return distribute(tmp_path_factory.mktemp("distribution"))
