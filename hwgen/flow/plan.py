"""From an int8 network to a plan: the machine for a board, and everything that it will do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwgen.errors import ResourceError
from hwgen.flow.network import Int8Network, Network, int8
from hwgen.flow.progress import Listener, step
from hwgen.flow.target import BEST_BATCH, CORE_CLOCK, Target

if TYPE_CHECKING:
    from hwgen.boards.board import Board
    from hwgen.boards.family import ClockGenerator
    from hwgen.compiler.int8.graph import QGraph
    from hwgen.compiler.plan.result import FrameTiming
    from hwgen.compiler.plan.result import Plan as MachinePlan
    from hwgen.compiler.program.program import Program


@dataclass(frozen=True, eq=False)
class Plan:
    """A network on a board, before any hardware.

    Attributes:
        network: what is planned.
        target: what it is planned for.
        board: that target's board.
        clock: setting of its clock.
        machine: the compiler's plan: core, passes, memory map, program, needs.
    """

    network: Int8Network
    target: Target
    board: Board
    clock: ClockGenerator
    machine: MachinePlan

    @property
    def name(self) -> str:
        """Names builds of it."""
        return self.network.name + self.target.suffix

    @property
    def folder(self) -> Path:
        """Where results go unless told otherwise: `build/<name>`."""
        return Path("build") / self.name

    @property
    def clock_mhz(self) -> float:
        """Clock of the machine, MHz."""
        return float(self.clock.output_hz) / 1e6

    @property
    def cycles(self) -> int:
        """Predicted clock cycles of a frame, or of a batch of `machine.frames`."""
        return self.machine.cycles

    @property
    def fps(self) -> float:
        """Predicted frames per second."""
        return self.machine.fps

    def to_json(self) -> dict[str, Any]:
        """All of it but the weights, as JSON types; what `hwgen plan --json` prints."""
        from hwgen.reports.plan import plan_json

        return plan_json(self.machine)

    def table(self, width: int | None = None) -> str:
        """Tables of passes, memory, weights, resources and totals, as `hwgen plan` prints them; columns that `width` characters do
        not hold are left out.
        """
        from hwgen.reports.plan import plan_text

        return plan_text(self.machine, width)


def plan(
    network: Network | Int8Network,
    *,
    board: str | Board = "ulx3s",
    clock_mhz: float | None = None,
    throughput: int | None = None,
    fastest: bool = False,
    k_steps: int | None = 1,
    sdram_clock: str = CORE_CLOCK,
    progress: Listener | None = None,
) -> Plan:
    """Plan a network on a board; one that is not quantised yet is quantised with the options it was loaded with.

    Args:
        network: as `hwgen.load` or `hwgen.quantise` gives it.
        board: its name, or the board itself (`hwgen.find_board`).
        clock_mhz: clock of the machine, MHz; the nearest one below that the board can make; None: its default.
        throughput: frames of a batch that share weights, 2 to 32, or BEST_BATCH for as many as are worth it; None: one frame at a time.
        fastest: take the core of the fewest cycles that the search finds, whatever logic it needs.
        k_steps: multiply-accumulates of a multiplier of the array in a cycle, 1 or 2; None: what suits network and board.
        sdram_clock: CORE_CLOCK ("core"): the machine's; OWN_CLOCK ("own"): the fastest that the SDRAM allows beside it, from the same PLL,
            where the network uses an SDRAM and stores no rows in it.
        progress: is told about the steps.

    Raises:
        ToolError: there is no such board, or no such clock on it; a batch cannot have so many frames.
        ResourceError: the network does not fit the board; says what is short and by how much.
        UnsupportedOpError: the machine does not have an operation of the network.
    """
    return plan_for(network, Target(board, clock_mhz, throughput, fastest, k_steps, sdram_clock), progress)


def plan_for(network: Network | Int8Network, target: Target, progress: Listener | None = None) -> Plan:
    """`plan` for a target that is one object."""
    board, clock = target.resolve()
    quantised = int8(network, progress)
    with step(progress, "plan") as tell:
        machine = _planned(quantised.graph, target, board, timing_model(board, clock), tell)
    if not clock.ratio.same and (machine.on_chip or machine.config.spill):
        return plan_for(quantised, replace(target, sdram_clock=CORE_CLOCK), progress)
    excess = machine.program.stream_bytes - board.memory.part.bytes
    if excess > 0:
        raise ResourceError(
            f"{quantised.name}: weights and program exceed the memory of {board.name} by {excess:,} bytes"
        )
    return Plan(quantised, target, board, clock, machine)


def machine_plan(graph: QGraph, target: Target) -> MachinePlan:
    """The compiler's plan of an int8 graph, for one that has not been loaded as a network: of a structure without weights, for example.

    Raises:
        ToolError, ResourceError, UnsupportedOpError: as of `plan`.
    """
    board, clock = target.resolve()
    return _planned(graph, target, board, timing_model(board, clock), lambda text: None)


def _planned(
    graph: QGraph,
    target: Target,
    board: Board,
    predict: Callable[[Program], FrameTiming],
    tell: Callable[[str], None],
) -> MachinePlan:
    from hwgen.compiler.legalise import legalise
    from hwgen.compiler.plan.planner import plan, stays_on_chip
    from hwgen.compiler.plan.search import search
    from hwgen.compiler.plan.throughput import nothing_to_gain, plan_batch

    legal = legalise(graph)
    k_steps = target.k_steps
    if target.throughput is not None and stays_on_chip(legal, board, predict, k_steps):
        raise nothing_to_gain(legal.name)
    single = (
        search(legal, board, predict, k_steps)[0].plan
        if target.fastest
        else plan(legal, board, predict, k_steps=k_steps, tell=tell)
    )
    if target.throughput is None:
        return single
    return plan_batch(single, predict, None if target.throughput == BEST_BATCH else target.throughput)


def timing_model(board: Board, clock: ClockGenerator) -> Callable[[Program], FrameTiming]:
    """Predicts the cycles of a program on the board's memory at the machine's clock; of a core that stores rows in the memory, with one
    clock for both, for it can have no other."""
    from hwgen.sim.timing.frame import predict

    core_hz = int(clock.output_hz)
    memory = {False: board.memory.config(core_hz, clock.ratio), True: board.memory.config(core_hz)}
    return lambda program: predict(program, memory[program.config.spill])
