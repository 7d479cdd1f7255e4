"""Sites of block RAMs: legal, one each, and near what they hang together with."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hwgen.boards.ecp5.floorplan import block_ram_sites, place_block_rams
from hwgen.boards.ecp5.netlist import hypergraph
from hwgen.hw.ecp5.floorplan import PARTS, multiplier_sites, ram_sites

EBR = {"LFE5U-12F": 56, "LFE5U-25F": 56, "LFE5U-45F": 108, "LFE5U-85F": 208}


@pytest.mark.parametrize("part", PARTS)
def test_sites_of_a_part(part: str) -> None:
    assert len(set(ram_sites(part))) == len(ram_sites(part)) == EBR[part]


def coordinates(site: str) -> tuple[int, int]:
    match = re.match(r"X(\d+)/Y(\d+)/", site)
    assert match is not None
    return int(match[1]), int(match[2])


def netlist(pairs: int, wires: int = 18) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """`pairs` multipliers on sites all over the 85F, each with a block RAM of its own behind a register of `wires` bits; the sites."""
    sites = [site for line in multiplier_sites("LFE5U-85F", 13, 12) for site in line][:: 156 // pairs][:pairs]
    cells: dict[str, dict[str, Any]] = {}
    for i, site in enumerate(sites):
        first = 1000 * i
        cells[f"mult{i}"] = {
            "type": "MULT18X18D",
            "attributes": {"BEL": site},
            "connections": {"A": list(range(first, first + wires))},
        }
        for bit in range(wires):
            cells[f"ff{i}_{bit}"] = {
                "type": "TRELLIS_FF",
                "connections": {"DI": [first + 100 + bit], "Q": [first + bit], "CLK": [7], "CE": ["1"]},
            }
        cells[f"ram{i}"] = {
            "type": "DP16KD",
            "connections": {"DOA": list(range(first + 100, first + 100 + wires)), "CLKA": [7]},
        }
    return cells, sites


def test_block_rams_stand_by_their_multipliers() -> None:
    cells, multipliers = netlist(pairs=26)
    chosen, length = block_ram_sites(cells, "LFE5U-85F")
    assert set(chosen) == {f"ram{i}" for i in range(26)}
    assert len(set(chosen.values())) == 26 and set(chosen.values()) <= set(ram_sites("LFE5U-85F"))
    nearest = best = 0
    for i, site in enumerate(multipliers):
        x, y = coordinates(site)
        distances = [abs(x - u) + abs(y - v) for u, v in map(coordinates, ram_sites("LFE5U-85F"))]
        u, v = coordinates(chosen[f"ram{i}"])
        nearest += min(distances)
        best += abs(x - u) + abs(y - v)
    # Several multipliers share a nearest site, so not every block RAM can have it.
    assert nearest <= best <= 1.3 * nearest
    assert length == pytest.approx(18 * best, rel=0.02)


def test_given_sites_are_kept() -> None:
    cells, _ = netlist(pairs=4)
    free, _ = block_ram_sites(cells, "LFE5U-85F")
    cells["ram1"]["attributes"] = {"BEL": free["ram0"]}
    again, _ = block_ram_sites(cells, "LFE5U-85F")
    assert set(again) == {"ram0", "ram2", "ram3"} and free["ram0"] not in again.values()


def test_too_many_block_rams() -> None:
    cells, _ = netlist(pairs=78)
    with pytest.raises(ValueError, match="LFE5U-25F has 56 free block RAMs; the netlist needs 78"):
        block_ram_sites(cells, "LFE5U-25F")


def test_file(tmp_path: Path) -> None:
    cells, _ = netlist(pairs=3)
    design = {"modules": {"DP16KD": {"cells": {}}, "top": {"attributes": {"top": "00000001"}, "cells": cells}}}
    source, placed = tmp_path / "netlist.json", tmp_path / "floorplan.json"
    source.write_text(json.dumps(design))
    length = place_block_rams(source, placed, "LFE5U-85F", {"ram1": "X4/Y22/EBR0"})
    written = json.loads(placed.read_text())["modules"]["top"]["cells"]
    assert written["ram1"]["attributes"]["BEL"] == "X4/Y22/EBR0"
    assert {name for name, cell in written.items() if cell["type"] == "DP16KD" and "BEL" in cell["attributes"]} == {
        "ram0",
        "ram1",
        "ram2",
    }
    assert length > 0 and {name: {**cell, "attributes": {}} for name, cell in written.items()} == {
        name: {**cell, "attributes": {}} for name, cell in cells.items()
    }


def test_site_of_a_cell_that_is_not_there(tmp_path: Path) -> None:
    source = tmp_path / "netlist.json"
    source.write_text(json.dumps({"modules": {"top": {"attributes": {"top": "1"}, "cells": netlist(pairs=1)[0]}}}))
    with pytest.raises(ValueError, match="the netlist has no cell ram7, which has the site X4/Y22/EBR0"):
        place_block_rams(source, tmp_path / "floorplan.json", "LFE5U-85F", {"ram7": "X4/Y22/EBR0"})
    assert not (tmp_path / "floorplan.json").exists()


def test_wire_length() -> None:
    import numpy as np

    cells = {
        "a": {"type": "X", "connections": {"P": [2, 3]}},
        "b": {"type": "X", "connections": {"P": [2], "Q": ["0"]}},
        "c": {"type": "X", "connections": {"P": [2, 4], "Q": [3, 3]}},
    }
    graph = hypergraph(cells)
    # Net 2: a, b, c; net 3: a, c; net 4 has one cell.
    assert graph.wire_length(np.array([[0.0, 0.0], [10.0, 1.0], [3.0, 7.0]])) == (10 + 7) + (3 + 7)
