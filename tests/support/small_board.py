"""A board with a small part and memory."""

from __future__ import annotations

from hwgen.boards.board import Part
from hwgen.boards.ecp5.family import ECP5
from hwgen.hw.memory.sdram_config import SdramConfig

SDRAM = SdramConfig(100_000_000, 3, 1, pad_registers=2)


class SmallBoard:
    """A board whose part has room for a small array only, so that the machine compiles quickly."""

    name = "small"

    def __init__(self, dsp: int, ebr: int) -> None:
        self.part = Part("LFE5U-25F", ECP5, lut=43848, ff=43848, dsp=dsp, ebr=ebr)
