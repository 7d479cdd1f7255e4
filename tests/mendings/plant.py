"""A copy of the tree in which faults are planted, and tests are run."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.mendings.outcome import OUTCOME, OWN, PASSED, SKIPPED
from tests.mendings.table import Mending

LEFT_OUT = (".git", ".venv", ".bench_cache", "build", "dist", "__pycache__", "*.egg-info", ".*_cache", "site")
LIMIT_S, LIMIT_BYTES = 900, 6 << 30
"""Seconds and memory that the tests of one mending may take."""


class Copy:
    """A copy of a tree.

    Parameters:
        root: of the tree.
        folder: a new folder for the copy and what its tests cache.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.tree = folder / "tree"
        self._folder = folder
        shutil.copytree(root, self.tree, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
        self._clock = 0

    @contextmanager
    def without(self, mending: Mending) -> Iterator[None]:
        """A block in which the mending is taken out."""
        before = {edit.file: (self.tree / edit.file).read_text(encoding="utf-8") for edit in mending.edits}
        try:
            for edit in mending.edits:
                text = (self.tree / edit.file).read_text(encoding="utf-8")
                self._write(edit.file, text.replace(edit.now, edit.without, 1))
            yield
        finally:
            for file, text in before.items():
                self._write(file, text)

    def _write(self, file: str, text: str) -> None:
        """Of another second than any before: Python knows a source that has changed by its size and second."""
        path = self.tree / file
        path.write_text(text, encoding="utf-8")
        self._clock += 10
        os.utime(path, (1_000_000_000 + self._clock,) * 2)

    def run(self, tests: Sequence[str]) -> dict[str, str]:
        """How each of the tests ends, by node id; empty if they do not end in time."""
        outcome = self._folder / "outcome.json"
        outcome.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.mendings.outcome"]
        caches = {"XDG_CACHE_HOME": str(self._folder / "cache")}
        environment = os.environ | caches | {"PYTHONPATH": str(self.tree), OUTCOME: str(outcome)}
        try:
            subprocess.run(
                [*command, "-m", "", *tests],
                check=False,
                cwd=self.tree,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=LIMIT_S,
                preexec_fn=_bound,
            )
            return dict(json.loads(outcome.read_text(encoding="utf-8")))
        except (subprocess.TimeoutExpired, OSError):
            return {}


def _bound() -> None:
    """A fault may ask for any memory."""
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))


def belonging(endings: dict[str, str], test: str) -> dict[str, str]:
    """Those of a test that an entry names: of itself, or of all its parameters."""
    return {name: how for name, how in endings.items() if name == test or name.startswith((f"{test}[", f"{test}::"))}


def unsound(endings: dict[str, str], tests: Sequence[str]) -> list[str]:
    """What is wrong with tests before anything is taken out: those that do not pass, or are not there."""
    lines = []
    for test in tests:
        found = belonging(endings, test)
        lines += [f"{name}: {how}" for name, how in found.items() if how not in (PASSED, SKIPPED)]
        if not found:
            lines.append(f"{test}: it did not run")
        elif all(how == SKIPPED for how in found.values()):
            lines.append(f"{test}: it is skipped here")
    return lines


def survived(endings: dict[str, str], tests: Sequence[str]) -> list[str]:
    """What is wrong with tests once a mending is taken out: those that do not fail, or by something else than their assertion."""
    lines = []
    for test in tests:
        found = belonging(endings, test)
        others = [f"{name}: {how}" for name, how in found.items() if how not in (PASSED, SKIPPED, OWN)]
        if OWN not in found.values():
            lines.append(
                f"{test}: it does not fail" if found and not others else f"{test}: no assertion of its own fails"
            )
        lines += others
    return lines
