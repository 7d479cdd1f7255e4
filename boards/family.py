"""What an FPGA family decides: the interface between the boards and builds on one side and a vendor's blocks, cells and tools on the other.

A family is one object, the same for all its parts; a `hwgen.boards.board.Part` names it. Nothing outside a family's folders (`boards/ecp5`,
`hw/ecp5`) names one of its primitives or one of its tools' options. What boards and builds ask of a family is behind this interface; the
machine's block RAMs, multipliers and carry chains are not yet: `hw` takes them from `hwgen.hw.ecp5`, so another family needs its own there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from hwgen.boards.tools import Progress, Tool
from hwgen.boards.wiring import Memory, Pins, Wiring
from hwgen.compiler.plan.target import Part
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.memories import RamPorts
from hwgen.hw.memory.clock_ratio import ONE_CLOCK, ClockRatio

if TYPE_CHECKING:
    from amaranth.hdl import Instance, IOValue, Signal, Value

ROUTE_REPORT = "nextpnr.json"
"""File of place and route's own report, in the build's folder."""


@dataclass(frozen=True)
class ClockGenerator(ABC):
    """Settings of the block that makes the machine's clock from the board's. A family adds fields of plain values, which go into the
    build number.

    Attributes:
        input_hz: the board's clock, Hz.
    """

    input_hz: int

    @property
    @abstractmethod
    def output_hz(self) -> Fraction:
        """The machine's clock, Hz, exact."""

    @property
    def ratio(self) -> ClockRatio:
        """Of the core's clock and the memory's; 1:1 of a generator of one clock."""
        return ONE_CLOCK

    @property
    def memory_hz(self) -> Fraction:
        """The memory's clock, Hz, exact."""
        return self.output_hz * self.ratio.memory / self.ratio.core


@dataclass(frozen=True)
class Recipe:
    """Choices of synthesis (yosys) and of place and route (nextpnr).

    Attributes:
        keep_modules: name patterns of modules whose hierarchy stays until synthesis is done, so that yosys cannot merge registers
            of different elements into one net across the die; it is flattened afterwards.
        synth_options: options of the family's synthesis command.
        placer: of nextpnr.
        router: of nextpnr.
        router_options: options of the router.
        seeds: tried until the clock is met.
        every_seed: try all of them, and keep the fastest.
    """

    keep_modules: tuple[str, ...]
    synth_options: tuple[str, ...]
    placer: str
    router: str
    router_options: tuple[str, ...]
    seeds: tuple[int, ...]
    every_seed: bool = False


@dataclass(frozen=True)
class Usage:
    """How many cells of a kind a design takes and the part has."""

    used: int
    available: int


@dataclass(frozen=True)
class Routed:
    """Result of place and route.

    Attributes:
        fmax_mhz: highest clock of the design. Of one with several clocks it is the core's, scaled to what the slowest domain or path
            between two of them reaches of what it has to.
        constraint_mhz: clock that the core has to reach.
        resources: `lut`, `ff`, `dsp`, `ebr`.
        seed: seed of the placer.
    """

    fmax_mhz: float
    constraint_mhz: float
    resources: dict[str, Usage] = field(default_factory=dict)
    seed: int = 1

    @property
    def timing_met(self) -> bool:
        """Whether the clock is reached."""
        return self.fmax_mhz >= self.constraint_mhz


class Cells(ABC):
    """The cells between the machine and the balls. Each method returns the instance of one cell, which the top level names and adds.

    Registers in pads are clocked by the domain `sync`, or what it is renamed to, and have no reset.
    """

    @abstractmethod
    def input_pad(self, port: IOValue, value: Signal) -> Instance:
        """From a ball to `value`."""

    @abstractmethod
    def output_pad(self, value: Value, port: IOValue) -> Instance:
        """From `value` to a ball."""

    @abstractmethod
    def bidirectional_pad(self, *, out: Value, off: Value, value: Signal, port: IOValue) -> Instance:
        """A ball that is driven with `out` unless `off`, and read as `value` always."""

    @abstractmethod
    def input_register(self, value: Value, out: Value) -> Instance:
        """The register of an input pad."""

    @abstractmethod
    def output_register(self, value: Value, out: Value) -> Instance:
        """The register of an output pad, or of its enable."""

    @abstractmethod
    def inverted_clock(self, out: Signal) -> Instance:
        """The inverse of the clock of `sync` for an output pad, of the same delay as the output registers."""

    @abstractmethod
    def clock_generator(
        self,
        settings: ClockGenerator,
        *,
        oscillator: Signal,
        clock: Signal,
        locked: Signal,
        memory: Signal,
        common: Signal,
    ) -> Instance:
        """Makes `clock` from `oscillator`; `locked` says that it is steady. With a ratio that is not 1:1, `memory` too, and `common` with
        those edges of both that are one."""

    @abstractmethod
    def clock_buffer(self, clock: Signal, out: Signal) -> Instance | None:
        """Brings a clock with few registers on a net that reaches all of them at once; None where every clock gets there by itself."""

    @abstractmethod
    def reset_buffer(self, part: Part, reset: Signal, out: Signal) -> Instance | None:
        """Brings a reset on a net that reaches the whole die in a cycle; None where the part has no such way and wires must do."""


class Target(Protocol):
    """What a family's tools are told of a `hwgen.boards.board.Board`; its attributes are explained there."""

    @property
    def name(self) -> str: ...
    @property
    def part(self) -> Part: ...
    @property
    def package(self) -> str: ...
    @property
    def speed_grade(self) -> int: ...
    @property
    def oscillator_hz(self) -> int: ...
    @property
    def memory(self) -> Memory: ...
    @property
    def wiring(self) -> Wiring: ...
    @property
    def pins(self) -> Mapping[str, Pins]: ...

    def ports(self, *, sdram: bool) -> dict[str, int]: ...


class Family(ABC):
    """One FPGA family.

    Attributes:
        name: for reports, and the `platform` argument with which its primitives are elaborated (`hwgen.hw` instantiates behavioural forms
            without one).
        constraints_suffix: of the file of constraints (".lpf").
        tools: every tool that takes part in a bitstream.
    """

    name: ClassVar[str]
    constraints_suffix: ClassVar[str]
    tools: ClassVar[tuple[Tool, ...]]

    def tool_versions(self) -> dict[str, str]:
        """Version of every tool that takes part in a bitstream, "missing" where it is not installed."""
        return {tool.name: tool.version or "missing" for tool in self.tools}

    # ---- Blocks and logic, as the planner asks for them (`hwgen.compiler.plan.target.Family`).

    block_bytes: ClassVar[int]
    """Bytes of data that a block of RAM holds, as the weight memory uses it."""

    most_lut: ClassVar[float]
    """Share of a part's look-up tables that an estimate may reach."""

    most_ff: ClassVar[float]
    """The same of its flip-flops."""

    @abstractmethod
    def ram_blocks(self, ports: RamPorts, width: int, depth: int) -> int:
        """Blocks of RAM that a memory of `depth` words of `width` bits takes."""

    @abstractmethod
    def ram_depth(self, ports: RamPorts, depth: int) -> int:
        """Words of a memory whose blocks are filled up, at least `depth`; of 1 the fewest that a memory has."""

    @abstractmethod
    def logic(self, element: str, config: CoreConfig) -> tuple[int, int]:
        """About the look-up tables and flip-flops of an element of `hwgen.hw.isa.elements`; (0, 0) if it is counted with another one."""

    @abstractmethod
    def regular(self, part: str, rows: int, cols: int) -> bool:
        """Whether an array has sites side by side on a part, which a core then assigns by name; False in a family without sites."""

    # ---- Top level: clock, reset and pads.

    @abstractmethod
    def plan_clock(self, input_hz: int, request_hz: int) -> ClockGenerator:
        """The settings whose output is nearest to `request_hz` and not above it.

        Raises:
            ValueError: no setting reaches the request; says what range is possible.
        """

    @abstractmethod
    def plan_clock_pair(self, input_hz: int, request_hz: int, memory_hz: int) -> ClockGenerator:
        """The settings with the fastest memory of at most `memory_hz` beside a core as near to `request_hz`, and not above it, as that
        allows.

        Raises:
            ValueError: no setting has a memory that is faster than the core.
        """

    @property
    @abstractmethod
    def cells(self) -> Cells:
        """The cells of the top level."""

    @abstractmethod
    def constraints(self, board: Target, ports: Mapping[str, int], clock: ClockGenerator | None = None) -> str:
        """Content of the file of constraints for the named ports of a design, and the oscillator's frequency.

        Args:
            ports: port name -> width in bits.
            clock: of the machine; where it makes several clocks, what the paths between them have to keep.

        Raises:
            ValueError: the board has no such port, or one of another width.
        """

    # ---- Tool recipe: from Verilog to a bitstream. Each step works in `folder`, with file names relative to it, and leaves its log in
    # `logs` (default `folder`). All raise ToolError if a tool is missing or fails.

    @abstractmethod
    def recipe(self, part: Part) -> Recipe:
        """What to begin with for a part."""

    @abstractmethod
    def synthesise(
        self, folder: Path, verilog: str, netlist: str, *, recipe: Recipe, progress: Progress, logs: Path | None = None
    ) -> None:
        """Verilog to a netlist of the family's cells."""

    @abstractmethod
    def floorplan(self, netlist: Path, placed: Path, part: Part, sites: Mapping[str, str]) -> float:
        """Give cells of the netlist sites: those of `sites` by cell name, others as the family finds good; write it to `placed`.

        Returns:
            Estimated wire length, tiles; 0 where a family gives no sites of its own.

        Raises:
            ValueError: the part has fewer sites than the netlist needs, or a cell of `sites` is not in it.
        """

    @abstractmethod
    def place_and_route(
        self,
        folder: Path,
        netlist: str,
        constraints: str,
        config: str,
        *,
        board: Target,
        recipe: Recipe,
        jobs: int = 1,
        progress: Progress,
        remark: Progress,
        logs: Path | None = None,
    ) -> Routed:
        """Netlist to a textual configuration `config`, and the tool's own report in ROUTE_REPORT.

        `jobs` seeds are at work at a time. `remark` is told what each seed has reached that does not end the search; it and `progress` are
        called in the caller's thread.

        Raises:
            ToolError: besides, no seed reaches the clock.
        """

    @abstractmethod
    def check_pads(self, config: Path, board: Target, *, sdram: bool) -> None:
        """Compare the pads of the textual configuration with what the board says of them, and whether the memory's are registered.

        Raises:
            ToolError: something differs.
        """

    @abstractmethod
    def pack(self, folder: Path, config: str, bitstream: str, *, progress: Progress, logs: Path | None = None) -> None:
        """Textual configuration to a bitstream."""
