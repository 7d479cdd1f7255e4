"""report.json of a build: one schema, versioned, checked before it is written; and its summary for people.

A type of `SCHEMA` is a Python type, a dict of named members (all required, no others), a list with the type of its items,
`Map(type)` for members of any name, or `Maybe(type)` where null stands for "not measured".
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from hwgen.reports.cycle_breakdown import NAMES as CYCLE_BREAKDOWN
from hwgen.reports.elements import array_text
from hwgen.reports.tables import rendered

SCHEMA_VERSION = 7

SDRAM, ON_CHIP = "SDRAM", "block RAM"
"""Where the weights are: in the weight image that the host loads, or in the bitstream itself."""


@dataclass(frozen=True)
class Maybe:
    """Null or a value of type `type`."""

    type: Any


@dataclass(frozen=True)
class Map:
    """Members of any name, each of type `type`."""

    type: Any


USAGE = {"used": int, "available": int}

SCHEMA: dict[str, Any] = {
    "schema": int,
    "name": str,  # of the build
    "network": str,
    "options": Map(Maybe((str, int, float))),  # width, resolution, seed, ...
    "board": str,
    "part": str,
    "weights": str,  # "file ..." or "random, seed N"
    "weight_memory": str,  # SDRAM or ON_CHIP
    "plan": str,  # digest of everything that the machine does, weights included
    "array": {"rows": int, "cols": int, "k_steps": int},
    "clock_mhz": float,  # of the machine
    "fmax_mhz": Maybe(float),  # after place and route
    "timing_met": Maybe(bool),
    "resources": Maybe(dict.fromkeys(("lut", "ff", "dsp", "ebr"), USAGE)),
    "macs": int,  # of a frame, all operations
    "array_macs": int,  # of a frame or batch, those of the array
    "weight_bytes": int,
    "predicted": {"cycles": int, "frames": int, "fps": float},  # of a batch of so many frames; 1: one frame at a time
    # cycle_breakdown: of all the frame's cycles, as the machine counted them
    "simulated": Maybe(
        {"cycles": int, "frames": int, "mismatches": int, "cycle_breakdown": dict.fromkeys(CYCLE_BREAKDOWN, int)}
    ),
    "mac_utilisation": float,  # array_macs / (cycles * rows * cols * k_steps)
    "bottleneck": [{"pass": str, "cycles": int, "wait": int, "bound": str}],  # `wait`: cycles before the pass
    "files": Map(str),  # file of the build folder -> SHA-256
    "tools": Map(str),  # tool -> version
}

BOUNDS = ("compute", "window", "weights", "output", "fill")
"""What can bound a pass."""


def problems(report: object) -> list[str]:
    """Everything that is wrong with a report, one line each; empty if it obeys the schema and agrees with itself."""
    found = list(_check(report, SCHEMA, "report"))
    if not found:
        assert isinstance(report, dict)
        found = list(_disagreements(report))
    return found


def fits(value: object, member: str) -> bool:
    """Whether `value` may stand in a report under this name."""
    return not list(_check(value, SCHEMA[member], member))


def _check(value: object, kind: Any, where: str) -> list[str]:
    match kind:
        case Maybe():
            return [] if value is None else _check(value, kind.type, where)
        case Map():
            if not isinstance(value, dict):
                return [f"{where} must be an object, not {value!r}"]
            return [line for name, member in value.items() for line in _check(member, kind.type, f"{where}.{name}")]
        case dict():
            if not isinstance(value, dict):
                return [f"{where} must be an object, not {value!r}"]
            lines = [f"{where}.{name} is missing" for name in kind if name not in value]
            lines += [f"{where}.{name} is not in the schema" for name in value if name not in kind]
            for name in kind.keys() & value.keys():
                lines += _check(value[name], kind[name], f"{where}.{name}")
            return lines
        case [item]:
            if not isinstance(value, list):
                return [f"{where} must be an array, not {value!r}"]
            return [line for i, member in enumerate(value) for line in _check(member, item, f"{where}[{i}]")]
        case _:
            kinds = kind if isinstance(kind, tuple) else (kind,)
            if float in kinds and isinstance(value, int) and not isinstance(value, bool):
                return []
            if isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds):
                return []
            return [f"{where} must be {' or '.join(k.__name__ for k in kinds)}, not {value!r}"]


def _disagreements(report: dict[str, Any]) -> list[str]:
    lines = []
    if report["schema"] != SCHEMA_VERSION:
        lines.append(f"report.schema must be {SCHEMA_VERSION}, not {report['schema']}")
    predicted, array = report["predicted"], report["array"]
    fps = report["clock_mhz"] * 1e6 * predicted["frames"] / predicted["cycles"]
    if abs(fps - predicted["fps"]) > 0.01 * fps:
        lines.append(f"report.predicted.fps must be clock * frames / cycles = {fps:.2f}, not {predicted['fps']}")
    use = report["array_macs"] / (predicted["cycles"] * prod(array.values()))
    if abs(use - report["mac_utilisation"]) > 0.01 * use:
        lines.append(f"report.mac_utilisation must be {use:.4f}, not {report['mac_utilisation']}")
    if report["fmax_mhz"] is not None and report["timing_met"] != (report["fmax_mhz"] >= report["clock_mhz"]):
        lines.append("report.timing_met must say whether fmax_mhz reaches clock_mhz")
    simulated = report["simulated"]
    if simulated is not None and sum(simulated["cycle_breakdown"].values()) != simulated["cycles"]:
        lines.append(f"report.simulated.cycle_breakdown must add up to the {simulated['cycles']} cycles")
    for kind, usage in (report["resources"] or {}).items():
        if usage["used"] > usage["available"]:
            lines.append(f"report.resources.{kind}: {usage['used']} used of {usage['available']}")
    if sum(entry["cycles"] + entry["wait"] for entry in report["bottleneck"]) > predicted["cycles"]:
        lines.append(f"report.bottleneck must not have more than the {predicted['cycles']} cycles that are predicted")
    if report["weight_memory"] not in (SDRAM, ON_CHIP):
        lines.append(f"report.weight_memory must be {SDRAM} or {ON_CHIP}, not {report['weight_memory']!r}")
    lines += [
        f"report.bottleneck: unknown bound {entry['bound']!r}"
        for entry in report["bottleneck"]
        if entry["bound"] not in BOUNDS
    ]
    if not report["weights"].startswith(("file ", "random, seed ")):
        lines.append(f"report.weights must say where the weights are from, not {report['weights']!r}")
    return lines


def summary(report: dict[str, Any], width: int | None = None) -> str:
    """The report as text for people, in lines of at most `width` characters; None: 110."""
    import rich.console
    import rich.table

    table = rich.table.Table(title=f"{report['name']} on {report['board']}", show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column()
    array, predicted, simulated = report["array"], report["predicted"], report["simulated"]
    place = "block RAM, in the bitstream" if report["weight_memory"] == ON_CHIP else "SDRAM, loaded by the host"
    table.add_row("weights", f"{report['weights']}; {place}")
    table.add_row(
        "array", f"{array_text(list(array.values()))} = {prod(array.values())} multiply-accumulates per cycle"
    )
    table.add_row("clock", f"{report['clock_mhz']:g} MHz")
    if report["fmax_mhz"] is not None:
        met = "met" if report["timing_met"] else "NOT MET"
        table.add_row("place and route", f"{report['fmax_mhz']:.1f} MHz, timing {met}")
    for kind, usage in (report["resources"] or {}).items():
        share = 100 * usage["used"] / usage["available"]
        table.add_row(kind, f"{usage['used']:,} of {usage['available']:,} ({share:.0f} %)")
    table.add_row(
        "work per frame",
        f"{report['macs'] / 1e6:.1f} M multiply-accumulates, {report['weight_bytes']:,} bytes of weights",
    )
    frames = f" for a batch of {predicted['frames']} frames" if predicted["frames"] > 1 else ""
    table.add_row("predicted", f"{predicted['cycles']:,} cycles{frames}, {predicted['fps']:.1f} frames per second")
    if simulated is not None:
        table.add_row("simulated", f"{simulated['cycles']:,} cycles, {simulated['mismatches']} mismatches")
        table.add_row("cycles by cause", _shares(simulated["cycle_breakdown"]))
    table.add_row("array utilisation", f"{100 * report['mac_utilisation']:.1f} %")
    table.add_row("all cycles by bound", _shares(_bounds(report)))
    return rendered(table, width or 110)


def closing(report: dict[str, Any], folder: Path, bitstream: Path, loader: str) -> str:
    """The last words of a build: where the results are, the bitstream, what is left over of the clock's period, the next command.

    `loader` is the command that loads a bitstream into the board, without the file; empty: not known.
    """
    lines = [f"Results are in {folder}.", f"bitstream: {bitstream}"]
    clock, fmax = report["clock_mhz"], report["fmax_mhz"]
    if fmax is not None:
        slack = 1000 / clock - 1000 / fmax
        lines.append(
            f"slack: {slack:.2f} ns ({fmax:.1f} MHz reached, {fmax - clock:.1f} more than the clock of {clock:g})"
        )
    lines.append(f"next: {loader} {bitstream}" if loader else "next: give the bitstream to the board's loader")
    return "\n".join(lines)


def _bounds(report: dict[str, Any]) -> dict[str, int]:
    """All predicted cycles: those of passes by what bounds them, and those before and between passes."""
    cycles: dict[str, int] = {}
    for entry in report["bottleneck"]:
        cycles[entry["bound"]] = cycles.get(entry["bound"], 0) + entry["cycles"]
    if "weights" in cycles:
        cycles["passes shorter than their wait"] = cycles.pop("weights")
    stream = "waiting for descriptors" if report["weight_memory"] == ON_CHIP else "waiting for weights and image"
    cycles[stream] = sum(entry["wait"] for entry in report["bottleneck"])
    cycles["between passes"] = report["predicted"]["cycles"] - sum(cycles.values())
    return {name: count for name, count in cycles.items() if count}


def _shares(cycles: dict[str, int]) -> str:
    """Each name with its share in %, the greatest first."""
    total = sum(cycles.values()) or 1
    shares = [
        f"{name} {100 * count / total:.0f} %" for name, count in sorted(cycles.items(), key=lambda item: -item[1])
    ]
    return ", ".join(shares) or "nothing"
