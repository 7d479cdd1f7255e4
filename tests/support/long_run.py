"""Numbered pieces of work, thousands of them, that may be interrupted and go on later."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

EVERY_SECONDS = 2.0
"""Between two lines of progress, and two writings of the state."""


class LongRun:
    """Counts the outcomes of pieces 0, 1, 2 ...; what it has counted is in a file, from which an equal run goes on.

    Parameters:
        file: of the state.
        key: of what is run: options and sources. A state of another one is not taken up.
        total: pieces, for the progress.

    Attributes:
        next: the first piece that is not done.
        counts: of outcomes, by what they are called.
        maxima: the greatest of some figures, by their units.
        seconds: processor time so far, that of children and of interrupted runs included.
    """

    def __init__(self, file: Path, key: str, total: int) -> None:
        self._file, self._key, self._total = file, key, total
        file.parent.mkdir(parents=True, exist_ok=True)
        self.next, self.seconds = 0, 0.0
        self.counts: Counter[str] = Counter()
        self.maxima: dict[str, int] = {}
        if file.is_file() and (state := json.loads(file.read_text()))["key"] == key:
            self.next, self.seconds, self.counts = state["next"], state["seconds"], Counter(state["counts"])
            self.maxima = state["maxima"]
        self.resumed = self.next
        self._begun, self._told = _processor_time() - self.seconds, time.monotonic()
        self._start = self._told

    def numbers(self, batch: int = 1) -> Iterator[int]:
        """The pieces that are left, or the first ones of batches of them, without an end; they count as done when more are asked for."""
        try:
            while True:
                yield self.next
                self.next += batch
                if time.monotonic() - self._told > EVERY_SECONDS:
                    self._told = time.monotonic()
                    self.save()
                    self.tell()
        finally:
            self.save()

    def save(self) -> None:
        """Write the state."""
        self.seconds = _processor_time() - self._begun
        state = {"key": self._key, "next": self.next, "seconds": self.seconds}
        state |= {"counts": dict(self.counts), "maxima": self.maxima}
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(state))
        partial.replace(self._file)

    def most(self, unit: str, value: int) -> None:
        """Note a figure of the present piece."""
        self.maxima[unit] = max(value, self.maxima.get(unit, value))

    def tell(self) -> None:
        """Progress, on standard error."""
        rate = (self.next - self.resumed) / (time.monotonic() - self._start)
        print(f"{self.next:,} of {self._total:,} ({rate:.0f} a second): {self.summary()}", file=sys.stderr, flush=True)

    def summary(self) -> str:
        """All counts and maxima."""
        counts = [f"{count:,} {name}" for name, count in self.counts.most_common()]
        return ", ".join(counts + [f"at most {value:,} {unit}" for unit, value in self.maxima.items()])


def _processor_time() -> float:
    """Of this process and of its children that have ended, seconds."""
    return sum(os.times()[:4])
