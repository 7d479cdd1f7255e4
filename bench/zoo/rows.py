"""A row of the table: a whole frame of one network on the RTL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.recorded import markdown
from hwgen.reports.elements import array_text


@dataclass(frozen=True)
class Row:
    """Measured figures of one network.

    Attributes:
        name: with its options.
        date: of the simulation.
        array: rows, columns and steps of K a cycle.
        predicted, cycles: of a frame, by the timing model and on the RTL.
        tensors, mismatches: how many were compared, and elements that differ from the golden model's.
        exact, passes: how many passes took exactly the predicted cycles, of how many.
        utilisation: multiply-accumulates of the array's layers over what it could do inside the passes, 0 to 1.
        fps: frames per second at the board's default clock.
    """

    name: str
    date: str
    array: tuple[int, ...]
    predicted: int
    cycles: int
    tensors: int
    mismatches: int
    exact: int
    passes: int
    utilisation: float
    fps: float

    def cells(self) -> list[str]:
        """For the table."""
        return [
            self.name,
            array_text(self.array),
            f"{self.cycles:,}",
            f"{self.predicted:,}",
            f"{self.exact:,} / {self.passes:,}",
            f"{self.tensors}",
            f"{self.mismatches}",
            f"{100 * self.utilisation:.1f} %",
            f"{self.fps:,.1f}",
        ]


HEADINGS = [
    "network",
    "array",
    "cycles (RTL)",
    "predicted",
    "passes exact",
    "tensors compared",
    "mismatches",
    "utilisation",
    "frame/s",
]


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown of recorded rows."""
    return markdown(HEADINGS, [Row(**row).cells() for row in rows])
