"""Cores that may share taps: where they pay the planner takes them, and passes take the cycles that the machine's models give."""

from __future__ import annotations

import pytest

from hwgen.compiler.frontend import tflite
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan import core, planner
from hwgen.compiler.plan.resources import resources
from tests.support.board_timing import timing
from tests.support.small_board import SmallBoard
from tests.support.tflite_net import Net

pytestmark = pytest.mark.plan

BOARD = SmallBoard(64, 108)


def graph(kernel: int) -> QGraph:
    """Two convolutions of few channels on a wide map, so that the array waits for words."""
    net = Net(3)
    image = net.tensor((1, 24, 24, 3))
    return legalise(tflite.parse(net.m.finish([image], [net.conv(net.conv(image, 8, kernel), 8, kernel)]), "m.tflite"))


@pytest.mark.parametrize("external", [False, True])
def test_fewer_cycles(external: bool) -> None:
    network = graph(3)
    before, after = (
        planner.plan(network, BOARD, timing, external=external, k_steps=2, shared_taps=shared)
        for shared in (False, True)
    )
    assert before.on_chip == after.on_chip == (not external)
    assert not before.config.shared_taps and after.config.shared_taps
    assert after.cycles < before.cycles
    assert any(fields.fetch.shared for fields in after.program.descriptors)


def test_same_plan_where_nothing_is_shared() -> None:
    network = graph(1)
    before, after = (
        planner.plan(network, BOARD, timing, external=True, shared_taps=shared) for shared in (False, True)
    )
    assert before.digest() == after.digest()


def test_the_plan_counts_their_logic() -> None:
    before, after = (
        planner.plan(graph(3), BOARD, timing, external=True, shared_taps=shared) for shared in (False, True)
    )
    assert after.resources.lut > before.resources.lut


def test_not_without_room_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Short:
        def short(self, part: object) -> list[str]:
            return ["LUT"]

    monkeypatch.setattr(
        core, "resources", lambda config, family: Short() if config.shared_taps else resources(config, family)
    )
    found = planner.plan(graph(3), BOARD, timing, external=True, shared_taps=True)
    assert not found.config.shared_taps and not any(fields.fetch.shared for fields in found.program.descriptors)
