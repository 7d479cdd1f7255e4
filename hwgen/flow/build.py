"""The main job: from a plan to a folder with bitstream, weight image and report.

Steps: weight image, RTL, synthesis, floorplan, place and route, bitstream, report. Each is done again only when something that it
depends on has changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from hwgen.boards.family import ROUTE_REPORT
from hwgen.digests import source_digest
from hwgen.extras import require
from hwgen.files import remove_file
from hwgen.flow.build_report import REPORT, SUMMARY, make_report, write_report
from hwgen.flow.cache import cache_folder
from hwgen.flow.design import build_number, design_of
from hwgen.flow.outlook import Outlook
from hwgen.flow.plan import Plan
from hwgen.flow.progress import Listener, note, step
from hwgen.flow.steps import BuildFolder
from hwgen.reports.build import closing, summary
from hwgen.reports.plan import plan_json, plan_text

if TYPE_CHECKING:
    from hwgen.boards.board import Board
    from hwgen.boards.family import Recipe
    from hwgen.compiler.plan.result import Plan as MachinePlan

VERILOG, CONSTRAINTS, SITES = "top.v", "top", "sites.json"  # the suffix of the constraints is the family's
NETLIST, FLOORPLAN = "netlist.json", "floorplan.json"
CONFIG, IMAGE, PLAN, PLAN_TEXT = "top.config", "sdram.bin", "plan.json", "plan.txt"
TOOL_STEPS = ("synthesis", "floorplan", "place and route", "bitstream")
"""Those that take minutes, and the longer the larger the Verilog is."""


@dataclass(frozen=True)
class BuildResult:
    """A finished build.

    Attributes:
        folder: with everything in it.
        file: name of the bitstream there.
        report: content of report.json (`hwgen.reports.build.SCHEMA`).
        loader: command that loads a bitstream into the board, without the file; empty: not known.
    """

    folder: Path
    file: str
    report: dict[str, Any]
    loader: str = ""

    @property
    def bitstream(self) -> Path:
        """The bitstream."""
        return self.folder / self.file

    @property
    def fmax_mhz(self) -> float:
        """Highest clock after place and route, MHz."""
        return float(self.report["fmax_mhz"])

    def to_json(self) -> dict[str, Any]:
        """The report."""
        return self.report

    def summary(self, width: int | None = None) -> str:
        """The report for people, in lines of at most `width` characters."""
        return summary(self.report, width)

    def closing(self) -> str:
        """What there is now, and what to do with it: folder, bitstream, slack, next command."""
        return closing(self.report, self.folder, self.bitstream, self.loader)


def build(
    plan: Plan,
    folder: Path | BuildFolder | None = None,
    *,
    recipe: Recipe | None = None,
    seeds: int | None = None,
    jobs: int = 1,
    progress: Listener | None = None,
) -> BuildResult:
    """Build the design of a plan: Verilog, netlist, bitstream, weight image, report. Takes minutes to most of an hour.

    Args:
        plan: what to build.
        folder: of the results, where steps whose inputs did not change are not done again; None: `plan.folder`.
        recipe: choices of synthesis and place and route; None: those of the part.
        seeds: place and route with so many seeds, and keep the fastest result; None: with those of the recipe until one reaches the clock.
        jobs: so many of them at a time, each a process of its own (some 1.5 GB for an LFE5U-85F).
        progress: is told about the steps.

    Raises:
        ToolError: a tool is missing or failed, the clock is not met, the folder cannot be written.
    """
    require("build", "building")
    machine, board = plan.machine, plan.board
    family = board.part.family
    recipe = recipe or family.recipe(board.part)
    if seeds is not None:
        recipe = replace(recipe, seeds=tuple(range(1, seeds + 1)), every_seed=True)
    with BuildFolder.at(folder or plan.folder) as place:
        at = place.path
        remove_file(at / REPORT)  # speaks of the files of one finished build only
        remove_file(at / SUMMARY)
        steps = _Steps(place, progress, f"{board.part.name} {recipe}")
        constraints = CONSTRAINTS + family.constraints_suffix
        images = [] if machine.on_chip else [IMAGE]
        if machine.on_chip:
            remove_file(at / IMAGE)  # of an earlier build
        key = f"{machine.digest()} {plan.network.source.digest()}"
        steps.run("image", [], key, [*images, PLAN, PLAN_TEXT], lambda at, tell: _write_image(at, machine))
        steps.run(
            "rtl",
            [],
            f"{machine.config} {build_number(machine, plan.clock)} {board} {plan.clock} {source_digest('hw', 'boards')}",
            [VERILOG, constraints, SITES],
            lambda at, tell: _write_rtl(at, plan),
        )
        bitstream = f"{at.resolve().name}.bit"

        def pack(at: Path, tell: Callable[[str], None]) -> None:
            family.check_pads(at / CONFIG, board, sdram=not machine.on_chip)
            family.pack(at, CONFIG, bitstream, progress=tell, logs=place.logs)

        versions = json.dumps(family.tool_versions())
        steps.run(
            "synthesis",
            [VERILOG],
            f"{recipe} {versions}",
            [NETLIST],
            lambda at, tell: family.synthesise(at, VERILOG, NETLIST, recipe=recipe, progress=tell, logs=place.logs),
        )
        steps.run(
            "floorplan",
            [NETLIST, SITES],
            f"{board.part} {source_digest('boards')}",
            [FLOORPLAN],
            lambda at, tell: _place_block_rams(at, board),
        )
        routed = steps.run(
            "place and route",
            [FLOORPLAN, constraints],
            f"{recipe} {board} {versions}",
            [CONFIG, ROUTE_REPORT],
            lambda at, tell: asdict(
                family.place_and_route(
                    at,
                    FLOORPLAN,
                    constraints,
                    CONFIG,
                    board=board,
                    recipe=recipe,
                    jobs=jobs,
                    progress=tell,
                    remark=lambda text: note(progress, text),
                    logs=place.logs,
                )
            ),
        )
        steps.run(
            "bitstream",
            [CONFIG],
            f"{board} {versions}",
            [bitstream],
            pack,
        )
        files = [VERILOG, constraints, NETLIST, CONFIG, bitstream, *images, PLAN]
        report = make_report(plan, routed, at, files)
        write_report(at, report)
        return BuildResult(at, bitstream, report, board.loader)


class _Steps:
    def __init__(self, place: BuildFolder, progress: Listener | None, kind: str) -> None:
        self.place = place
        self.progress = progress
        self.outlook = Outlook(cache_folder("builds") / "took.json", kind, TOOL_STEPS)
        place.logs.mkdir(exist_ok=True)

    def run(
        self,
        name: str,
        inputs: list[str],
        key: str,
        outputs: list[str],
        work: Callable[[Path, Callable[[str], None]], dict[str, Any] | None],
    ) -> dict[str, Any]:
        def shown(at: Path) -> dict[str, Any] | None:
            with step(self.progress, name) as tell:
                return work(at, tell) if name not in TOOL_STEPS else self._foreseen(name, at, tell, work)

        facts = self.place.step(name.replace(" ", "-"), inputs=inputs, key=key, outputs=outputs, work=shown)
        if name.replace(" ", "-") in self.place.reused:
            note(self.progress, f"{name}: unchanged, reused")
        return facts

    def _foreseen(
        self,
        name: str,
        at: Path,
        tell: Callable[[str], None],
        work: Callable[[Path, Callable[[str], None]], dict[str, Any] | None],
    ) -> dict[str, Any] | None:
        """Does a step of which earlier builds tell how long it takes, and says with each piece of news what is left."""
        size, began = (self.place.path / VERILOG).stat().st_size, monotonic()

        def told(text: str) -> None:
            left = self.outlook.left(name, size, monotonic() - began)
            if words := [part for part in (text, left) if part]:
                tell("; ".join(words))

        told("")
        facts = work(at, told)
        self.outlook.took(name, size, monotonic() - began)
        return facts


def _write_image(at: Path, plan: MachinePlan) -> None:
    if not plan.on_chip:
        (at / IMAGE).write_bytes(plan.image())
    (at / PLAN).write_text(json.dumps(plan_json(plan), indent=2) + "\n")
    (at / PLAN_TEXT).write_text(f"{plan_text(plan)}\n")


def _place_block_rams(at: Path, board: Board) -> dict[str, Any]:
    sites = json.loads((at / SITES).read_text())
    return {"wire_length": board.part.family.floorplan(at / NETLIST, at / FLOORPLAN, board.part, sites)}


def _write_rtl(at: Path, plan: Plan) -> None:
    from hwgen.boards.bitstream import constraints

    board = plan.board
    design = design_of(plan.machine, board, plan.clock)
    (at / VERILOG).write_text(design.text)
    (at / SITES).write_text(json.dumps(design.sites, indent=1) + "\n")
    file = at / (CONSTRAINTS + board.part.family.constraints_suffix)
    file.write_text(constraints(board, plan.clock, sdram=not plan.machine.on_chip))
