"""What a board is: its FPGA, its pins and what they are wired to, its memory. A board is one object in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hwgen.boards.family import Family
from hwgen.boards.wiring import Memory, Pins, Wiring
from hwgen.hw.isa.host_protocol import BAUD


@dataclass(frozen=True)
class Part:
    """An FPGA, as far as a plan asks for it; what only the family's own tools ask for is in a subclass of the family's.

    Attributes:
        name: ordering name without package and speed ("LFE5U-85F").
        family: what it is one of.
        lut: four-input look-up tables.
        ff: flip-flops.
        dsp: multiplier blocks, each of which makes one product of 8 x 8 bits.
        ebr: block RAMs.
    """

    name: str
    family: Family
    lut: int
    ff: int
    dsp: int
    ebr: int


@dataclass(frozen=True)
class Board:
    """A board that hwgen makes bitstreams for.

    Attributes:
        name: name for the command line.
        title: name for people.
        part: the FPGA.
        package: its package, as the tools name it.
        speed_grade: as the tools name it.
        oscillator_hz: clock that the board supplies, Hz.
        default_clock_hz: clock that a build aims at unless told otherwise, Hz.
        memory: the SDRAM.
        wiring: what the other ports are.
        pins: by port name; may have ports that no design uses.
        loader: command that loads a bitstream into the FPGA until the power is off, without the file; empty: not known.
        baud: of the serial line to the host.

    Raises:
        ValueError: a port of the memory or the wiring has no pins, or another number of them than the memory's geometry asks for.
    """

    name: str
    title: str
    part: Part
    package: str
    speed_grade: int
    oscillator_hz: int
    default_clock_hz: int
    memory: Memory
    wiring: Wiring
    pins: Mapping[str, Pins]
    loader: str = ""
    baud: int = BAUD

    def __post_init__(self) -> None:
        part, ports = self.memory.part, self.memory.ports
        widths = {"a": part.address_pins, "ba": part.bank_bits, "dq": part.width, "dqm": part.width // 8}
        expected = {port: widths.get(pin, 1) for pin, port in ports.items()}
        expected |= dict.fromkeys((self.wiring.clock, self.wiring.serial_in, self.wiring.serial_out), 1)
        for port, width in expected.items():
            sites = self.pins[port].sites if port in self.pins else ()
            if len(sites) != width:
                raise ValueError(
                    f"the board {self.name} has {len(sites)} pins of the port {port}, which must have {width}"
                )
        if self.wiring.leds not in self.pins:
            raise ValueError(f"the board {self.name} has no pins of the port {self.wiring.leds}")

    @property
    def max_clock_hz(self) -> int:
        """Highest clock of the memory, which is the machine's too."""
        return self.memory.max_clock_hz

    def ports(self, *, sdram: bool) -> dict[str, int]:
        """Names and widths of the ports of a design with or without SDRAM, in the order in which they stand in it."""
        wiring = self.wiring
        names = [wiring.clock, wiring.serial_out, wiring.serial_in, wiring.leds]
        names += self.memory.ports.values() if sdram else ()
        return {name: len(self.pins[name].sites) for name in names}
