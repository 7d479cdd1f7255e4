"""Tells when nextpnr's router will not get any further.

With `--tmg-ripup`, router2 goes on for more than a hundred rounds over connections that no route makes fast enough: hours on a
large part.
"""

from __future__ import annotations

import re

PATIENCE = 150
"""Rounds without progress; the longest pause of a full core's route that came to its end took 54."""

_ROUND = re.compile(r"Info:\s+iter=\d+ .*overused=(\d+) .*tmgfail=(\d+)")
_ESTIMATE = re.compile(r"(?:Info|Warning): Max frequency for clock .*: ([\d.]+) MHz \((?:PASS|FAIL) at ([\d.]+) MHz\)")


class RouterStuckError(Exception):
    """The router makes no progress.

    Attributes:
        overused: wires that several nets want.
        slow: connections that are too slow for the clock.
        placed_mhz: clock estimated after the placement; None: not told.
    """

    def __init__(self, overused: int, slow: int, placed_mhz: float | None) -> None:
        super().__init__(f"{overused} wires overused, {slow} connections too slow")
        self.overused, self.slow, self.placed_mhz = overused, slow, placed_mhz


class RouterWatch:
    """Is given nextpnr's output line by line; raises RouterStuckError after `PATIENCE` rounds without progress."""

    def __init__(self) -> None:
        self._best: tuple[int, int] | None = None
        self._idle = 0
        self._placed: tuple[float, float] | None = None

    def __call__(self, line: str) -> None:
        if found := _ESTIMATE.match(line):
            clock = float(found[1]), float(found[2])
            if self._placed is None or clock[0] * self._placed[1] < self._placed[0] * clock[1]:
                self._placed = clock
        if not (found := _ROUND.match(line)):
            return
        now = int(found[1]), int(found[2])
        if self._best is None or now < self._best:
            self._best, self._idle = now, 0
            return
        self._idle += 1
        if self._idle >= PATIENCE:
            raise RouterStuckError(*self._best, self._placed and self._placed[0])
