"""The block that is compared with other generators: its two arithmetics, its plan, the counting of cells."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from bench.peers.block import Block, nngen_result
from bench.peers.hwgen_half import graph_of, plan_of
from bench.peers.rows import Row, count_cells, table
from bench.peers.run import ARRANGEMENTS, without_state_machines
from hwgen.compiler.int8.nodes import QConv
from hwgen.compiler.program.check import check_program
from hwgen.sim import golden
from tests.support.paths import ROOT
from tests.support.slow_conv import slow_conv

PEERS = ROOT / "bench" / "peers"
SMALL = Block.random(6, 5, (4, 4, 8), seed=3)


def slow_nngen(block: Block) -> np.ndarray:
    """NNgen's arithmetic in real numbers: the exact quotient, rounded half away from zero."""
    x = block.image.astype(np.int64)
    for layer in block.layers:
        side = layer.weights.shape[1] // 2
        padded = np.pad(x, ((side, side), (side, side), (0, 0)))
        out = np.zeros((*x.shape[:2], len(layer.bias)), np.int64)
        for y, column, c in np.ndindex(out.shape):
            patch = padded[y : y + 2 * side + 1, column : column + 2 * side + 1]
            scaled = int((patch * layer.weights[c]).sum() + layer.bias[c]) * int(layer.scale[c])
            real = scaled / (1 << layer.shift)
            nearest = int(abs(real) + 0.5) * (1 if real > 0 else -1)
            out[y, column, c] = min(max(nearest, 0), 127)
        x = out
    return x.astype(np.int8)


def test_references() -> None:
    """Each arithmetic equals its definition, element by element; both say nearly the same."""
    values = {"image": SMALL.image}
    graph = graph_of(SMALL)
    for node in graph.nodes:
        assert isinstance(node, QConv)
        values[node.output] = slow_conv(node, values[node.input]).astype(np.int8)
    found = golden.run(graph, SMALL.image)
    for name, value in values.items():
        np.testing.assert_array_equal(found[name], value, name)
    np.testing.assert_array_equal(nngen_result(SMALL), slow_nngen(SMALL))
    difference = found[graph.output].astype(int) - nngen_result(SMALL)
    assert np.abs(difference).max() <= 1
    assert len(np.unique(found[graph.output])) > 20  # a result that says something


def test_saved_block_is_the_same(tmp_path: Path) -> None:
    SMALL.save(tmp_path / "block.npz")
    again = Block.load(tmp_path / "block.npz")
    np.testing.assert_array_equal(again.image, SMALL.image)
    for one, other in zip(again.layers, SMALL.layers, strict=True):
        assert one.shift == other.shift
        for name in ("weights", "bias", "scale"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
            assert getattr(one, name).dtype == getattr(other, name).dtype


def test_equal_multipliers() -> None:
    """As many as NNgen is given, at most, with and without the SDRAM."""
    graph = graph_of(SMALL)
    for multipliers, arrangement in ARRANGEMENTS.items():
        assert arrangement.multipliers == multipliers
        for external in (False, True):
            found = plan_of(graph, multipliers, external=external)
            assert found.on_chip is not external
            assert found.resources.dsp == found.config.rows * found.config.cols <= multipliers
            assert found.array_macs == SMALL.macs
            check_program(found.lowered, found.fit.steps, found.program)


def test_cells_and_table() -> None:
    kinds = ["LUT4", "CCU2C", "TRELLIS_DPR16X4", "TRELLIS_FF", "TRELLIS_FF", "MULT18X18D", "DP16KD", "PFUMX"]
    netlist = {"modules": {"top": {"cells": {str(i): {"type": kind} for i, kind in enumerate(kinds)}}}}
    cells = count_cells(netlist)
    assert cells == {"lut": 7, "ff": 2, "dsp": 1, "ebr": 1}
    row = Row("one", "none", 36, 72_000, 4_000, 0, None, cells)
    assert row.busy == 18
    last = table([vars(row)]).splitlines()[-1]
    assert last == "| one | none | 36 | 4,000 | 18.0 (50 %) | 0 | - | 7 | 2 | 1 | 1 |"


def test_readme_shows_what_was_recorded() -> None:
    recorded = json.loads((PEERS / "results.json").read_text())["rows"]
    rows = [row for entry in recorded.values() for row in entry]
    assert table(rows) in (PEERS / "README.md").read_text()
    assert not any(row["mismatches"] for row in rows)


def test_registers_marked_as_no_state_machines() -> None:
    verilog = "module top(\n  output reg [3:0] o,\n  input i\n);\n  reg [1:0] fsm;\n  wire register;\nendmodule\n"
    attribute = '(* fsm_encoding = "none" *) '
    wanted = verilog.replace("output reg", f"{attribute}output reg").replace("  reg", f"  {attribute}reg")
    assert without_state_machines(verilog) == wanted
