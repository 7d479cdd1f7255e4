"""A row of the table: what was measured of one network, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from bench.networks.cases import CASES, Case
from bench.recorded import markdown
from hwgen.reports.cycle_breakdown import NAMES
from hwgen.reports.elements import array_text

SDRAM_BYTES = 2
"""Bytes that the SDRAM gives in a cycle."""


@dataclass(frozen=True)
class Row:
    """Measured figures of one network.

    Attributes:
        name: of the case.
        date: of the measurement.
        weights: where they are from.
        array: rows, columns and steps of K a cycle.
        clock_mhz, fmax_mhz: as built, and as routed; None without a build.
        predicted, cycles: of a frame, by the timing model and on the RTL; `cycles` None without a simulation.
        mismatches: elements that differ from the golden model's.
        exact, passes: how many passes took exactly the predicted cycles, of how many.
        array_macs: of a frame, those of the array.
        streamed_bytes: weights that come from the SDRAM; 0 if they are on chip.
        resources: kind to (used, available, as planned); None without a build.
        khz: simulated clock cycles per second of simulation, thousands.
        cycle_breakdown: the simulated frame's cycles by what the array did or waited for, as the machine's counters have them.
        plan, verilog: digests of what was measured (`bench.networks.digests.Digests`); empty in rows from before there were any.
    """

    name: str
    date: str
    weights: str
    array: tuple[int, ...]
    clock_mhz: float
    fmax_mhz: float | None
    predicted: int
    cycles: int | None
    mismatches: int | None
    exact: int | None
    passes: int
    array_macs: int
    streamed_bytes: int
    resources: dict[str, tuple[int, int, int]] | None
    khz: float | None
    cycle_breakdown: dict[str, int] | None
    plan: str = ""
    verilog: str = ""

    @property
    def frame_cycles(self) -> int:
        """On the RTL if it was simulated, else as predicted."""
        return self.predicted if self.cycles is None else self.cycles

    @property
    def fps(self) -> float:
        """Frames per second at the clock as built; their latency is the inverse, one frame at a time."""
        return self.clock_mhz * 1e6 / self.frame_cycles

    @property
    def utilisation(self) -> float:
        """Share of the array's multiply-accumulates that are used, 0 to 1."""
        return self.array_macs / (self.frame_cycles * prod(self.array))

    @property
    def roofline(self) -> float:
        """Least cycles that multipliers or SDRAM allow / cycles, 0 to 1."""
        least = max(self.array_macs / prod(self.array), self.streamed_bytes / SDRAM_BYTES)
        return least / self.frame_cycles

    @property
    def case(self) -> Case:
        """What was measured."""
        return next(case for case in CASES if case.name == self.name)

    @property
    def trained(self) -> bool:
        """Whether it has a trained model's weights."""
        return self.case.file is not None and self.weights.startswith("file ")

    @property
    def command(self) -> str:
        """What builds the row's machine; MODELS stands for the folder of trained models."""
        case, trained = self.case, self.trained
        network = f"MODELS/{case.file}" if trained else case.source.text
        given = {} if trained else case.source.options.given()
        options = [f"--{name.replace('_', '-')} {value}" for name, value in given.items()]
        return " ".join(["hwgen build", network, *options, f"--clock {self.clock_mhz:g}"])

    def cells(self) -> list[str]:
        """For the table."""
        used = self.resources or {}
        return [
            self.name,
            f"`{self.command}`",
            array_text(self.array),
            "SDRAM" if self.streamed_bytes else "on chip",
            "-" if self.cycles is None else f"{self.cycles:,}",
            f"{self.predicted:,}",
            "-" if self.exact is None else f"{self.exact} / {self.passes}",
            f"{self.clock_mhz:g}",
            "-" if self.fmax_mhz is None else f"{self.fmax_mhz:.1f}",
            f"{self.fps:,.1f}",
            f"{1000 / self.fps:.2f}",
            f"{100 * self.utilisation:.0f} %",
            f"{100 * self.roofline:.0f} %",
            *(f"{used[kind][0]:,} ({used[kind][2]:,})" if kind in used else "-" for kind in KINDS),
            "-" if self.khz is None else f"{self.khz:.0f}",
        ]

    def shares(self) -> list[str]:
        """For the table of cycle breakdowns; needs a simulation."""
        assert self.cycle_breakdown is not None
        total = sum(self.cycle_breakdown.values())
        return [self.name, f"{total:,}", *(f"{100 * self.cycle_breakdown[name] / total:.1f} %" for name in NAMES)]


KINDS = ("lut", "ff", "dsp", "ebr")
HEADINGS = [
    "network",
    "command",
    "array",
    "weights",
    "cycles (RTL)",
    "predicted",
    "passes exact",
    "clock MHz",
    "routed MHz",
    "frame/s",
    "latency ms",
    "array used",
    "of roofline",
    *(f"{kind.upper()} (planned)" for kind in KINDS),
    "simulation kHz",
]


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown of recorded rows."""
    return markdown(HEADINGS, [Row(**row).cells() for row in rows])


def breakdown_table(rows: list[dict[str, Any]]) -> str:
    """Markdown of the simulated rows' cycles by cause."""
    simulated = [row for row in (Row(**entry) for entry in rows) if row.cycle_breakdown is not None]
    return markdown(["network", "cycles", *NAMES], [row.shares() for row in simulated])
