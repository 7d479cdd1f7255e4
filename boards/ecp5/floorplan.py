"""Sites of the block RAMs, from an analytic placement of the whole netlist.

nextpnr's placers spread logic well but move block RAMs to legal sites greedily at the end: on a part whose block RAMs are nearly all
in use, that leaves them in an order as good as random, and the wires to them decide the clock. Here the netlist is placed by quadratic
wire length with the bound-to-bound net model (Spindler, Schlichtmann, Johannes: Kraftwerk2, IEEE TCAD 27(8), 2008, section III), the
multiplier blocks fixed where the RTL puts them. The block RAMs are assigned to sites at the least total wire length (a linear
assignment problem) and drawn there by anchors that grow stronger from round to round, while the logic follows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import cg

from hwgen.boards.ecp5.netlist import Hypergraph, hypergraph
from hwgen.hw.ecp5.floorplan import ram_sites

Array = npt.NDArray[np.float64]

_FREE_ROUNDS = 6  # of the placement without anchors: its wire length falls by less than 2 % in the sixth
_ANCHOR_ROUNDS = 20
_FIRST_ANCHOR = 0.8  # weight of the first round's anchors; a pin's weight is of the order of 1
_ANCHOR_GROWTH = 1.5  # a round; after some 15 rounds every block RAM stands on a site
_BY_DISTANCE = 3  # rounds that assign by distance: wire lengths mean nothing while all block RAMs lie on one heap
_SITE = re.compile(r"X(\d+)/Y(\d+)/")


def place_block_rams(netlist: Path, placed: Path, part: str, sites: Mapping[str, str]) -> float:
    """Read a netlist in Yosys' JSON format, give cells their `sites` and every other DP16KD one, and write the netlist to `placed`.

    Args:
        netlist: file with a module that is marked as the top.
        placed: file to write.
        part: "LFE5U-85F" and the like.
        sites: of the cells that have one, by name.

    Returns:
        Half-perimeter wire length that the assignment was chosen for, tiles.

    Raises:
        ValueError: the part is unknown or has fewer block RAMs than the netlist, or a cell of `sites` is not in it.
    """
    design = json.loads(netlist.read_text())
    cells = next(module["cells"] for module in design["modules"].values() if module.get("attributes", {}).get("top"))
    if missing := sorted(sites.keys() - cells.keys()):
        raise ValueError(f"the netlist has no cell {missing[0]}, which has the site {sites[missing[0]]}")
    for name, site in sites.items():
        cells[name].setdefault("attributes", {})["BEL"] = site
    chosen, length = block_ram_sites(cells, part)
    for name, site in chosen.items():
        cells[name].setdefault("attributes", {})["BEL"] = site
    placed.write_text(json.dumps(design, separators=(",", ":")))
    return length


def block_ram_sites(cells: dict[str, dict[str, object]], part: str) -> tuple[dict[str, str], float]:
    """Site of every DP16KD without one, and the wire length; see `place_block_rams`."""
    graph = hypergraph(cells)
    position = np.zeros((len(cells), 2))
    fixed = np.zeros(len(cells), dtype=bool)
    rams = []
    taken = set()
    for index, cell in enumerate(cells.values()):
        attributes = cell.get("attributes", {})
        assert isinstance(attributes, dict)
        if "BEL" in attributes:
            taken.add(attributes["BEL"])
            fixed[index], position[index] = True, _coordinates(attributes["BEL"])
        elif cell["type"] == "DP16KD":
            rams.append(index)
    sites = [site for site in ram_sites(part) if site not in taken]
    if len(rams) > len(sites):
        raise ValueError(f"{part} has {len(sites)} free block RAMs; the netlist needs {len(rams)}")
    if not rams:
        return {}, graph.wire_length(position)
    placement = _Placement(graph, position, fixed, np.array(rams), np.array([_coordinates(site) for site in sites]))
    assignment = placement.run()
    return {graph.cells[ram]: sites[site] for ram, site in zip(rams, assignment, strict=True)}, placement.length


def _coordinates(site: str) -> tuple[float, float]:
    found = _SITE.match(site)
    if found is None:
        raise ValueError(f"{site} is no site of an ECP5")
    return float(found[1]), float(found[2])


class _Placement:
    """Quadratic placement with `rams` drawn to `sites` [sites, 2]."""

    def __init__(
        self,
        graph: Hypergraph,
        position: Array,
        fixed: npt.NDArray[np.bool_],
        rams: npt.NDArray[np.int64],
        sites: Array,
    ) -> None:
        self.graph = graph
        self.rams = rams
        self.sites = sites
        self.length = 0.0
        self._movable = np.flatnonzero(~fixed)
        self._unknown = np.full(len(fixed), -1, dtype=np.int64)
        self._unknown[self._movable] = np.arange(len(self._movable))
        self._weight = 1.0 / np.maximum(1, graph.last - graph.first)[graph.pin_net]
        self._position = position.copy()
        # Not all on one point, where the bound-to-bound model knows no bounds.
        scatter = np.random.default_rng(0).normal(size=(len(self._movable), 2))
        self._position[self._movable] = sites.mean(axis=0) + scatter
        order = np.argsort(graph.pin_cell, kind="stable")
        ends = np.searchsorted(graph.pin_cell[order], np.arange(len(fixed) + 1))
        self._nets = [graph.pin_net[order[ends[ram] : ends[ram + 1]]] for ram in rams]

    def run(self) -> npt.NDArray[np.int64]:
        """Index of the site of every block RAM."""
        for _ in range(_FREE_ROUNDS):
            self._solve(None, 0.0)
        chosen = np.zeros(len(self.rams), dtype=np.int64)
        for i in range(_ANCHOR_ROUNDS):
            cost = self._distances() if i < _BY_DISTANCE else self._wire_lengths()
            chosen = linear_sum_assignment(cost)[1]
            self._solve(self.sites[chosen], _FIRST_ANCHOR * _ANCHOR_GROWTH**i)
        self._position[self.rams] = self.sites[chosen]
        self.length = self.graph.wire_length(self._position)
        return chosen

    def _distances(self) -> Array:
        """[rams, sites] Manhattan distance, tiles."""
        distances: Array = np.abs(self._position[self.rams][:, None, :] - self.sites[None]).sum(axis=2)
        return distances

    def _wire_lengths(self) -> Array:
        """[rams, sites] half-perimeter wire length of the nets of a block RAM on a site, all other cells where they are."""
        graph, costs = self.graph, np.zeros((len(self.rams), len(self.sites)))
        for i, (ram, nets) in enumerate(zip(self.rams, self._nets, strict=True)):
            for net in nets:
                others = graph.pin_cell[graph.first[net] : graph.last[net] + 1]
                others = others[others != ram]
                low, high = self._position[others].min(axis=0), self._position[others].max(axis=0)
                costs[i] += (np.maximum(self.sites, high) - np.minimum(self.sites, low)).sum(axis=1)
        return costs

    def _solve(self, anchors: Array | None, strength: float) -> None:
        for axis in range(2):
            self._position[self._movable, axis] = self._solve_axis(
                axis, None if anchors is None else anchors[:, axis], strength
            )

    def _solve_axis(self, axis: int, anchors: Array | None, strength: float) -> Array:
        """Least quadratic wire length of one coordinate: bound-to-bound springs as the present positions give them."""
        graph, at, unknown = self.graph, self._position[:, axis], self._unknown
        here = at[graph.pin_cell]
        order = np.lexsort((here, graph.pin_net))
        low, high = order[graph.first], order[graph.last]
        pins = np.arange(len(here))
        ends_a, ends_b, springs = [], [], []
        for bound in (low, high):
            other = bound[graph.pin_net]
            used = pins != other
            if bound is high:
                used &= pins != low[graph.pin_net]  # the spring between the two bounds is there already
            distance = np.maximum(np.abs(here[used] - here[other[used]]), 1.0)
            ends_a.append(graph.pin_cell[used])
            ends_b.append(graph.pin_cell[other[used]])
            springs.append(self._weight[used] / distance)
        a, b, spring = np.concatenate(ends_a), np.concatenate(ends_b), np.concatenate(springs)
        count = len(self._movable)
        ua, ub = unknown[a], unknown[b]
        free_a, free_b = ua >= 0, ub >= 0
        both, only_a, only_b = free_a & free_b, free_a & ~free_b, ~free_a & free_b
        # Held very weakly where it is: parts of the netlist may hang on nothing.
        diagonal = np.full(count, 1e-6)
        diagonal += np.bincount(ua[free_a], spring[free_a], count) + np.bincount(ub[free_b], spring[free_b], count)
        right = 1e-6 * at[self._movable]
        right += np.bincount(ua[only_a], spring[only_a] * at[b[only_a]], count)
        right += np.bincount(ub[only_b], spring[only_b] * at[a[only_b]], count)
        if anchors is not None:
            pulled = unknown[self.rams]
            pull = strength / np.maximum(np.abs(anchors - at[self.rams]), 1.0)
            diagonal[pulled] += pull
            right[pulled] += pull * anchors
        rows = np.concatenate([ua[both], ub[both], np.arange(count)])
        columns = np.concatenate([ub[both], ua[both], np.arange(count)])
        matrix = csr_matrix((np.concatenate([-spring[both], -spring[both], diagonal]), (rows, columns)), (count, count))
        solution, _ = cg(matrix, right, x0=at[self._movable], rtol=1e-4, maxiter=300, M=diags(1.0 / diagonal))
        found: Array = solution
        return found
