"""What a board's pins are, what they are wired to, and its memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hwgen.hw.memory.clock_ratio import ONE_CLOCK, ClockRatio
from hwgen.hw.memory.sdram_config import SdramConfig, SdramPart


@dataclass(frozen=True)
class Pins:
    """The pads of one port.

    Attributes:
        sites: package balls, bit 0 first.
        pull: "NONE", "UP" or "DOWN".
        drive: output drive, mA; None for an input.
        slew: "FAST", "SLOW" or None for the default.
    """

    sites: tuple[str, ...]
    pull: str = "NONE"
    drive: int | None = None
    slew: str | None = None


@dataclass(frozen=True)
class Wiring:
    """Which of a board's ports the machine's serial line, lights and clock are.

    Attributes:
        clock: the oscillator.
        serial_in: the serial line that the machine receives.
        serial_out: the one that it sends.
        leds: lights, lit by 1; fewer than the machine has show its lowest ones, of more the last ones stay dark.
    """

    clock: str
    serial_in: str
    serial_out: str
    leds: str


@dataclass(frozen=True)
class Memory:
    """A board's SDRAM and the way to it. Its clock is the inverse of its controller's, from a register in a pad like everything else, so
    that command and data are stable half a period before and after its edges.

    Attributes:
        part: timing and geometry.
        cas_latency: 2 or 3.
        capture_delay: cycles that pads, wires and access time add to it, see `hwgen.hw.memory.sdram_config.SdramConfig`.
        ports: pins of the memory (`clk` and the names of `hwgen.hw.memory.sdram.sdram_pins`, `dq` for the data) -> ports of the board,
            in the order in which they stand in the design.
    """

    part: SdramPart
    cas_latency: int
    capture_delay: int
    ports: Mapping[str, str]

    pad_registers = 2
    """Cycles that the registers in the pads add to a signal's way from the machine to the memory and back: one each way."""

    def config(self, core_hz: int, ratio: ClockRatio = ONE_CLOCK) -> SdramConfig:
        """The memory beside a core of this clock."""
        return SdramConfig(
            clock_hz=core_hz * ratio.memory // ratio.core,
            ratio=ratio,
            cas_latency=self.cas_latency,
            capture_delay=self.capture_delay,
            pad_registers=self.pad_registers,
            part=self.part,
        )

    @property
    def max_clock_hz(self) -> int:
        """Highest clock at this CAS latency, Hz."""
        return 10**12 // (self.part.cl2 if self.cas_latency == 2 else self.part.cl3)
