"""The search over cores: every plan it shows is on the front, and what a build takes is among them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from hwgen.cli import cli
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.plan.search import Explored, _front, search
from hwgen.flow.source import NetworkSource
from hwgen.flow.target import Target
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
