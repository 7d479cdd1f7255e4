"""How many steps of K a cycle a core gets: what saves cycles and has room on the part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hwgen.boards.board import Part
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.legalise import legalise
from hwgen.compiler.lower.array_steps import in_steps
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.plan import k_steps, planner
from hwgen.compiler.plan.core import smallest, streamed_base
from hwgen.compiler.plan.estimate import frame_estimate
from hwgen.compiler.plan.k_steps import by_estimate, of_choice
from hwgen.compiler.plan.quick_estimate import quick_estimate
from hwgen.compiler.plan.resources import resources
from hwgen.compiler.plan.search import search
from hwgen.errors import ResourceError
from tests.support.board_timing import timing
from tests.support.host_frame import small_network
from tests.support.int8_networks import load_network
from tests.support.small_board import SmallBoard

pytestmark = pytest.mark.plan

BOARD = SmallBoard(64, 108)


@pytest.fixture(scope="module")
def graph() -> QGraph:
    return legalise(load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=64, classes=10)))


def test_of_choice() -> None:
    assert of_choice(None) == (1, 2)
    assert of_choice(2) == (2,)


@pytest.mark.parametrize(
    ("cycles", "order"), [((10_000, 9_700), [2, 1]), ((10_000, 9_701), [1, 2]), ((10_000, 20_000), [1, 2])]
)
def test_two_steps_must_save_cycles(
    graph: QGraph, monkeypatch: pytest.MonkeyPatch, cycles: tuple[int, int], order: list[int]
) -> None:
    monkeypatch.setattr(k_steps, "frame_estimate", lambda lowered, base: cycles[base.k_steps - 1])
    assert by_estimate(lower(graph), BOARD.part, (1, 2)) == order


def test_two_steps_must_fit(graph: QGraph) -> None:
    """A part without logic for the second step of the smallest array gets one."""
    lowered = lower(graph)
    assert by_estimate(lowered, BOARD.part, (1, 2)) == [2, 1]
    least: list[int] = []
    for steps in (1, 2):
        network = in_steps(lowered, steps)
        part = replace(BOARD.part, dsp=16)
        least.append(resources(smallest(network, streamed_base(network, part)), part.family).lut)
    between = (least[0] + least[1]) // 2
    tight = Part(
        "LFE5U-25F", BOARD.part.family, lut=round(between / BOARD.part.family.most_lut), ff=99999, dsp=16, ebr=108
    )
    assert by_estimate(lowered, tight, (1, 2)) == [1, 2]


def test_what_fits_only_with_more_steps_comes_first(graph: QGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    class Needs:
        def __init__(self, core: Any) -> None:
            self._short = ["LUT"] * (core.k_steps == 1)

        def short(self, part: Any) -> list[str]:
            return self._short

    monkeypatch.setattr(k_steps, "resources", lambda core, family: Needs(core))
    monkeypatch.setattr(k_steps, "frame_estimate", lambda lowered, base: 1000 * base.k_steps)
    assert by_estimate(lower(graph), BOARD.part, (1, 2)) == [2, 1]


def test_streamed(graph: QGraph) -> None:
    """The faster one of both is planned, and one step if there is no plan for two."""
    one, two = (planner.plan(graph, BOARD, timing, external=True, k_steps=steps) for steps in (1, 2))
    best = planner.plan(graph, BOARD, timing, external=True, k_steps=None)
    assert two.cycles < one.cycles and best.digest() == two.digest() and best.config.k_steps == 2


def test_falls_back(graph: QGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def streamed(graph: Any, lowered: Any, steps: int, *_: Any) -> Any:
        asked.append(steps)
        raise ResourceError(f"no room for {steps}")

    monkeypatch.setattr(planner, "_best_streamed", streamed)
    with pytest.raises(ResourceError, match="no room for 2"):
        planner.plan(graph, BOARD, timing, external=True, k_steps=None)
    assert asked == [2, 1]


def test_on_chip() -> None:
    """In block RAM likewise: the one of the fewest cycles, of about equal ones that with less logic."""
    small = legalise(small_network())
    one, two = (planner.plan(small, BOARD, timing, k_steps=steps) for steps in (1, 2))
    best = planner.plan(small, BOARD, timing, k_steps=None)
    assert one.on_chip and two.on_chip and one.config.k_steps == 1 and two.config.k_steps == 2
    wanted = one if one.cycles <= 1.01 * two.cycles else two
    assert best.digest() == wanted.digest()


def test_search_shows_both(graph: QGraph) -> None:
    shown = search(graph, BOARD, timing, None)
    assert {one.plan.config.k_steps for one in shown} == {1, 2}


def test_quick_estimate(graph: QGraph) -> None:
    network = in_steps(lower(graph), 2)
    base = streamed_base(network, BOARD.part)
    assert quick_estimate(graph, BOARD.part, None) == quick_estimate(graph, BOARD.part, 2)
    assert quick_estimate(graph, BOARD.part, 2).cycles == frame_estimate(network, base)
    assert quick_estimate(graph, BOARD.part, 1).array == (*quick_estimate(graph, BOARD.part, 2).array[:2], 1)
    assert quick_estimate(graph, BOARD.part, 1).cycles > quick_estimate(graph, BOARD.part, 2).cycles
