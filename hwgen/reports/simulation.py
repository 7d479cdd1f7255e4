"""What a simulated frame or batch came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from math import prod
from typing import Any

import numpy as np

from hwgen.reports.cycle_breakdown import CycleBreakdown
from hwgen.reports.elements import array_text
from hwgen.reports.prediction import Prediction


@dataclass(frozen=True)
class PassCycles:
    """Cycles of one pass."""

    name: str
    predicted: int
    simulated: int


@dataclass(frozen=True)
class Simulation:
    """Result of simulating one frame or one batch.

    Attributes:
        name: of the network with its options.
        weights: where they are from.
        array: rows, columns and steps of K a cycle.
        array_macs: multiply-accumulates of the array's layers, of all frames.
        frames: of the batch; 1 without.
        cycles, predicted: of the frame or batch, simulated and as planned.
        tensors: how many were compared.
        mismatches: elements that differ from the golden model's.
        wrong: names of the tensors they are in.
        seconds, compile_seconds: that the simulation took, and the compilation of the simulator before it.
        passes: in order.
        cycle_breakdown: of all the frame's cycles, as the machine itself counted them.
        predictions: what the machine's output, finished by the host, says of every given input.
        outputs: the model's own output, of every frame.
    """

    name: str
    weights: str
    array: tuple[int, int, int]
    array_macs: int
    frames: int
    cycles: int
    predicted: int
    tensors: int
    mismatches: int
    wrong: tuple[str, ...]
    seconds: float
    compile_seconds: float
    passes: tuple[PassCycles, ...]
    cycle_breakdown: CycleBreakdown
    predictions: tuple[Prediction, ...]
    outputs: tuple[np.ndarray, ...] = field(compare=False, repr=False)

    @property
    def utilisation(self) -> float:
        """Multiply-accumulates of the array's layers over what the array could do inside the passes; 0 to 1."""
        return self.array_macs / (prod(self.array) * sum(entry.simulated for entry in self.passes))

    def to_json(self) -> dict[str, Any]:
        """All of it but the outputs as JSON types."""
        entries = {name: value for name, value in asdict(self).items() if name != "outputs"}
        return entries | {"predictions": [entry.to_json() for entry in self.predictions]}

    def text(self) -> str:
        """For people: what was compared, the passes whose cycles are not the predicted ones, the cycles by cause, the top 5 by name."""
        error = 100 * (self.cycles - self.predicted) / self.predicted
        other = [entry for entry in self.passes if entry.predicted != entry.simulated]
        lines = [
            f"{self.name}: {self.mismatches} mismatches over {self.tensors} tensors"
            + (f" (in {', '.join(self.wrong[:8])})" if self.wrong else ""),
            f"weights: {self.weights}",
            f"{self.cycles:,} cycles simulated, {self.predicted:,} predicted ({error:+.2f} %)",
            f"simulation {self.seconds:.0f} s, compilation of the simulator before it {self.compile_seconds:.0f} s",
            f"{len(self.passes) - len(other)} of {len(self.passes)} passes took exactly the predicted cycles",
            f"{array_text(self.array)} array, {self.utilisation:.1%} of its multipliers at work inside the passes",
        ]
        if self.frames > 1:
            lines.insert(3, f"{self.cycles / self.frames:,.0f} cycles a frame in a batch of {self.frames}")
        lines += [f"  {entry.name}: {entry.simulated:,} simulated, {entry.predicted:,} predicted" for entry in other]
        lines += self.cycle_breakdown.lines(len(self.passes))
        for said in self.predictions:
            named = any(guess.label for guess in said.top)
            lines += said.top_lines() if named else []
            lines += said.agreement_lines()
        return "\n".join([*(f"note: {note}" for note in self.predictions[0].notes), *lines])
