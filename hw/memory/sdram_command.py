"""Commands of a single-data-rate SDRAM, and the timer that keeps them apart."""

from __future__ import annotations

import enum
from typing import Any

from amaranth import Module, Signal


class SdramCommand(enum.Enum):
    """Levels of ras_n, cas_n and we_n, the last in the least significant bit."""

    MODE = 0b000
    REFRESH = 0b001
    PRECHARGE = 0b010
    ACTIVATE = 0b011
    WRITE = 0b100
    READ = 0b101
    NOP = 0b111


class CommandTimer:
    """Counts down; that it is over is a register, so that it costs no logic where it is used.

    Parameters:
        m: module that gets the registers.
        name: prefix of their names.
        cycles: more than the largest number that is loaded.

    Attributes:
        over: loaded with n in cycle t, it is 0 from t + 1 to t + n, and 1 from t + n + 1 on; initially 1.
    """

    def __init__(self, m: Module, name: str, cycles: int) -> None:
        self._left = Signal(range(cycles), name=name)
        self.over = Signal(init=1, name=f"{name}_over")
        with m.If(~self.over):
            m.d.sync += [self._left.eq(self._left - 1), self.over.eq(self._left == 1)]

    def load(self, cycles: int) -> list[Any]:
        """Statements that make it over in `cycles` + 1 cycles."""
        return [self._left.eq(cycles), self.over.eq(cycles == 0)]
