"""The ratio of two clocks that one oscillator makes: the core's and the memory's."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

MEMORY_DOMAIN = "memory"
"""Clock domain of the SDRAM and its controller where they have a clock of their own."""

COMMON_DOMAIN = "common"
"""Clock domain whose edges are those that core and memory have in common."""

MOST_CYCLES = 8
"""Cycles of a common period: a word of 16 bytes at most may come from the memory meanwhile."""


@dataclass(frozen=True)
class ClockRatio:
    """So many cycles of the core take as long as so many of the memory.

    Attributes:
        core: cycles of the core from one common edge to the next, 1 to 8.
        memory: cycles of the memory meanwhile, `core` to 8, without a common divisor.

    Raises:
        ValueError: there is no such ratio, or the memory would be the slower one.
    """

    core: int = 1
    memory: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.core <= self.memory <= MOST_CYCLES or gcd(self.core, self.memory) != 1:
            raise ValueError(
                f"the ratio of memory and core must be of coprime numbers up to {MOST_CYCLES}, the memory's not the lower one, not {self}"
            )

    def __str__(self) -> str:
        return f"{self.memory}:{self.core}"

    @property
    def same(self) -> bool:
        """Whether both are one clock."""
        return self.core == self.memory


ONE_CLOCK = ClockRatio()
"""1:1: memory and core have one clock."""
