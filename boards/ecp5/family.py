"""Lattice's ECP5: the family's object. What takes time to load is loaded by the method that needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hwgen.boards.ecp5.planning import Ecp5Planning
from hwgen.boards.ecp5.pll import Pll, plan_pll
from hwgen.boards.ecp5.pll_pair import PllPair, plan_pll_pair
from hwgen.boards.ecp5.tools import ECPPACK, NEXTPNR, YOSYS
from hwgen.boards.family import Cells, ClockGenerator, Family, Recipe, Routed, Target
from hwgen.boards.tools import Progress
from hwgen.compiler.plan.target import Part


@dataclass(frozen=True)
class Ecp5(Ecp5Planning, Family):
    """Parts with 18 x 18 multiplier blocks in rows across the die, block RAMs of 18 kbit, four-input look-up tables."""

    name = "ecp5"
    constraints_suffix = ".lpf"
    tools = (YOSYS, NEXTPNR, ECPPACK)

    def plan_clock(self, input_hz: int, request_hz: int) -> Pll:
        return plan_pll(input_hz, request_hz)

    def plan_clock_pair(self, input_hz: int, request_hz: int, memory_hz: int) -> PllPair:
        return plan_pll_pair(input_hz, request_hz, memory_hz)

    @property
    def cells(self) -> Cells:
        from hwgen.boards.ecp5.cells import Ecp5Cells

        return Ecp5Cells()

    def constraints(self, board: Target, ports: Mapping[str, int], clock: ClockGenerator | None = None) -> str:
        from hwgen.boards.ecp5.constraints import lpf

        return lpf(board, ports, clock)

    def recipe(self, part: Part) -> Recipe:
        from hwgen.boards.ecp5.toolchain import recipe_for

        return recipe_for(part)

    def synthesise(
        self, folder: Path, verilog: str, netlist: str, *, recipe: Recipe, progress: Progress, logs: Path | None = None
    ) -> None:
        from hwgen.boards.ecp5.toolchain import synthesise

        synthesise(folder, verilog, netlist, recipe=recipe, progress=progress, logs=logs)

    def floorplan(self, netlist: Path, placed: Path, part: Part, sites: Mapping[str, str]) -> float:
        from hwgen.boards.ecp5.floorplan import place_block_rams

        return place_block_rams(netlist, placed, part.name, sites)

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
        from hwgen.boards.ecp5.route import place_and_route

        return place_and_route(
            folder,
            netlist,
            constraints,
            config,
            board=board,
            recipe=recipe,
            jobs=jobs,
            progress=progress,
            remark=remark,
            logs=logs,
        )

    def check_pads(self, config: Path, board: Target, *, sdram: bool) -> None:
        from hwgen.boards.ecp5.pads import check_pads

        check_pads(config.read_text(), board, sdram=sdram)

    def pack(self, folder: Path, config: str, bitstream: str, *, progress: Progress, logs: Path | None = None) -> None:
        from hwgen.boards.ecp5.toolchain import pack

        pack(folder, config, bitstream, progress=progress, logs=logs)


ECP5 = Ecp5()
