"""A synthesised netlist as a hypergraph: which cells hang together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_PINS = 400
"""Nets with more cells than this (clocks, resets, enables of a whole unit) say nothing about where a cell belongs."""


@dataclass(frozen=True)
class Hypergraph:
    """Cells and the nets between them. A pin is one cell on one net.

    Attributes:
        cells: name of every cell.
        pin_cell: [pins] int64, cell of each pin; the pins of a net stand together.
        pin_net: [pins] int64, net of each pin, ascending.
        first: [nets] int64, first pin of each net.
        last: [nets] int64, last pin of each net.
    """

    cells: list[str]
    pin_cell: npt.NDArray[np.int64]
    pin_net: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]

    def wire_length(self, position: npt.NDArray[np.float64]) -> float:
        """Half-perimeter wire length, tiles, of cells at `position` [cells, 2]."""
        total = 0.0
        for axis in range(2):
            at = position[self.pin_cell, axis]
            total += float((np.maximum.reduceat(at, self.first) - np.minimum.reduceat(at, self.first)).sum())
        return total


def hypergraph(cells: dict[str, dict[str, Any]]) -> Hypergraph:
    """The hypergraph of the `cells` of a module in Yosys' JSON format.

    Constants, nets with one cell and nets with more than MAX_PINS cells are left out.
    """
    on_net: dict[int, list[int]] = {}
    for index, cell in enumerate(cells.values()):
        for bits in cell["connections"].values():
            for bit in bits:
                if isinstance(bit, int):
                    on_net.setdefault(bit, []).append(index)
    nets = [sorted(set(members)) for members in on_net.values()]
    nets = [members for members in nets if 2 <= len(members) <= MAX_PINS]
    sizes = np.array([len(members) for members in nets], dtype=np.int64)
    first = np.cumsum(sizes) - sizes
    return Hypergraph(
        cells=list(cells),
        pin_cell=np.array([index for members in nets for index in members], dtype=np.int64),
        pin_net=np.repeat(np.arange(len(nets), dtype=np.int64), sizes),
        first=first,
        last=first + sizes - 1,
    )
