"""A whole build with a stand-in for network and machine: what lies in the folder, what is reused, what a failure leaves."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hwgen.cli.console import Console
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.plan.result import Plan as MachinePlan
from hwgen.errors import ToolError
from hwgen.flow import build as builder
from hwgen.flow.build_report import store_simulation
from hwgen.flow.network import Int8Network
from hwgen.flow.plan import Plan
from hwgen.flow.source import NetworkSource
from hwgen.flow.target import Target
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.resident import Resident
from hwgen.reports.build import problems
from tests.support.echo import Echo

SOURCE = NetworkSource("shufflenet_v2", NetworkOptions(width=0.5, resolution=32))
GRAPH = SimpleNamespace(provenance="random, seed 0", macs=1_000_000, weight_count=5_000)


@dataclass
class TinyPlan:
    """As much of a plan as a build asks for."""

    content: bytes = b"weights"
    config: CoreConfig = field(default_factory=CoreConfig)
    cycles: int = 20_000
    frames: int = 1
    array_macs: int = 900_000
    on_chip: bool = False

    @property
    def program(self) -> Any:
        return SimpleNamespace(resident=Resident((), (), (), ()) if self.on_chip else None)

    @property
    def passes(self) -> list[Any]:
        return [SimpleNamespace(name="conv1", cycles=self.cycles - 100, wait=60, bound="compute")]

    def digest(self) -> str:
        return self.content.hex()

    def image(self) -> bytes:
        return self.content


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TinyPlan:
    """Makes builds use this plan, and the stand-in for the machine."""
    tiny = TinyPlan()
    monkeypatch.setattr(builder, "cache_folder", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr(builder, "plan_json", lambda plan: {"cycles": plan.cycles})
    monkeypatch.setattr(builder, "plan_text", str)
    monkeypatch.setattr(builder, "source_digest", lambda *packages: "")
    monkeypatch.setattr("hwgen.hw.machine.Machine", lambda config, memory, build, baud: Echo())
    monkeypatch.setattr(
        "hwgen.hw.resident_machine.ResidentMachine", lambda config, resident, clock_hz, build, baud: Echo(build)
    )
    return tiny


def run(
    folder: Path, capsys: pytest.CaptureFixture[str], plan: TinyPlan, clock_mhz: float | None = None
) -> tuple[dict[str, Any], set[str]]:
    """The report, and the names of the steps that were really done."""
    target = Target(clock_mhz=clock_mhz)
    network = Int8Network(SOURCE, cast(QGraph, GRAPH))
    result = builder.build(
        Plan(network, target, *target.resolve(), cast(MachinePlan, plan)), folder, progress=Console()
    )
    lines = capsys.readouterr().err.splitlines()
    return result.report, {line.removesuffix(" ...") for line in lines if line.endswith(" ...")}


def test_build(tmp_path: Path, plan: TinyPlan, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "tiny"
    report, done = run(folder, capsys, plan)
    assert done == {"image", "rtl", "synthesis", "floorplan", "place and route", "bitstream"}
    files = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    made = {
        "top.v",
        "top.lpf",
        "sites.json",
        "netlist.json",
        "floorplan.json",
        "top.config",
        "nextpnr.json",
        "tiny.bit",
    }
    assert files == made | {"sdram.bin", "plan.json", "plan.txt", "report.json", "summary.txt", "logs"}
    assert json.loads((folder / "report.json").read_text()) == report
    assert problems(report) == []
    assert report["timing_met"] is True
    assert report["clock_mhz"] == 90
    assert report["tools"]["yosys"] != "missing"
    assert "random, seed 0" in (folder / "summary.txt").read_text()
    assert report["bottleneck"] == [{"pass": "conv1", "cycles": 19_900, "wait": 60, "bound": "compute"}]
    stamps = {
        path: path.stat().st_mtime_ns
        for path in folder.glob("[!.]*.*")
        if path.name not in ("report.json", "summary.txt")
    }

    again, done = run(folder, capsys, plan)
    assert (done, again) == (set(), report)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())

    plan.content = b"other weights"
    other, done = run(folder, capsys, plan)
    assert done == {"image"}, "other weights need no other bitstream"
    assert other["files"]["tiny.bit"] == report["files"]["tiny.bit"]
    assert other["files"]["sdram.bin"] != report["files"]["sdram.bin"]

    cycle_breakdown = {"issuing": 20_000, "pixels": 1, "room": 0, "chains": 0, "outside": 0, "wait": 0}
    counts = {"cycles": 20_001, "frames": 1, "mismatches": 0, "cycle_breakdown": cycle_breakdown}
    store_simulation(folder, cast(MachinePlan, plan), counts)
    assert json.loads((folder / "report.json").read_text())["simulated"]["cycles"] == 20_001
    assert run(folder, capsys, plan)[0]["simulated"]["mismatches"] == 0
    older = {"plan": plan.digest(), "simulated": {"cycles": 20_001, "frames": 1, "mismatches": 0}}
    (folder / "simulation.json").write_text(json.dumps(older))
    assert run(folder, capsys, plan)[0]["simulated"] is None, "of an older hwgen"
    plan.content = b"third"
    assert run(folder, capsys, plan)[0]["simulated"] is None, "a simulation of another plan says nothing about this one"

    plan.content, plan.frames = b"a batch", 4
    batch, done = run(folder, capsys, plan)
    assert done == {"image"} and problems(batch) == [], "the same bitstream"
    assert batch["predicted"] == {"cycles": 20_000, "frames": 4, "fps": 18_000.0}
    assert "20,000 cycles for a batch of 4 frames, 18000.0 frames per second" in (folder / "summary.txt").read_text()
    plan.frames = 1

    plan.content = b"other weights"
    folder_before = {path.name for path in folder.iterdir()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hwgen.boards.ecp5.route.read_report", lambda path, board, seed: SLOW)
        with pytest.raises(ToolError, match="timing not met: 50.0 MHz reached, 142.0 MHz asked for"):
            run(folder, capsys, plan, 142.0)
    assert "seed 2: 50.0 MHz reached, 92.0 MHz less than the 142.0 asked; log " in capsys.readouterr().err
    left = {path.name for path in folder.iterdir()}
    assert left == folder_before - {"report.json", "summary.txt", "top.config", "nextpnr.json", "tiny.bit"}


def test_build_without_sdram(tmp_path: Path, plan: TinyPlan, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "sdram.bin").write_bytes(b"of an earlier build")
    plan.on_chip = True
    report, _ = run(folder, capsys, plan)
    assert problems(report) == []
    assert report["weight_memory"] == "block RAM"
    assert "sdram.bin" not in report["files"]
    assert not (folder / "sdram.bin").exists()
    assert "sdram" not in (folder / "top.lpf").read_text()
    assert "sdram" not in (folder / "top.v").read_text().split("endmodule")[-2].split(");")[0]
    assert "in the bitstream" in (folder / "summary.txt").read_text()
    assert run(folder, capsys, plan)[1] == set()

    plan.content = b"other weights"
    _, done = run(folder, capsys, plan)
    assert done == {"image", "rtl", "synthesis", "floorplan", "place and route", "bitstream"}, (
        "the weights are in the bitstream"
    )


def slow() -> Any:
    from hwgen.boards.family import Routed

    return Routed(fmax_mhz=50.0, constraint_mhz=142.0)


SLOW = slow()
