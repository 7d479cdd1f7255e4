"""From Verilog to a bitstream: yosys, nextpnr-ecp5 and ecppack, as pinned Python packages."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from hwgen.boards.ecp5.nextpnr_news import NextpnrNews
from hwgen.boards.ecp5.part import own
from hwgen.boards.ecp5.router_watch import RouterStuckError, RouterWatch
from hwgen.boards.ecp5.tools import ECPPACK, NEXTPNR, YOSYS
from hwgen.boards.family import ROUTE_REPORT, Recipe, Routed, Target, Usage
from hwgen.boards.tools import Progress, run_tool
from hwgen.compiler.plan.target import Part
from hwgen.errors import ToolError
from hwgen.hw.kept_modules import COPY_PREFIX, ELEMENT_PREFIX

TOP = "top"


_SMALL_DIE = 50_000
"""LUTs: parts with fewer have `recipe_for` take another placer and router."""

LARGE_DIE = Recipe(
    keep_modules=(f"*.{ELEMENT_PREFIX}*", f"*.{COPY_PREFIX}*"),
    synth_options=("-nodsp",),  # every multiplier block is instantiated by the RTL
    # Behind `heap` (the default) router2 never got rid of some 1,300 overused wires of an LFE5U-85F's full core; behind `static` it
    # routes it.
    placer="static",
    router="router2",  # twice as fast as router1 for the full core
    # Without it router2 sends a few wires on long detours and nothing brings them back: the same placement of the full core routes to
    # 72 MHz without it and to 90 MHz with it.
    router_options=("--tmg-ripup",),
    seeds=(1, 2, 3),
)

SMALL_DIE = replace(LARGE_DIE, placer="heap", router="router1", router_options=())
"""A 5 x 4 core takes 85 % of the LUTs of the smallest die (24,288). router2 never routed it, behind neither placer: with every round more
wires were overused. Behind `heap`, router1 routes it in three minutes, and an 8 x 8 core with 79 % of an LFE5U-45F's LUTs too."""


def recipe_for(part: Part) -> Recipe:
    """What to begin with for a part."""
    return LARGE_DIE if part.lut > _SMALL_DIE else SMALL_DIE


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
    log = (logs or folder) / "yosys.log"
    run_tool(YOSYS, ["-s", "yosys.ys"], folder=folder, log=log, progress=progress, news=yosys_news)


def yosys_news(line: str) -> str | None:
    """What yosys says that it is doing, of a line that it prints where a command or the part of one begins."""
    found = re.match(r"(\d+\.(?:\d+\.)?) Executing ([\w-]+) (?:pass \((.*)\))?", line)
    return None if found is None else f"{found[1]} {found[2].lower()}{f': {found[3]}' if found[3] else ''}"


def place_and_route(
    folder: Path,
    netlist: str,
    constraints: str,
    config: str,
    *,
    board: Target,
    recipe: Recipe,
    progress: Progress,
    remark: Progress,
    logs: Path | None = None,
) -> Routed:
    """Run nextpnr-ecp5 in `folder`, with one seed after the other until one reaches the clock; its report in ROUTE_REPORT.

    The log of seed N is `nextpnr_seed_N.log` in the folder `logs` (default `folder`).

    Args:
        netlist: from `synthesise`, with sites for the block RAMs.
        constraints: LPF file; the clock's frequency follows from the oscillator's and the PLL's settings.
        config: text configuration to write, for `pack`.
        remark: is told by how much a seed missed the clock.

    Raises:
        ToolError: nextpnr is missing or failed, e.g. because the design does not fit, or no seed reaches the clock.
    """
    for old in (logs or folder).glob("nextpnr*.log"):  # of another build, which may have tried more seeds
        old.unlink()
    best: Routed | None = None
    stuck: RouterStuckError | None = None
    for number, seed in enumerate(recipe.seeds, 1):
        news = NextpnrNews(f"seed {number} of {len(recipe.seeds)}: " if len(recipe.seeds) > 1 else "")
        log = (logs or folder) / f"nextpnr_seed_{seed}.log"
        arguments = [f"--{own(board.part).device}", "--package", board.package, "--speed", str(board.speed_grade)]
        arguments += ["--json", netlist, "--lpf", constraints, "--textcfg", config, "--report", ROUTE_REPORT]
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
            run_tool(NEXTPNR, arguments, folder=folder, log=log, progress=progress, news=news, watch=RouterWatch())
        except RouterStuckError as error:
            stuck = error
            remark(f"seed {seed}: {stuck_at(error)}; log {log}")
            continue
        routed = read_report(folder / ROUTE_REPORT, board, seed)
        if best is None or routed.fmax_mhz > best.fmax_mhz:
            best = routed
        if routed.timing_met:
            return routed
        reached, asked = routed.fmax_mhz, routed.constraint_mhz
        remark(
            f"seed {seed}: {reached:.1f} MHz reached, {asked - reached:.1f} MHz less than the {asked:.1f} asked; log {log}"
        )
    seeds = f"(seeds {', '.join(map(str, recipe.seeds))})"
    if best is not None:
        raise ToolError(
            f"timing not met: {best.fmax_mhz:.1f} MHz reached, {best.constraint_mhz:.1f} MHz asked for {seeds}: "
            f"build with a clock of {int(best.fmax_mhz)} MHz or less; logs {logs or folder}"
        )
    assert stuck is not None
    remedy = "take a smaller network" if stuck.overused else "build with a lower clock"
    raise ToolError(f"{stuck_at(stuck)} {seeds}: {remedy}; logs {logs or folder}")


def stuck_at(error: RouterStuckError) -> str:
    """What a router that made no progress had not solved."""
    if error.overused:
        return f"no route: {error.overused} wires stay overused"
    estimate = "" if error.placed_mhz is None else f", {error.placed_mhz:.1f} MHz estimated after the placement"
    return f"timing not met: {error.slow} connections stay too slow{estimate}"


def read_report(path: Path, board: Target, seed: int) -> Routed:
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
    run_tool(ECPPACK, arguments, folder=folder, log=log, progress=progress, news=lambda line: None)
