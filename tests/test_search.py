"""The search over rings: every plan it shows is on the front, and what a build takes is among them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from compiler.frontend import load_network
from compiler.plan.planner import plan
from compiler.plan.search import Explored, search
from hwgen.cli import cli
from tests.test_planner import SmallBoard, timing


@pytest.fixture(scope="module")
def found() -> list[Explored]:
    return search(load_network("shufflenet_v2", width=0.5, resolution=64, classes=10), SmallBoard(64, 108), timing)


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
    assert built.digest() == plan(graph, SmallBoard(64, 108), timing).digest()


def test_command() -> None:
    arguments = ["plan", "shufflenet_v2", "--width", "0.5", "--resolution", "64", "--classes", "10", "--search"]
    text = CliRunner().invoke(cli, [*arguments, "--board", "ulx3s-45f"])
    assert text.exit_code == 0 and "*" in text.output and "KiB" in text.output
    made = CliRunner().invoke(cli, [*arguments, "--board", "ulx3s-45f", "--json"])
    rings = json.loads(made.stdout)
    assert sum(ring["built"] for ring in rings) == 1
    assert all(ring["dsp"] == ring["rows"] * ring["cols"] and ring["fps"] > 0 for ring in rings)
