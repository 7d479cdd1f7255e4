"""What nextpnr is doing, in a few words, from the lines that it prints."""

from __future__ import annotations

import re

_BEGINNINGS = {
    "Packing": "packing",
    "Promoting globals": "packing",
    "Running Static placer": "placing",
    "Creating initial analytic placement": "placing",
    "Strict legalising": "placing, every cell to a site",
    "Running simulated annealing placer": "refining the placement",
    "Routing globals": "routing the clocks",
    "Running router2": "routing",
    "Setting up routing queue": "routing",
    "Running router1 to check": "checking the route",
    "Critical path report": "timing analysis",
}
"""What begins with a line that begins so."""

_STATIC_ROUND = re.compile(r"iter=(\d+) steplen=")
_STATIC_LENGTH = re.compile(r"\s+system potential: \S+ hpwl: ([\d.]+)")
_HEAP_FIRST = re.compile(r"\s+at initial placer iter (\d+), wirelen = (\d+)")
_HEAP_ROUND = re.compile(r"\s+at iteration #(\d+), type .* legal = (\d+)")
_ANNEALING = re.compile(r"\s+at iteration #(\d+): temp = .* wirelen = (\d+)")
_ROUTER1 = re.compile(r"\s+(\d+) \|\s+\d+\s+\d+ \|\s+\d+\s+\d+ \|\s+(\d+)\|")
_ROUTER2 = re.compile(r"\s+iter=(\d+) wires=\d+ overused=(\d+) .*?(?:tmgfail=(\d+) )?archfail=")


class NextpnrNews:
    """Is given nextpnr's output line by line; says for some of them what it is doing.

    Parameters:
        prefix: what the news begin with, e.g. which seed is at work.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._round = 0
        self._checking = False

    def __call__(self, line: str) -> str | None:
        """The news of a line: the stage, its round, and what is not yet solved; None for a line without any."""
        if not line.startswith("Info: "):
            return None
        text = self._stage(line.removeprefix("Info: "))
        return None if text is None else f"{self._prefix}{text}"

    def _stage(self, line: str) -> str | None:
        for beginning, stage in _BEGINNINGS.items():
            if line.startswith(beginning):
                self._checking = self._checking or "check" in stage
                return None if self._checking and stage == "routing" else stage
        if found := _STATIC_ROUND.match(line):
            self._round = int(found[1])
            return None
        if found := _STATIC_LENGTH.match(line):
            return _placing("placing", self._round, float(found[1]))
        if found := _HEAP_FIRST.match(line):
            return _placing("placing, first solution", int(found[1]), int(found[2]))
        if found := _HEAP_ROUND.match(line):
            return _placing("placing", int(found[1]), int(found[2]))
        if found := _ANNEALING.match(line):
            return _placing("refining the placement", int(found[1]), int(found[2]))
        if found := _ROUTER2.match(line):
            slow = f", {int(found[3]):,} connections too slow" if int(found[3] or 0) else ""
            return f"routing, round {found[1]}, {int(found[2]):,} wires overused{slow}"
        if (found := _ROUTER1.match(line)) and not self._checking:
            return f"routing, {int(found[1]):,} connections tried, {int(found[2]):,} to go"
        return None


def _placing(stage: str, number: int, length: float) -> str:
    return f"{stage}, round {number}, wire length {length:,.0f}"
