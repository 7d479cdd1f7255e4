"""Initial content of block RAM as files that the block's simulation model reads at the start, so that one simulator serves all weights.

A simulated machine of a network in block RAM is made with `blank` content; what differs from the machine that is built is the blocks'
initial content and the build number alone.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from amaranth.hdl import Elaboratable

from hwgen.hw.array.collector import Collector
from hwgen.hw.array.weight_memory import WeightMemory
from hwgen.hw.control.sequencer import Sequencer
from hwgen.hw.ecp5.initial_content import block_contents
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.memories import TABLE_WORDS
from hwgen.hw.isa.resident import Resident
from hwgen.hw.window.window import Window

CORE = "top.machine.core"
"""Hierarchical name of the core in a simulated system."""


def blank(resident: Resident) -> Resident:
    """The content of a machine that has another one loaded at the start: as many descriptors, and tables where there are any."""
    no_tables = {
        name: ((0,) * TABLE_WORDS,) if getattr(resident, name) else () for name in ("array_tables", "window_tables")
    }
    return replace(
        resident, weights=(), parameters=(), window=(), descriptors=(0,) * len(resident.descriptors), **no_tables
    )


def write_content(config: CoreConfig, resident: Resident, folder: Path) -> None:
    """Write a file for each block of the memories that have initial content, named `<hierarchical name>.hex`."""
    for name, owner in _owners(config, resident).items():
        for path, lines in block_contents(owner, f"{CORE}.{name}"):
            (folder / f"{path}.hex").write_text(lines)


def _owners(config: CoreConfig, resident: Resident) -> dict[str, Elaboratable]:
    """Elements with such memories, by their names in `hwgen.hw.core.Core`, which gives them the same."""
    found: dict[str, Elaboratable] = {
        "sequencer": Sequencer(resident.descriptors),
        "weights": WeightMemory(config, resident.weights),
        "collector": Collector(config, resident.parameters, resident.array_tables),
    }
    if config.window:
        found["window"] = Window(config, resident.window, resident.window_tables)
    return found
