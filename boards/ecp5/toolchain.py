"""Synthesis and packing: yosys and ecppack, as pinned Python packages; nextpnr-ecp5 stands in `hwgen.boards.ecp5.route`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from hwgen.boards.ecp5.tools import ECPPACK, YOSYS
from hwgen.boards.family import Recipe
from hwgen.boards.tools import Progress, run_tool
from hwgen.compiler.plan.target import Part
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


def pack(folder: Path, config: str, bitstream: str, *, progress: Progress, logs: Path | None = None) -> None:
    """Run ecppack in `folder`: text configuration to bitstream; log in `ecppack.log` of the folder `logs` (default `folder`).

    Raises:
        ToolError: ecppack is missing or failed.
    """
    arguments = ["--compress", "--freq", "62.0", "--input", config, "--bit", bitstream]
    log = (logs or folder) / "ecppack.log"
    run_tool(ECPPACK, arguments, folder=folder, log=log, progress=progress, news=lambda line: None)
