"""What a planner returns: the core for a network on a part, and everything that it will do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.plan.resources import Resources
from hwgen.compiler.plan.target import Part
from hwgen.compiler.program.program import Program
from hwgen.compiler.tiling.fit import Fit
from hwgen.compiler.weight_schedule.schedule import StepLoads
from hwgen.hw.isa.config import CoreConfig


class PassTiming(Protocol):
    """Predicted cycles of one pass; `wait`: it started so much later because its weights were not there."""

    @property
    def name(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def cycles(self) -> int: ...
    @property
    def wait(self) -> int: ...
    @property
    def bound(self) -> str: ...


class FrameTiming(Protocol):
    """Predicted cycles of a frame."""

    @property
    def passes(self) -> Sequence[PassTiming]: ...
    @property
    def cycles(self) -> int: ...
    @property
    def clock_hz(self) -> int: ...
    @property
    def memory_hz(self) -> int: ...


@dataclass(frozen=True, eq=False)
class Plan:
    """A network on a board, before any hardware.

    Attributes:
        graph: the int8 network in the machine's operations (see `hwgen.compiler.legalise`).
        board, part: names.
        config: core to generate.
        lowered: logical passes.
        fit: stripes, steps, memory map.
        loads: weight schedule.
        program: of one frame, or of a batch of frames.
        timing: predicted cycles.
        resources: what the core takes of the part (block RAM exact, the others estimated).
        single: of a batch, the plan that runs one frame at a time on the same core.
    """

    graph: QGraph
    board: str
    part: Part
    config: CoreConfig
    lowered: Lowered
    fit: Fit
    loads: list[StepLoads]
    program: Program
    timing: FrameTiming
    resources: Resources
    single: Plan | None = None

    @property
    def passes(self) -> Sequence[PassTiming]:
        """Every pass of the frame or batch: name, cycles, wait, bound."""
        return self.timing.passes

    @property
    def frames(self) -> int:
        """Of a batch; 1 without."""
        return self.lowered.frames

    @property
    def cycles(self) -> int:
        """Predicted cycles of a frame, or of a batch."""
        return self.timing.cycles

    @property
    def cycles_per_frame(self) -> float:
        """Of a batch, its cycles shared out."""
        return self.cycles / self.frames

    @property
    def fps(self) -> float:
        """Frames per second, one frame or batch after the other."""
        return self.timing.clock_hz * self.frames / self.cycles

    @property
    def array_macs(self) -> int:
        """Multiply-accumulates of a frame or batch that the array does."""
        return sum(self.program.macs)

    @property
    def on_chip(self) -> bool:
        """Weights, parameters and descriptors are in block RAM from power-on; there is no SDRAM in the design."""
        return self.program.resident is not None

    def image(self) -> bytes:
        """Content of the SDRAM: the command stream, with an empty image; nothing without SDRAM."""
        return self.program.stream.astype("<u2").tobytes()

    def digest(self) -> str:
        """SHA-256 of everything that the machine does: core, stream, content of its memories."""
        resident = self.program.resident
        content = json.dumps([asdict(self.config), resident and asdict(resident)])
        return hashlib.sha256(content.encode() + self.image()).hexdigest()
