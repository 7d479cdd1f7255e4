"""What is left of a build, from what earlier builds took."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

KEPT = 400
"""Steps that the record holds; the oldest ones are dropped."""


@dataclass(frozen=True)
class Took:
    """One step of an earlier build.

    Attributes:
        kind: of build: steps of other kinds say nothing about it.
        step: its name.
        size: of the design, in any unit that time grows with.
        seconds: that it took.
    """

    kind: str
    step: str
    size: int
    seconds: float


class Outlook:
    """What is left of a build.

    Parameters:
        file: record of what steps took; one that cannot be read or written costs the outlook alone.
        kind: of build, as of `Took`.
        steps: names, in order.
    """

    def __init__(self, file: Path, kind: str, steps: Sequence[str]) -> None:
        self._file, self._kind, self._steps = file, kind, steps
        self._known = _read(file)

    def took(self, step: str, size: int, seconds: float) -> None:
        """Note that a step has taken so long."""
        self._known = [*_read(self._file), Took(self._kind, step, size, seconds)][-KEPT:]
        _write(self._file, self._known)

    def left(self, step: str, size: int, elapsed: float) -> str:
        """In words, of a step that began so many seconds ago, and all behind it; empty where no build of the kind says anything."""
        expected = self._expected(step, size)
        if expected is None:
            return ""
        if elapsed > expected:
            return f"longer than the {duration(expected)} of earlier builds"
        later = self._steps[self._steps.index(step) + 1 :]
        rest = sum(self._expected(name, size) or 0 for name in later)
        return f"about {duration(expected - elapsed + rest)} left"

    def _expected(self, step: str, size: int) -> float | None:
        """Seconds of the step in the latest of the builds of nearest size, in proportion to it."""
        found = [entry for entry in self._known if (entry.kind, entry.step) == (self._kind, step)]
        if not found:
            return None
        nearest = min(reversed(found), key=lambda entry: abs(math.log((size + 1) / (entry.size + 1))))
        return nearest.seconds * (size + 1) / (nearest.size + 1)


def duration(seconds: float) -> str:
    """In words, as exact as an estimate is."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _read(file: Path) -> list[Took]:
    try:
        return [Took(**entry) for entry in json.loads(file.read_text())]
    except (OSError, ValueError, TypeError):
        return []  # never made, or damaged


def _write(file: Path, entries: Sequence[Took]) -> None:
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(json.dumps([asdict(entry) for entry in entries]))
        partial.replace(file)
