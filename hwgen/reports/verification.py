"""What a comparison with TensorFlow Lite's reference kernels came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hwgen.errors import one_line

REMEDY = "pip install 'hwgen[verify]'"
"""Installs an interpreter."""


@dataclass(frozen=True)
class Verification:
    """Result of comparing.

    Attributes:
        name: of the file.
        frames: inputs that were run.
        tensors: that were compared for each of them.
        mismatches: elements that differ, over all frames.
        first: the first tensor that differs, in the order of execution; None if none does.
        interpreter: module and version.
        not_compared: nodes that this interpreter rounds otherwise, so that they may be a step apart.
        notes: what the importer found odd but harmless.
    """

    name: str
    frames: int
    tensors: int
    mismatches: int
    first: str | None
    interpreter: str
    notes: tuple[str, ...]
    not_compared: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON types."""
        return asdict(self)

    def text(self) -> str:
        """For people."""
        lines = [f"note: {note}" for note in self.notes]
        lines.append(
            f"{self.name}: {self.mismatches} differing elements in {self.tensors} tensors of {self.frames} frames, against the "
            f"reference kernels of {self.interpreter}"
        )
        if self.not_compared:
            lines.append(
                f"not compared bit by bit, but within one step: {one_line(list(self.not_compared), separator=', ')}; ai-edge-litert from "
                "1.3.0 and TensorFlow from 2.21 round FULLY_CONNECTED once, ai-edge-litert 1.2.0 (up to Python 3.12) twice, as is meant"
            )
        if self.first is not None:
            lines.append(f"first tensor that differs: {self.first}")
        return "\n".join(lines)
