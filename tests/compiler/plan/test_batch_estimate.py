"""The estimate of a batch, by hand: what is loaded when, what waits for it, and what is thrown out for it."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hwgen.compiler.plan.batch_estimate import BatchEstimate
from hwgen.compiler.plan.result import Plan
from hwgen.compiler.tiling.batch import Grouping
from hwgen.hw.isa.packets import PacketKind

HALFWORD = 1.1
WORD = 2 * HALFWORD
"""Of four columns, two halfwords."""


def step(
    name: str, cycles: int, depth: int = 0, halfwords: int = 0, first: int = 0, channels: int = 4
) -> dict[str, Any]:
    return locals()


def cycles(steps: Sequence[dict[str, Any]], weight_depth: int, runs: Sequence[tuple[int, ...]] = ((0,),)) -> float:
    """Of a batch whose one fusion group runs so often, each time for these frames."""
    made = [
        SimpleNamespace(
            index=i,
            fusion_group=0,
            stripe=0,
            first_channel=one["first"],
            channels=one["channels"],
            source=SimpleNamespace(name=one["name"], array_node=one["depth"] or None, depth=one["depth"]),
        )
        for i, one in enumerate(steps)
    ]
    packets = [
        SimpleNamespace(kind=kind, step=i, units=1, halfwords=halfwords)
        for i, one in enumerate(steps)
        for kind, halfwords in ((PacketKind.PARAMETERS, one["halfwords"]), (PacketKind.WEIGHTS, 1000))
    ]
    groups = [SimpleNamespace(first=0)]
    single = SimpleNamespace(
        config=SimpleNamespace(cols=4, weight_bytes=4, weight_depth=weight_depth),
        fit=SimpleNamespace(steps=made, fusion_groups=groups),
        passes=[SimpleNamespace(cycles=one["cycles"]) for one in steps],
        program=SimpleNamespace(packets=packets),
    )
    grouping = SimpleNamespace(frames=1, runs=lambda *_: [(groups[0], run) for run in runs])
    return BatchEstimate(cast(Plan, single))(cast(Grouping, grouping))


def test_a_pass_waits_for_its_weights_and_for_the_pass_before() -> None:
    assert cycles([step("a", 50, depth=10)], 100) == pytest.approx(10 * WORD + 50)
    assert cycles([step("w", 30), step("a", 50, depth=10)], 100) == pytest.approx(30 + 50)
    assert cycles([step("w", 30), step("a", 50, depth=20)], 100) == pytest.approx(20 * WORD + 50)
    assert cycles([step("a", 50, depth=10, channels=5)], 100) == pytest.approx(2 * 10 * WORD + 50)


def test_what_comes_besides_weights_comes_every_time() -> None:
    steps = [step("w", 30, halfwords=20), step("a", 5, depth=10)]
    assert cycles(steps, 100) == pytest.approx(20 * HALFWORD + 30 + 5)
    assert cycles([*steps, step("b", 5, halfwords=40)], 100) == pytest.approx(60 * HALFWORD + 10 * WORD + 5)


def test_weights_stay_for_all_frames_of_a_run() -> None:
    assert cycles([step("a", 5, depth=10)], 100, [(0, 1, 2)]) == pytest.approx(10 * WORD + 3 * 5)
    assert cycles([step("a", 5, depth=10)], 100, [(), ()]) == pytest.approx(10 * WORD + 2 * 5)
    both = [step("a", 5, depth=10), step("a", 5, depth=10, first=4)]  # two channel tiles
    assert cycles(both, 100, [(0, 1)]) == pytest.approx(20 * WORD + 2 * 5)


def test_the_oldest_weights_make_room_when_they_are_done() -> None:
    """Ten words of memory: `c` is loaded once `a` has ended, while `v` computes."""
    steps = [step("w", 30), step("a", 50, depth=10), step("v", 1000), step("c", 50, depth=10)]
    assert cycles(steps, 10) == pytest.approx(30 + 50 + 1000 + 50)
    assert cycles([*steps[:2], step("c", 50, depth=10)], 10) == pytest.approx(30 + 50 + 10 * WORD + 50)
    assert cycles([step("a", 50, depth=10), step("c", 1, depth=10)], 15) == pytest.approx(10 * WORD + 50 + 5 * WORD + 1)
