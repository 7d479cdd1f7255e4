"""What a comparison with TensorFlow Lite's reference kernels came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

REMEDY = "pip install --no-deps ai-edge-litert==1.2.0"
"""Installs an interpreter that rounds as is meant."""


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
        notes: what the importer found odd but harmless.
    """

    name: str
    frames: int
    tensors: int
    mismatches: int
    first: str | None
    interpreter: str
    notes: tuple[str, ...]

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
        if self.first is not None:
            lines.append(f"first tensor that differs: {self.first}")
            lines.append(
                "ai-edge-litert from 1.3.0 and TensorFlow from 2.21 round FULLY_CONNECTED otherwise; 1.2.0 has the double "
                f"rounding that is meant: {REMEDY}"
            )
        return "\n".join(lines)
