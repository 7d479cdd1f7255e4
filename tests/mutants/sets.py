"""Which sources are changed, and which tests belong to each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.mutants.changes import Mutant, mutants

EVERYWHERE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Set:
    """A set of mutants.

    Attributes:
        sources: files and folders, each with the names of what is changed in it; EVERYWHERE: all of it.
        left_out: files and folders below.
        sampled: a sample is taken, not all.
    """

    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    sampled: bool = False

    def files(self, root: Path) -> Iterator[tuple[str, frozenset[str]]]:
        """(path, names) of every source."""
        for path, names in self.sources.items():
            for file in sorted((root / path).rglob("*.py")) if (root / path).is_dir() else [root / path]:
                name = file.relative_to(root).as_posix()
                if not any(_lies_in(name, out) for out in self.left_out):
                    yield name, names

    def mutants(self, root: Path, sample: int, seed: int) -> list[Mutant]:
        """The set's mutants in the order of the sources; of a sampled set `sample` of them.

        The sample takes those whose keys, hashed with the seed, come first: a change of a source replaces those of its own lines alone.
        """
        found = [
            mutant
            for path, names in self.files(root)
            for mutant in mutants(path, (root / path).read_text())
            if names == EVERYWHERE or any(_lies_in(mutant.where, name, ".") for name in names)
        ]
        if not self.sampled or len(found) <= sample:
            return found
        rank = sorted(found, key=lambda one: hashlib.sha256(f"{seed} {one.key}".encode()).digest())
        chosen = {one.key for one in rank[:sample]}
        return [one for one in found if one.key in chosen]


ARITHMETIC, PLL = "compiler/int8/arithmetic.py", "boards/ecp5/pll.py"
LIMITS = {
    "compiler/tiling/memory.py": frozenset(
        {"_MAX_DEPTH", "OPERAND_PHASES", "output_phases", "operand_phases", "shapes"}
    ),
    "compiler/lower/averages.py": EVERYWHERE,
    "compiler/int8/k_loop.py": EVERYWHERE,
    "compiler/weight_schedule/packing.py": frozenset({"_parameter_bytes", "_LOOK_UP", "_PARAMETER_BYTES"}),
    "hw/isa/descriptor_fields.py": frozenset({"DescriptorFields.pack", "Number.bits", "_numbers", "NUMBERS"}),
}
LINK = {"hwgen/host/link.py": EVERYWHERE, "hwgen/host/packets.py": EVERYWHERE}

SETS = {
    "arithmetic": Set({ARITHMETIC: EVERYWHERE}),
    "pll": Set({PLL: EVERYWHERE}),
    "limits": Set(LIMITS),
    "link": Set(LINK),
    "planner": Set({"compiler/plan": EVERYWHERE}, sampled=True),
    "hw": Set({"hw": EVERYWHERE}, left_out=("hw/isa/descriptor_fields.py", "hw/host"), sampled=True),
}
"""All mutants of what decides values and limits, a sample of the rest."""

_NETWORKS_RTL = ("tests/sim/frame/test_machine_operators.py", "tests/sim/frame/test_machine.py")

TESTS: Mapping[str, tuple[str, ...]] = {
    ARITHMETIC: (
        "tests/compiler/int8/test_arithmetic.py",
        "tests/compiler/int8/test_rescaling.py",
        "tests/compiler/int8/test_graph.py",
        "tests/compiler/frontend/tflite/test_uint8.py",
    ),
    PLL: ("tests/boards/ecp5/test_pll.py",),
    "hwgen/host": (
        "tests/hwgen/host/test_packets.py",
        "tests/hwgen/host/test_link.py",
        "tests/hwgen/host/test_link_times.py",
        "tests/hwgen/host/test_frames.py",
    ),
    "compiler/int8": ("tests/compiler/int8",),
    "compiler/lower": ("tests/compiler/lower",),
    "compiler/plan": ("tests/compiler/plan",),
    "compiler/plan/batch_estimate.py": (
        "tests/compiler/plan/test_batch_estimate.py",
        "tests/compiler/tiling/test_batch.py",
    ),
    "compiler/plan/throughput.py": ("tests/compiler/plan/test_throughput.py", "tests/compiler/tiling/test_batch.py"),
    "compiler/plan/elements.py": (
        "tests/compiler/plan/test_elements.py",
        "tests/compiler/plan/test_estimate.py",
        "tests/compiler/plan/test_without_window.py",
    ),
    "compiler/plan/core.py": (
        "tests/compiler/plan/test_core.py",
        "tests/compiler/plan/test_estimate.py",
        "tests/compiler/plan/test_planner.py",
    ),
    "compiler/plan/estimate.py": ("tests/compiler/plan/test_elements.py", "tests/compiler/plan/test_estimate.py"),
    "compiler/plan/on_chip.py": (
        "tests/compiler/plan/test_on_chip_search.py",
        "tests/compiler/plan/test_on_chip.py",
        "tests/compiler/plan/test_estimate.py",
    ),
    "compiler/plan/result.py": ("tests/compiler/plan/test_planner.py", "tests/compiler/tiling/test_batch.py"),
    "compiler/plan/strategies.py": (
        "tests/compiler/plan/test_strategies.py",
        "tests/compiler/plan/test_planner.py",
        "tests/compiler/plan/test_estimate.py",
    ),
    "compiler/plan/search.py": ("tests/compiler/plan/test_search.py",),
    "compiler/plan/planner.py": ("tests/compiler/plan/test_streamed.py", "tests/compiler/plan/test_planner.py"),
    "compiler/plan/unfused.py": ("tests/compiler/plan/test_unfused.py",),
    "compiler/tiling/memory.py": ("tests/compiler/tiling/test_memory.py", "tests/compiler/tiling/test_fit.py"),
    "compiler/lower/averages.py": ("tests/compiler/lower/test_averages.py", "tests/compiler/lower/test_geometry.py"),
    "compiler/int8/k_loop.py": ("tests/compiler/int8/test_k_loop.py",),
    "hw/isa/descriptor_fields.py": ("tests/hw/isa/test_descriptor_fields.py",),
    "compiler/tiling": ("tests/compiler/tiling", "tests/compiler/plan"),
    "compiler/weight_schedule": ("tests/compiler/weight_schedule",),
    "compiler/program": ("tests/compiler/program",),
    "hw/array": ("tests/hw/array",),
    "hw/control": ("tests/hw/control",),
    "hw/core.py": _NETWORKS_RTL,
    "hw/ecp5/initial_content.py": ("tests/sim/frame/test_content.py",),
    "hw/ecp5": ("tests/hw/ecp5", "tests/hw/lib"),
    "hw/fetch": ("tests/hw/fetch",),
    "hw/host": ("tests/hw/host",),
    "hw/isa": ("tests/hw/isa", "tests/test_elements.py", "tests/compiler/program"),
    "hw/isa/config.py": ("tests/hw/isa", "tests/test_elements.py", "tests/hw/array", "tests/compiler/plan"),
    "hw/lib": ("tests/hw/lib",),
    "hw/machine.py": ("tests/boards/test_top.py", "tests/sim/frame/test_host_frame.py"),
    "hw/memory": ("tests/hw/memory",),
    "hw/memory/dma": ("tests/hw/memory/dma",),
    "hw/output": ("tests/hw/output",),
    "hw/resident_machine.py": ("tests/boards/test_top.py", "tests/sim/frame/test_host_frame.py"),
    "hw/window": ("tests/hw/window",),
}
"""Source or folder -> the files and folders of tests beside it; the entry with the longest name counts."""


def tests_of(root: Path, source: str) -> list[str]:
    """The test files of a source, the one of its own name first."""
    entry = max((name for name in TESTS if _lies_in(source, name)), key=len, default=None)
    if entry is None:
        raise LookupError(f"{source}: no tests are known for it; add an entry to TESTS in tests/mutants/sets.py")
    own = f"test_{Path(source).name}"
    files = [
        file
        for path in TESTS[entry]
        for file in (sorted((root / path).rglob("test_*.py")) if (root / path).is_dir() else [root / path])
    ]
    return [file.relative_to(root).as_posix() for file in sorted(files, key=lambda file: file.name != own)]


def compiles(source: str) -> bool:
    """Whether tests that compile a simulator are run for a source: for hardware alone."""
    return source.startswith("hw/") and not source.startswith("hw/isa/")


def _lies_in(name: str, around: str, separator: str = "/") -> bool:
    return name == around or name.startswith(around + separator)
