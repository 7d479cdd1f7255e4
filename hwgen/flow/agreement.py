"""How far an int8 network's output is from that of the float model it was made of, for one input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwgen.flow.request import Request

TOP = 5


@dataclass(frozen=True)
class Agreement:
    """Of one frame.

    Attributes:
        snr_db: mean square of the float output over that of the difference, dB; None where either is 0.
        top1: whether both find the same class; None for an output that is no vector of classes.
        top5: how many of the float model's five best classes are among the int8 network's; likewise.
    """

    snr_db: float | None
    top1: bool | None
    top5: int | None

    def text(self) -> str:
        """For people."""
        ratio = "equal, or all 0" if self.snr_db is None else f"{self.snr_db:.1f} dB signal to noise"
        if self.top1 is None:
            return f"against the float model on this input: {ratio}"
        same = "the same class" if self.top1 else "another class"
        return f"against the float model on this input: {ratio}, {same}, {self.top5} of its {TOP} best classes"


def agreement(request: Request, value: np.ndarray, result: np.ndarray) -> Agreement | None:
    """Of the output `result` for the model's own input `value`; None unless the network is a float .onnx model."""
    if request.file is None or request.file.suffix.lower() != ".onnx":
        return None
    from hwgen.compiler.frontend import onnx

    model = onnx.load(request.file, request.resolution)
    return compare(model.predict(value), result) if isinstance(model, onnx.FloatModel) else None


def compare(expected: np.ndarray, found: np.ndarray) -> Agreement:
    """Of two real outputs."""
    wanted, got = expected.astype(np.float64).ravel(), found.astype(np.float64).ravel()
    signal, noise = float((wanted**2).mean()), float(((got - wanted) ** 2).mean())
    ratio = float(10 * np.log10(signal / noise)) if signal > 0 and noise > 0 else None
    if expected.size != max(expected.shape, default=1) or expected.size <= TOP:
        return Agreement(ratio, None, None)
    best, guessed = (np.argsort(-values, kind="stable")[:TOP] for values in (wanted, got))
    return Agreement(ratio, bool(best[0] == guessed[0]), len(np.intersect1d(best, guessed)))
