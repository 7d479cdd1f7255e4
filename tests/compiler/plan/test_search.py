"""The search over cores: every plan it shows is on the front, and what a build takes is among them."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import CliRunner

from hwgen.cli import cli
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan import search as searched
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.plan.search import Explored, _front, search
from hwgen.errors import ResourceError
from hwgen.flow.source import NetworkSource
from hwgen.flow.target import Target
from hwgen.hw.isa.config import CoreConfig
from tests.support.board_timing import timing
from tests.support.int8_networks import load_network
from tests.support.small_board import SmallBoard

pytestmark = pytest.mark.plan


@pytest.fixture(scope="module")
def found() -> list[Explored]:
    return search(
        legalise(load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=64, classes=10))),
        SmallBoard(64, 108),
        timing,
    )


def costs(one: Explored) -> tuple[int, ...]:
    needs = one.plan.resources
    return one.plan.cycles, needs.lut, needs.dsp, needs.ebr


def test_no_core_beats_another(found: list[Explored]) -> None:
    assert len(found) > 1 and [one.plan.cycles for one in found] == sorted(one.plan.cycles for one in found)
    for one in found:
        rivals = [other for other in found if other is not one]
        assert one.built or not any(
            all(a <= b for a, b in zip(costs(other), costs(one), strict=True)) for other in rivals
        )
        assert not one.plan.resources.short(SmallBoard(64, 108).part)


def test_what_a_build_takes_is_marked(found: list[Explored]) -> None:
    (built,) = [one.plan for one in found if one.built]
    graph = load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=64, classes=10))
    assert built.digest() == plan(legalise(graph), SmallBoard(64, 108), timing).digest()


@pytest.mark.parametrize(
    ("costs", "kept"),
    [
        ([(1, 2), (2, 1)], [0, 1]),
        ([(1, 2), (2, 2)], [0]),
        ([(2, 2), (1, 2)], [1]),
        ([(1, 1), (1, 1), (1, 1)], [0]),  # of equal ones the first
        ([(3, 3), (1, 4), (2, 2), (4, 1), (2, 2)], [1, 2, 3]),
        ([], []),
    ],
)
def test_front(costs: list[tuple[int, ...]], kept: list[int]) -> None:
    assert _front(costs) == kept


def core(rows: int, cols: int, lanes: int, weights: int = 2048) -> CoreConfig:
    return CoreConfig(rows=rows, cols=cols, window_lanes=lanes, weight_depth=weights)


def needs(cycles: int, lut: int, dsp: int = 0, ebr: int = 0) -> Any:
    resources = SimpleNamespace(lut=lut, dsp=dsp, ebr=ebr, short=lambda part: ["LUT"] if lut > 90 else [])
    return SimpleNamespace(cycles=cycles, resources=resources, lowered=SimpleNamespace(unfused=frozenset()))


def test_which_cores_are_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that fit, none that another one beats, the fastest first, each with the memory in several ways."""
    cycles = {(12, 12): 100, (10, 12): 120, (8, 8): 120, (4, 4): 300, (16, 8): 50}
    logic = {(12, 12): 60, (10, 12): 50, (8, 8): 51, (4, 4): 10, (16, 8): 91}
    asked = []

    def sizes(base: CoreConfig, part: Any, step: int, least: int) -> list[CoreConfig]:
        asked.append((base.cols, least))
        if base.window_lanes == 8:
            raise ResourceError("no")
        return [base, replace(base, weight_depth=4096)]

    monkeypatch.setattr(searched, "shapes", lambda lowered, part: [(4, 4), (8, 8), (12, 12), (10, 12), (16, 8)])
    monkeypatch.setattr(searched, "least_weight_words", lambda lowered, cols: 1000 * cols)
    monkeypatch.setattr(searched, "core_of", lambda lowered, part, shape, lanes: core(shape[0], shape[1], lanes))
    monkeypatch.setattr(searched, "memories", sizes)
    monkeypatch.setattr(searched, "estimate", lambda lowered, config: cycles[config.rows, config.cols])
    monkeypatch.setattr(
        searched, "resources", lambda config, family: needs(0, logic[config.rows, config.cols], config.rows).resources
    )
    found = searched._cores({1: cast(Any, None)}, SmallBoard(156, 208))
    arrays = [(12, 12), (10, 12), (8, 8), (4, 4)]
    assert found == [[core(rows, cols, 4), core(rows, cols, 4, 4096)] for rows, cols in arrays]
    assert {(cols, least) for cols, least in asked} == {(cols, 1000 * cols) for cols in (4, 8, 12)}


def test_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a build takes, beaten or not, and what nothing beats, by cycles; of eight arrays at most."""
    plans = {2048: needs(80, 70), 4096: needs(90, 60), 8192: needs(95, 75)}
    made = []

    class Maker:
        def __init__(self, graph: Any, lowered: Any, board: Any, config: CoreConfig, *_: Any) -> None:
            if config.weight_depth == 16384:
                raise ResourceError("no")
            made.append(config)
            self._plan = plans[config.weight_depth]

        def make(self, share: int) -> Any:
            assert share == 4
            return self._plan

    built = needs(100, 80)
    monkeypatch.setattr(searched, "plan", lambda *_, **__: built)
    monkeypatch.setattr(searched, "lower", lambda graph, unfused: None)
    monkeypatch.setattr(searched, "Maker", Maker)
    sizes = [core(4, 4, 4, depth) for depth in (16384, 2048, 4096, 8192)]
    monkeypatch.setattr(searched, "_cores", lambda *_: [sizes] * 9)
    found = search(cast(Any, None), SmallBoard(156, 208), cast(Any, None))
    assert [(one.plan.cycles, one.built) for one in found] == [(80, False), (90, False), (100, True)]
    assert len(made) == 3 * 8


SMALL = ["shufflenet_v2", "--width", "0.5", "--resolution", "64", "--classes", "10", "--board", "ulx3s-45f"]


def test_the_fastest_core_is_taken_if_asked_for() -> None:
    cores = json.loads(CliRunner().invoke(cli, ["plan", *SMALL, "--search", "--json"]).stdout)["cores"]
    taken = json.loads(CliRunner().invoke(cli, ["plan", *SMALL, "--fastest", "--json"]).stdout)
    assert taken["cycles"] == min(core["cycles"] for core in cores)
    assert taken["cycles"] < next(core["cycles"] for core in cores if core["built"]), "nothing to choose here"
    assert Target(fastest=True).suffix == "_fastest" and Target().suffix == ""
    assert "fastest" not in NetworkSource("shufflenet_v2").to_json()


def test_command() -> None:
    text = CliRunner().invoke(cli, ["plan", *SMALL, "--search"])
    assert text.exit_code == 0 and "*" in text.output and "KiB" in text.output
    made = CliRunner().invoke(cli, ["plan", *SMALL, "--search", "--json"])
    found = json.loads(made.stdout)
    cores, clocks = found["cores"], found["clocks"]
    assert sum(core["built"] for core in cores) == 1
    assert all(core["dsp"] == core["rows"] * core["cols"] and core["fps"] > 0 for core in cores)
    asked = next(at for at in clocks if at["clock_mhz"] == 90)
    assert [asked["cycles"]] == [core["cycles"] for core in cores if core["built"]], "90 MHz is the board's own clock"
    rates = [at["fps"] for at in clocks]
    assert len(clocks) > 3 and rates == sorted(rates)
