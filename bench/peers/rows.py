"""What was measured of one accelerator, and the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.recorded import markdown


@dataclass(frozen=True)
class Row:
    """One accelerator with one memory.

    Attributes:
        system: generator and arrangement.
        memory: where weights and activations come from.
        multipliers: of the convolutions, 8 x 8 bits.
        macs: multiply-accumulates of the block.
        cycles: from start to end, of the simulated RTL.
        mismatches: bytes of the result that differ from the NumPy model of the system's own arithmetic.
        moved_bytes: between memory and accelerator; None: not counted.
        cells: kind of cell to number, after synthesis; empty: not synthesised.
    """

    system: str
    memory: str
    multipliers: int
    macs: int
    cycles: int
    mismatches: int
    moved_bytes: int | None
    cells: Mapping[str, int]

    @property
    def busy(self) -> float:
        """Multipliers that work in a cycle, on average."""
        return self.macs / self.cycles

    def texts(self) -> list[str]:
        """For the table."""
        return [
            self.system,
            self.memory,
            f"{self.multipliers}",
            f"{self.cycles:,}",
            f"{self.busy:.1f} ({100 * self.busy / self.multipliers:.0f} %)",
            f"{self.mismatches}",
            "-" if self.moved_bytes is None else f"{self.moved_bytes:,}",
            *(f"{self.cells[kind]:,}" if kind in self.cells else "-" for kind in KINDS),
        ]


KINDS = ("lut", "ff", "dsp", "ebr")
HEADINGS = (
    "system",
    "memory",
    "multipliers",
    "cycles",
    "multipliers used per cycle",
    "wrong bytes",
    "bytes moved",
    "LUT",
    "FF",
    "DSP",
    "EBR",
)

_LUTS = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4}
_OTHERS = {"TRELLIS_FF": "ff", "MULT18X18D": "dsp", "DP16KD": "ebr"}


def count_cells(netlist: Mapping[str, Any]) -> dict[str, int]:
    """LUT, FF, DSP and EBR of a synthesised module `top` in Yosys' JSON format.

    A carry cell holds two LUTs and a LUT memory of 16 x 4 bits four, as nextpnr counts them.
    """
    found = dict.fromkeys(KINDS, 0)
    for cell in netlist["modules"]["top"]["cells"].values():
        kind = cell["type"]
        found["lut"] += _LUTS.get(kind, 0)
        if kind in _OTHERS:
            found[_OTHERS[kind]] += 1
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown of recorded rows."""
    return markdown(HEADINGS, [Row(**row).texts() for row in rows])
