"""What a network says of one input."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

TOP = 5
"""Classes that are listed, and compared with the float model's."""


@dataclass(frozen=True)
class Agreement:
    """Of one frame.

    Attributes:
        snr_db: mean square of the float output over that of the difference, dB; None where either is 0.
        top1: whether both find the same class; None for an output that is no vector of classes.
        top5: how many of the float model's five best classes are among the int8 network's; likewise.
        evaluated: whether the float output is the model's own, by onnx's reference evaluator; else that of hwgen's float network.
    """

    snr_db: float | None
    top1: bool | None
    top5: int | None
    evaluated: bool = True

    def text(self) -> str:
        """For people."""
        ratio = "equal, or all 0" if self.snr_db is None else f"{self.snr_db:.1f} dB signal to noise"
        model = (
            "the float model" if self.evaluated else "hwgen's float form of the model (onnx's evaluator takes too long)"
        )
        if self.top1 is None:
            return f"against {model} on this input: {ratio}"
        same = "the same class" if self.top1 else "another class"
        return f"against {model} on this input: {ratio}, {same}, {self.top5} of its {TOP} best classes"


@dataclass(frozen=True)
class Guess:
    """One of the greatest elements of the output.

    Attributes:
        index: of the class.
        label: its name; empty without a file of labels.
        score: real value of the output's element.
    """

    index: int
    label: str
    score: float


@dataclass(frozen=True)
class Prediction:
    """Result of one frame.

    Attributes:
        name: of the network with its options.
        weights: where they are from.
        type, shape: of the output.
        top: the greatest elements, the first of equal ones first.
        notes: what the importer found odd but harmless.
        agreement: with the float model; None for a network that is not made of a float .onnx file.
        output: the model's own output, of that type and shape.
        suited_snr_db: what the ratio of `agreement` would be, had the network been calibrated on this input alone; None where it was
            not calibrated on synthetic images.
    """

    name: str
    weights: str
    type: str
    shape: tuple[int, ...]
    top: tuple[Guess, ...]
    notes: tuple[str, ...]
    agreement: Agreement | None
    output: np.ndarray = field(compare=False, repr=False)
    suited_snr_db: float | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it but the output as JSON types."""
        return {name: value for name, value in asdict(self).items() if name != "output"}

    def text(self) -> str:
        """For people."""
        lines = [f"note: {note}" for note in self.notes]
        lines += [f"{self.name}: output {self.type} {'x'.join(map(str, self.shape))}, weights: {self.weights}"]
        return "\n".join([*lines, *self.top_lines(), *self.agreement_lines()])

    def agreement_lines(self) -> list[str]:
        """A line, if there is a float model to compare with, and one of what synthetic calibration cost."""
        lines = [] if self.agreement is None else [self.agreement.text()]
        if self.suited_snr_db is not None:
            lines.append(f"calibrated on synthetic images; on this input alone it would be {self.suited_snr_db:.1f} dB")
        return lines

    def top_lines(self) -> list[str]:
        """A line for each of the greatest elements."""
        return [f"  {guess.score:10.6f}  {guess.index:5d}  {guess.label}".rstrip() for guess in self.top]
