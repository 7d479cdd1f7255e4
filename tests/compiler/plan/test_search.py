"""The search over rings: every plan it shows is on the front, and what a build takes is among them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from hwgen.cli import cli
from hwgen.compiler.frontend.load import load_network
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.plan.search import Explored, search
from hwgen.request import Request
from tests.compiler.plan.test_planner import SmallBoard, timing


@pytest.fixture(scope="module")
def found() -> list[Explored]:
    return search(
        legalise(load_network("shufflenet_v2", width=0.5, resolution=64, classes=10)), SmallBoard(64, 108), timing
    )


def costs(one: Explored) -> tuple[int, ...]:
    needs = one.plan.resources
    return one.plan.cycles, needs.lut, needs.dsp, needs.ebr


def test_no_ring_beats_another(found: list[Explored]) -> None:
    assert len(found) > 1 and [one.plan.cycles for one in found] == sorted(one.plan.cycles for one in found)
    for one in found:
        rivals = [other for other in found if other is not one]
        assert one.built or not any(
            all(a <= b for a, b in zip(costs(other), costs(one), strict=True)) for other in rivals
        )
        assert not one.plan.resources.short(SmallBoard(64, 108).part)


def test_what_a_build_takes_is_marked(found: list[Explored]) -> None:
    (built,) = [one.plan for one in found if one.built]
    graph = load_network("shufflenet_v2", width=0.5, resolution=64, classes=10)
    assert built.digest() == plan(legalise(graph), SmallBoard(64, 108), timing).digest()


SMALL = ["shufflenet_v2", "--width", "0.5", "--resolution", "64", "--classes", "10", "--board", "ulx3s-45f"]


def test_the_fastest_ring_is_taken_if_asked_for() -> None:
    rings = json.loads(CliRunner().invoke(cli, ["plan", *SMALL, "--search", "--json"]).stdout)["rings"]
    taken = json.loads(CliRunner().invoke(cli, ["plan", *SMALL, "--fastest", "--json"]).stdout)
    assert taken["cycles"] == min(ring["cycles"] for ring in rings)
    assert taken["cycles"] < next(ring["cycles"] for ring in rings if ring["built"]), "nothing to choose here"
    request = Request("shufflenet_v2", fastest=True)
    assert request.name == Request("shufflenet_v2").name + "_fastest" and "fastest" not in request.options


def test_command() -> None:
    text = CliRunner().invoke(cli, ["plan", *SMALL, "--search"])
    assert text.exit_code == 0 and "*" in text.output and "KiB" in text.output
    made = CliRunner().invoke(cli, ["plan", *SMALL, "--search", "--json"])
    found = json.loads(made.stdout)
    rings, clocks = found["rings"], found["clocks"]
    assert sum(ring["built"] for ring in rings) == 1
    assert all(ring["dsp"] == ring["rows"] * ring["cols"] and ring["fps"] > 0 for ring in rings)
    asked = next(at for at in clocks if at["clock_mhz"] == 90)
    assert [asked["cycles"]] == [ring["cycles"] for ring in rings if ring["built"]], "90 MHz is the board's own clock"
    rates = [at["fps"] for at in clocks]
    assert len(clocks) > 3 and rates == sorted(rates)
