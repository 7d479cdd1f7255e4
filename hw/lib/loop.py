"""Loop counter whose end is known from a register."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value


class Loop:
    """Counts the turns of a loop down.

    Parameters:
        m: module that gets the registers.
        name: prefix of their names.
        count: turns, at least 1; constant while the loop runs.

    Attributes:
        last: the present turn is the last one.
    """

    def __init__(self, m: Module, name: str, count: Value) -> None:
        self._m, self._count = m, count
        self._left = Signal(len(count), name=f"{name}_left")
        self.last = Signal(name=f"{name}_last")

    def restart(self) -> None:
        """First turn in the next cycle."""
        self._m.d.sync += [self._left.eq(self._count), self.last.eq(self._count == 1)]

    def advance(self) -> None:
        """Next turn in the next cycle; after the last one comes the first."""
        self._m.d.sync += [self._left.eq(self._left - 1), self.last.eq(self._left == 2)]
        with self._m.If(self.last):
            self.restart()
