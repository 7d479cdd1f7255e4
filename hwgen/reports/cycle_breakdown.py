"""Cycles of a simulated frame by what the array did or waited for, as the machine's own counters have them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class CycleBreakdown:
    """Cycles of a frame by cause; their sum is all of them. Named as `hwgen.hw.control.counters.Counter`.

    Attributes:
        issuing: the array accumulated.
        pixels: the array waited for pixels from the window or the activation memory.
        room: it waited until its sums are taken.
        chains: it waited for its own drain chains: sums of few steps.
        outside: inside passes, but before the array's work, behind it, or in passes without the array.
        wait: between passes: stream, descriptor or weights not there yet, and the sequencer's own gap.
    """

    issuing: int
    pixels: int
    room: int
    chains: int
    outside: int
    wait: int

    @classmethod
    def of(cls, records: np.ndarray) -> CycleBreakdown:
        """Of all passes' records, int64 [passes, RECORD_WORDS]."""
        from hwgen.hw.isa.counters import BY_CAUSE

        return cls(**{counter.name.lower(): int(records[:, counter].sum()) for counter in BY_CAUSE})

    def to_json(self) -> dict[str, int]:
        """As JSON types."""
        return asdict(self)

    def lines(self, passes: int) -> list[str]:
        """For people: a line for every cause; a note where a board's counters do not hold all `passes`."""
        from hwgen.hw.isa.counters import RECORDED_PASSES

        cycles = self.to_json()
        total = sum(cycles.values())
        note = f"; a board's counters hold the first {RECORDED_PASSES} of {passes} passes" * (passes > RECORDED_PASSES)
        return [
            f"cycles by cause, counted by the machine{note}:",
            *(
                f"  {name:<8} {cycles[name]:>13,}  {100 * cycles[name] / total:5.1f} %  {_MEANING[name]}"
                for name in NAMES
            ),
        ]


NAMES = tuple(entry.name for entry in fields(CycleBreakdown))
"""Names of the causes."""

_MEANING = {
    "issuing": "the array accumulates",
    "pixels": "waits for pixels",
    "room": "waits until its sums are taken",
    "chains": "waits for its own drain chains",
    "outside": "at the ends of passes, or no array in them",
    "wait": "between passes: weights or descriptor awaited",
}
