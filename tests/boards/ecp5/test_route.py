"""Place and route with several seeds: which of them is kept, what is told of the others, and that none outlives the build."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hwgen.boards.ecp5 import route
from hwgen.boards.ecp5.router_watch import RouterStuckError
from hwgen.boards.ecp5.toolchain import LARGE_DIE
from hwgen.boards.family import ROUTE_REPORT, Recipe, Routed
from hwgen.boards.tools import Tool
from hwgen.boards.ulx3s import ULX3S
from hwgen.errors import ToolError

pytestmark = pytest.mark.build


def seed_of(arguments: list[str]) -> int:
    return int(arguments[arguments.index("--seed") + 1])


def write_result(folder: Path, arguments: list[str], reached_mhz: float) -> None:
    """What nextpnr writes that has reached so much."""
    fmax = {"clk": {"achieved": reached_mhz, "constraint": 105.0}}
    report = {"fmax": fmax, "utilization": {"TRELLIS_FF": {"used": seed_of(arguments), "available": 99}}}
    (folder / arguments[arguments.index("--report") + 1]).write_text(json.dumps(report))
    (folder / arguments[arguments.index("--textcfg") + 1]).write_text(f"of seed {seed_of(arguments)}")


def routed_with(folder: Path, recipe: Recipe, jobs: int, said: list[str]) -> Routed:
    return route.place_and_route(
        folder, "n", "c", "o", board=ULX3S, recipe=recipe, jobs=jobs, progress=said.append, remark=said.append
    )


class Side:
    """A stand-in for nextpnr: seeds end in the order of `ends`, with the clocks of `reached`; those that are ended raise ToolError."""

    def __init__(self, reached: dict[int, float], ends: list[int]) -> None:
        self.reached, self.begun, self.ended = reached, list[int](), list[int]()
        self.most = 0
        self._turns = {seed: threading.Event() for seed in reached}
        self._ends = ends
        self._lock = threading.Lock()

    def __call__(
        self, tool: Tool, arguments: list[str], *, folder: Path, started: Any, progress: Any, **_: object
    ) -> None:
        seed = seed_of(arguments)
        killed = threading.Event()

        class Process:
            def kill(self) -> None:
                killed.set()

        started(Process())
        progress(f"news of {seed}")
        with self._lock:
            self.begun.append(seed)
            self.most = max(self.most, len(self.begun) - len(self.ended))
        while self._ends[:1] != [seed]:
            if killed.wait(0.005):
                raise ToolError("nextpnr-ecp5 failed with status -9")
        write_result(folder, arguments, self.reached[seed])
        with self._lock:
            self.ended.append(seed)
            self._ends.pop(0)


def test_every_seed_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All four are routed, two at a time, and the fastest is kept whichever ends first."""
    nextpnr = Side({1: 106.0, 2: 108.5, 3: 99.0, 4: 108.5}, [2, 3, 1, 4])
    monkeypatch.setattr(route, "run_tool", nextpnr)
    said: list[str] = []
    recipe = replace(LARGE_DIE, seeds=(1, 2, 3, 4), every_seed=True)
    found = routed_with(tmp_path, recipe, 2, said)
    assert (found.seed, found.fmax_mhz, found.resources["ff"].used) == (2, 108.5, 2)
    assert nextpnr.ended == [2, 3, 1, 4] and nextpnr.most == 2
    assert (tmp_path / "o").read_text() == "of seed 2" and route.read_report(tmp_path / ROUTE_REPORT, ULX3S, 2) == found
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nextpnr.json", "o"], "nothing of the others is left"
    assert [line for line in said if "news" not in line] == [
        "seed 1: 106.0 MHz reached",
        "seed 2: 108.5 MHz reached",
        f"seed 3: 99.0 MHz reached, 6.0 MHz less than the 105.0 asked; log {tmp_path}/nextpnr_seed_3.log",
        "seed 4: 108.5 MHz reached",
    ]
    assert {line for line in said if "news" in line} == {f"news of {seed}" for seed in (1, 2, 3, 4)}


def test_first_seed_that_meets_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the seeds, so that a build is the same every time; no other begins then, and those at work are ended."""
    nextpnr = Side({1: 106.0, 2: 110.0, 3: 111.0}, [2, 1, 3])
    monkeypatch.setattr(route, "run_tool", nextpnr)
    assert routed_with(tmp_path, LARGE_DIE, 2, []).seed == 1
    assert sorted(nextpnr.begun) == [1, 2] and (tmp_path / "o").read_text() == "of seed 1"
    nextpnr = Side({1: 90.0, 2: 110.0, 3: 111.0}, [1, 2])
    monkeypatch.setattr(route, "run_tool", nextpnr)
    assert routed_with(tmp_path, LARGE_DIE, 3, []).seed == 2
    assert nextpnr.ended == [1, 2], "the third was ended"


def test_what_the_listener_raises_ends_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nextpnr = Side({1: 106.0, 2: 110.0, 3: 111.0}, [])
    monkeypatch.setattr(route, "run_tool", nextpnr)

    def progress(text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        route.place_and_route(
            tmp_path, "n", "c", "o", board=ULX3S, recipe=LARGE_DIE, jobs=3, progress=progress, remark=print
        )
    assert nextpnr.ended == [] and list(tmp_path.iterdir()) == []


def test_failing_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ToolError("nextpnr-ecp5 failed with status 1: does not fit")

    monkeypatch.setattr(route, "run_tool", fails)
    with pytest.raises(ToolError, match="does not fit"):
        routed_with(tmp_path, LARGE_DIE, 2, [])


@pytest.mark.parametrize(
    "error, text",
    [
        (
            RouterStuckError(0, 150, 310.25),
            "timing not met: 150 connections stay too slow, 310.2 MHz estimated after the placement",
        ),
        (RouterStuckError(7, 0, None), "no route: 7 wires stay overused"),
    ],
)
def test_stuck_router_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: RouterStuckError, text: str
) -> None:
    def stuck(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(route, "run_tool", stuck)
    with pytest.raises(ToolError, match=rf"^{re.escape(text)} \(seeds 1, 2, 3\)"):
        route.place_and_route(
            tmp_path,
            "netlist.json",
            "top.lpf",
            "top.config",
            board=ULX3S,
            recipe=LARGE_DIE,
            progress=print,
            remark=print,
        )


def test_every_seed_is_told_and_keeps_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seeds miss the clock, one gets stuck; an earlier build had tried a fourth."""
    reached = {1: 98.26, 3: 101.5}

    def nextpnr(tool: Tool, arguments: list[str], *, folder: Path, log: Path, **_: object) -> None:
        seed = int(arguments[arguments.index("--seed") + 1])
        log.write_text(f"of seed {seed}\n")
        if seed == 2:
            raise RouterStuckError(7, 0, None)
        write_result(folder, arguments, reached[seed])

    monkeypatch.setattr(route, "run_tool", nextpnr)
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "nextpnr_seed_4.log").write_text("old")
    said: list[str] = []

    def run() -> None:
        route.place_and_route(
            tmp_path, "n", "c", "o", board=ULX3S, recipe=LARGE_DIE, progress=print, remark=said.append, logs=logs
        )

    with pytest.raises(
        ToolError, match=rf"^timing not met: 101\.5 MHz reached, .* clock of 101 MHz or less; logs {logs}$"
    ):
        run()
    assert said == [
        f"seed 1: 98.3 MHz reached, 6.7 MHz less than the 105.0 asked; log {logs}/nextpnr_seed_1.log",
        f"seed 2: no route: 7 wires stay overused; log {logs}/nextpnr_seed_2.log",
        f"seed 3: 101.5 MHz reached, 3.5 MHz less than the 105.0 asked; log {logs}/nextpnr_seed_3.log",
    ]
    assert {file.name: file.read_text() for file in logs.iterdir()} == {
        f"nextpnr_seed_{seed}.log": f"of seed {seed}\n" for seed in (1, 2, 3)
    }
    reached[1] = 110.0
    run()
    assert [file.name for file in logs.iterdir()] == ["nextpnr_seed_1.log"]


def test_report_without_clock(tmp_path: Path) -> None:
    path = tmp_path / "nextpnr.json"
    path.write_text(json.dumps({"fmax": {}, "utilization": {}}))
    with pytest.raises(ToolError, match="nextpnr reports no clock"):
        route.read_report(path, ULX3S, 1)


def test_report_of_two_clocks_looks_at_the_paths_between_them(tmp_path: Path) -> None:
    """What is reported is the core's clock, by as much less or more as the worst of domains and crossings has."""
    path = tmp_path / "nextpnr.json"
    core, memory = "$glbnet$clk", "$glbnet$machine.memory_clk"
    fmax = {core: {"achieved": 150.0, "constraint": 100.0}, memory: {"achieved": 140.0, "constraint": 125.0}}

    def reported(delay_ns: float) -> tuple[float, float, bool]:
        crossing = {
            "from": f"posedge {core}",
            "to": f"posedge {memory}",
            "path": [{"delay": 1.0}, {"delay": delay_ns - 1}],
        }
        inside = {"from": f"posedge {core}", "to": f"posedge {core}", "path": [{"delay": 50.0}]}
        outside = {"from": "<async>", "to": f"posedge {core}", "path": [{"delay": 50.0}]}
        path.write_text(json.dumps({"fmax": fmax, "critical_paths": [inside, outside, crossing]}))
        routed = route.read_report(path, ULX3S, 1)
        return round(routed.fmax_mhz, 3), routed.constraint_mhz, routed.timing_met

    assert reported(2.0) == (112.0, 100.0, True)  # the memory's domain: 140 of 125
    assert reported(7.9) == (101.266, 100.0, True)
    assert reported(10.0) == (80.0, 100.0, False)  # a period of the memory takes 8 ns


def test_report_takes_the_slowest_clock(tmp_path: Path) -> None:
    path = tmp_path / "nextpnr.json"
    fmax = {"a": {"achieved": 120.0, "constraint": 100.0}, "b": {"achieved": 24.0, "constraint": 25.0}}
    path.write_text(json.dumps({"fmax": fmax, "utilization": {"MULT18X18D": {"used": 7, "available": 156}}}))
    routed = route.read_report(path, ULX3S, 1)
    assert (routed.fmax_mhz, routed.timing_met, routed.resources["dsp"].used) == (24.0, False, 7)
