"""What a board offers: the part's resources, the oscillator, the memory and the pins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hwgen.compiler.plan.target import Family
from hwgen.hw.memory.sdram_config import SdramPart


@dataclass(frozen=True)
class Part:
    """An ECP5 part.

    Attributes:
        name: ordering name without package and speed ("LFE5U-85F").
        device: its name for nextpnr-ecp5, without dashes ("85k").
        lut: four-input look-up tables.
        ff: flip-flops.
        dsp: MULT18X18D multipliers.
        ebr: DP16KD block RAMs of 18 kbit.
        family: what the planner asks of all parts of the family.
        global_reset: the reset goes by a global net. nextpnr finds no way from logic to the buffers of the smallest die's global nets.
    """

    name: str
    device: str
    lut: int
    ff: int
    dsp: int
    ebr: int
    family: Family
    global_reset: bool = True


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
class Board:
    """A board that hwgen makes bitstreams for.

    Attributes:
        name: name for the command line.
        title: name for people.
        part: the FPGA.
        package: its package, as nextpnr names it.
        speed_grade: 6, 7 or 8.
        oscillator_hz: clock that the board supplies, Hz.
        default_clock_hz: clock that a build aims at unless told otherwise, Hz.
        sdram: timing of the memory.
        sdram_bytes: its size, bytes.
        clock_port: port of the oscillator.
        pins: by port name.
    """

    name: str
    title: str
    part: Part
    package: str
    speed_grade: int
    oscillator_hz: int
    default_clock_hz: int
    sdram: SdramPart
    sdram_bytes: int
    clock_port: str
    pins: Mapping[str, Pins]

    @property
    def max_clock_hz(self) -> int:
        """Highest clock of the memory, which is the machine's too."""
        return 10**12 // self.sdram.cl3

    def lpf(self, ports: Mapping[str, int]) -> str:
        """Constraints (Lattice preference file) for the named ports of a design, and the oscillator's frequency.

        Args:
            ports: port name -> width in bits.

        Raises:
            ValueError: the board has no such port, or one of another width.
        """
        lines = ["BLOCK RESETPATHS;", "BLOCK ASYNCPATHS;"]
        for port, width in ports.items():
            pins = self.pins.get(port)
            if pins is None or len(pins.sites) != width:
                found = "no such port" if pins is None else f"{len(pins.sites)} pins"
                raise ValueError(f"port {port} of {width} bits: the board {self.name} has {found}")
            for i, site in enumerate(pins.sites):
                name = port if width == 1 else f"{port}[{i}]"
                options = [f"PULLMODE={pins.pull}", "IO_TYPE=LVCMOS33"]
                options += [] if pins.drive is None else [f"DRIVE={pins.drive}"]
                options += [] if pins.slew is None else [f"SLEWRATE={pins.slew}"]
                lines += [f'LOCATE COMP "{name}" SITE "{site}";', f'IOBUF PORT "{name}" {" ".join(options)};']
        lines.append(f'FREQUENCY PORT "{self.clock_port}" {self.oscillator_hz / 1e6:.6f} MHZ;')
        lines.append("SYSCONFIG CONFIG_IOVOLTAGE=3.3 COMPRESS_CONFIG=ON MCCLK_FREQ=62 MASTER_SPI_PORT=ENABLE;")
        return "\n".join(lines) + "\n"
