"""What a build's report says of its passes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from hwgen.boards.ulx3s import ULX3S
from hwgen.flow.build_report import make_report
from hwgen.flow.plan import Plan
from hwgen.hw.isa.config import CoreConfig
from hwgen.reports.build import problems
from tests.support.sample_report import GOOD


def test_each_pass_has_its_wait(tmp_path: Path) -> None:
    """Cycles before it in which its weights, image rows or descriptor are not there yet."""
    passes = [
        SimpleNamespace(name="conv1", cycles=120_000, wait=1_000, bound="compute"),
        SimpleNamespace(name="fc", cycles=6_000, wait=59_000, bound="weights"),
    ]
    source = SimpleNamespace(text="tiny", to_json=lambda: {"seed": 0})
    graph = SimpleNamespace(provenance="random, seed 0", macs=1_000, weight_count=10)
    machine: Any = SimpleNamespace(
        config=CoreConfig(rows=13, cols=12, k_steps=2),
        on_chip=False,
        digest=lambda: "ab12",
        array_macs=1_000,
        cycles=200_000,
        frames=1,
        passes=passes,
    )
    plan = SimpleNamespace(
        network=SimpleNamespace(graph=graph, source=source),
        machine=machine,
        board=ULX3S,
        clock=SimpleNamespace(output_hz=90_000_000),
        name="tiny",
    )
    routed = {"fmax_mhz": 95.0, "resources": GOOD["resources"]}
    report = make_report(cast(Plan, plan), routed, tmp_path, [])
    assert problems(report) == []
    assert report["array"] == {"rows": 13, "cols": 12, "k_steps": 2} and report["mac_utilisation"] == 1_000 / (
        200_000 * 312
    )
    assert [(entry["pass"], entry["wait"]) for entry in report["bottleneck"]] == [("conv1", 1_000), ("fc", 59_000)]
