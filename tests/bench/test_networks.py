"""The table of measured networks: what follows from a row's figures, and that the README shows what was recorded."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench.networks.cases import CASES, Case
from bench.networks.digests import Digests
from bench.networks.rows import KINDS, Row, breakdown_table, table
from bench.networks.stale import main as stale
from bench.networks.stale import reason
from bench.zoo.rows import Row as ZooRow
from bench.zoo.rows import table as zoo_table
from hwgen import cli
from hwgen.flow.models import published
from hwgen.flow.network import load
from hwgen.flow.plan import plan_for
from hwgen.flow.source import NetworkSource
from hwgen.flow.target import Target
from tests.support.paths import ROOT

RECORDED = json.loads((ROOT / "bench" / "networks" / "results.json").read_text())
ZOO = json.loads((ROOT / "bench" / "zoo" / "results.json").read_text())["rows"]


def row(**changes: Any) -> Row:
    figures: dict[str, Any] = {
        "name": "x",
        "date": "2026-01-01",
        "weights": "",
        "array": (10, 10),
        "clock_mhz": 100.0,
        "fmax_mhz": None,
        "predicted": 2000,
        "cycles": None,
        "mismatches": None,
        "exact": None,
        "passes": 3,
        "array_macs": 120_000,
        "streamed_bytes": 3000,
        "resources": None,
        "khz": None,
        "cycle_breakdown": None,
    }
    return Row(**(figures | changes))


def test_figures_of_a_row() -> None:
    planned = row()
    assert (planned.frame_cycles, planned.fps, planned.utilisation) == (2000, 50_000, 0.6)
    assert planned.roofline == 1500 / 2000, "the weights take longer than the multiplications"
    assert row(streamed_bytes=2000).roofline == 1200 / 2000
    assert row(cycles=2500).fps == 40_000, "what was simulated counts, not what was predicted"
    cycle_breakdown = {"issuing": 1500, "pixels": 300, "room": 0, "chains": 0, "outside": 700, "wait": 0}
    assert row(cycles=2500, cycle_breakdown=cycle_breakdown).shares() == [
        "x",
        "2,500",
        "60.0 %",
        "12.0 %",
        "0.0 %",
        "0.0 %",
        "28.0 %",
        "0.0 %",
    ]


def test_stale_rows(tmp_path: Path) -> None:
    """A row is stale if its machine or its program is another one now, or if nobody knows."""
    source = NetworkSource("ds_cnn")
    made = Digests.of(plan_for(load(source.text, source.options), Target("ulx3s", 100)))
    kws = row(name="keyword spotting (DS-CNN)", weights="random, seed 0", plan=made.plan, verilog=made.verilog)
    assert reason(kws, None) is None
    assert reason(replace(kws, clock_mhz=90.0), None) == "another Verilog", "the build number knows the clock"
    assert reason(replace(kws, verilog="0"), None) == "another Verilog"
    assert reason(replace(kws, plan=""), None) == "recorded without digests"
    file = tmp_path / "results.json"
    file.write_text(json.dumps({"rows": [asdict(kws), asdict(replace(kws, plan="0"))]}))
    shown = CliRunner().invoke(stale, [str(file)])
    assert shown.exit_code == 1
    assert shown.output == "keyword spotting (DS-CNN): another plan\n1 of 2 rows are stale\n"
    file.write_text(json.dumps({"rows": [asdict(kws)]}))
    assert CliRunner().invoke(stale, [str(file)]).exit_code == 0
    file.write_text(json.dumps({"rows": []}))
    assert "nothing was compared" in CliRunner().invoke(stale, [str(file)]).output


def test_own_clock_and_trained_model(tmp_path: Path) -> None:
    case = Case("x", NetworkSource("ds_cnn"), "trained.tflite", clock_mhz=95)
    assert case.on("ulx3s", None, None) == (NetworkSource("ds_cnn"), Target("ulx3s", 95))
    assert case.on("ulx3s", 50, tmp_path) == (
        NetworkSource(str(tmp_path / "trained.tflite")),
        Target("ulx3s", 50),
    )
    assert len({one.name for one in CASES}) == len(CASES)


def test_a_row_has_the_command_that_builds_it() -> None:
    """A row at another clock than the board's is not what the shorter command builds."""
    for entry in RECORDED["rows"]:
        one = Row(**entry)
        words = one.command.replace("MODELS/", "").split()
        with cli.cli.commands["build"].make_context("build", words[2:]) as context:
            asked = context.params
        case = next(case for case in CASES if case.name == one.name)
        assert (asked["network"], asked["clock_mhz"]) == (
            case.file if one.weights.startswith("file ") else case.source.text,
            one.clock_mhz,
        )
        given = {} if one.weights.startswith("file ") else case.source.options.given()
        assert {name: asked[name] for name in given} == given
    assert row(name="person detection").command.startswith("hwgen build mobilenet_v1 --width 0.25 --resolution 96")


def test_readme_shows_what_was_recorded() -> None:
    assert table(RECORDED["rows"]) in (ROOT / "README.md").read_text()
    assert breakdown_table(RECORDED["rows"]) in (ROOT / "bench" / "README.md").read_text()


@pytest.mark.parametrize("entry", RECORDED["rows"], ids=lambda entry: entry["name"])
def test_recorded_rows(entry: dict[str, Any]) -> None:
    """Simulated frames equal the golden model, every pass takes the predicted cycles, cells are planned as they come out."""
    one = Row(**entry)
    assert one.name in {case.name for case in CASES}
    if one.cycles is not None:
        assert one.mismatches == 0 and one.exact == one.passes
        assert one.cycle_breakdown is not None and sum(one.cycle_breakdown.values()) == one.cycles, (
            "every cycle has a cause"
        )
    if one.fmax_mhz is not None:
        assert one.fmax_mhz >= one.clock_mhz and one.resources is not None
        used = {kind: one.resources[kind] for kind in KINDS}
        assert all(used[kind][0] == used[kind][2] for kind in ("dsp", "ebr"))
        assert abs(used["lut"][2] / used["lut"][0] - 1) <= 0.1


def test_docs_show_the_simulated_zoo() -> None:
    assert zoo_table(ZOO) in (ROOT / "docs" / "networks.md").read_text()
    assert [entry["name"] for entry in ZOO] == [source.name for source in published()]


@pytest.mark.parametrize("entry", ZOO, ids=lambda entry: entry["name"])
def test_simulated_zoo(entry: dict[str, Any]) -> None:
    """No element differs, and every pass takes the predicted cycles."""
    one = ZooRow(**entry)
    assert one.mismatches == 0 and one.tensors > 0
    assert one.exact == one.passes
    assert 0.2 < one.utilisation < 1
