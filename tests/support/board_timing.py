"""The timing model of a board."""

from __future__ import annotations

from hwgen.compiler.program.program import Program
from hwgen.hw.memory.sdram_config import SdramConfig
from hwgen.sim.timing.frame import FrameTiming, predict


def timing(program: Program) -> FrameTiming:
    return predict(program, SdramConfig(100_000_000, pad_registers=2))
