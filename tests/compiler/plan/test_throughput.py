"""Which groupings of a batch's frames are looked at, in which order, and which plan is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hwgen.compiler.plan import throughput
from hwgen.compiler.plan.result import Plan
from hwgen.compiler.plan.throughput import nothing_to_gain, plan_batch
from hwgen.compiler.tiling.batch import Grouping
from hwgen.compiler.tiling.fusion_groups import GivenFusion
from hwgen.compiler.tiling.striping import Weights
from hwgen.errors import ResourceError

TAIL = 3
NOTHING = cast(Any, None)


def single(striped: int = 0, on_chip: bool = False) -> Plan:
    """Of five passes in fusion groups that begin with the first, third, fourth and fifth one; the first passes make sums in stripes."""
    lowered = SimpleNamespace(
        name="n",
        passes=[SimpleNamespace(striped=i < striped) for i in range(5)],
        buffers={str(i): SimpleNamespace(size=size) for i, size in enumerate((10, 20, 30, 900, 50))},
    )
    groups = [SimpleNamespace(first=first) for first in (0, 2, 3, 4)]
    return cast(Plan, SimpleNamespace(lowered=lowered, fit=SimpleNamespace(fusion_groups=groups), on_chip=on_chip))


def ranked(
    monkeypatch: pytest.MonkeyPatch, counts: Any, estimate: Callable[[Grouping], float], striped: int = 0
) -> list[Grouping]:
    monkeypatch.setattr(throughput, "tail_of", lambda lowered, groups: TAIL)
    monkeypatch.setattr(throughput, "boundaries", lambda lowered: [[str(i)] for i in range(5)])
    monkeypatch.setattr(throughput, "BatchEstimate", lambda single: estimate)
    return list(throughput._groupings(single(striped), counts))


def test_every_grouping_of_a_given_count(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ranked(monkeypatch, [3], lambda one: 100.0)
    groups = [Grouping(3, start, group, TAIL) for start in (0, 2) for group in (2, 3)]
    assert set(found) == {Grouping(3, TAIL, 1, TAIL), *groups} and len(found) == 5


@pytest.mark.parametrize(("best", "groups"), [(4, (2, 4)), (5, ()), (6, (2, 3))])
def test_groups_divide_a_count_that_is_chosen(
    best: int, groups: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ranked(monkeypatch, range(4, 7), lambda one: one.frames * (100.0 if one.frames == best else 200.0))
    grouped = {Grouping(best, start, group, TAIL) for start in (0, 2) for group in groups}
    assert set(found) == {Grouping(best, TAIL, 1, TAIL)} | grouped


def test_sums_in_stripes_come_one_frame_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {one.start for one in ranked(monkeypatch, [2], lambda one: 1.0, striped=0)} == {0, 2, TAIL}
    assert {one.start for one in ranked(monkeypatch, [2], lambda one: 1.0, striped=1)} == {2, TAIL}
    assert {one.start for one in ranked(monkeypatch, [2], lambda one: 1.0, striped=3)} == {TAIL}


def test_the_fewest_frames_of_about_equal_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 % more is as good."""
    a_frame = {2: 101.2, 3: 100.9, 4: 100.0}
    found = ranked(monkeypatch, range(2, 5), lambda one: one.frames * a_frame[one.frames])
    assert {one.frames for one in found} == {3}


def test_the_least_memory_of_about_equal_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    a_frame = {(0, 2): 100.5, (0, 3): 100.4, (2, 2): 100.0, (2, 3): 100.2, (TAIL, 1): 100.6}
    places = [(one.start, one.group) for one in ranked(monkeypatch, [3], lambda one: 3 * a_frame[one.start, one.group])]
    assert places == [(TAIL, 1), (0, 2), (0, 3), (2, 2), (2, 3)]  # 0, 10, 20, 30, 60 bytes wait
    a_frame[TAIL, 1], a_frame[0, 2] = 103.5, 102.5
    places = [(one.start, one.group) for one in ranked(monkeypatch, [3], lambda one: 3 * a_frame[one.start, one.group])]
    assert places == [(0, 3), (2, 2), (2, 3), (0, 2), (TAIL, 1)]


class Attempts:
    """Attempts with known results: (cycles, cycles of a frame that stripes cost, cycles by share), or why one fails."""

    def __init__(self, results: Sequence[tuple[int, float, dict[int, int]] | str]) -> None:
        self._results = iter(results)
        self.made = 0

    def __call__(self, single: Plan, grouping: Any, predict: Any) -> Any:
        self.made += 1
        result = next(self._results)
        if isinstance(result, str):
            raise ResourceError(result)
        cycles, avoidable, others = result

        def make(share: int) -> Any:
            known = others.get(share, cycles)
            return SimpleNamespace(cycles=known, cycles_per_frame=known / 2)

        return SimpleNamespace(avoidable=avoidable, make=make)


def batch(monkeypatch: pytest.MonkeyPatch, *results: tuple[int, float, dict[int, int]] | str) -> tuple[int, int]:
    """Cycles of the plan that is taken, and how many groupings were tried."""
    attempts = Attempts(results)
    monkeypatch.setattr(throughput, "_groupings", lambda single, counts: [None] * len(results))
    monkeypatch.setattr(throughput, "_Attempt", attempts)
    return plan_batch(single(), NOTHING, None).cycles, attempts.made


def test_which_plan_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = 6.0  # more than 1 % of a frame of 500 cycles
    assert batch(monkeypatch, (1000, 5.0, {}), (900, 0.0, {})) == (1000, 1)  # stripes cost nothing worth looking on
    assert batch(monkeypatch, (1000, bad, {}), (900, bad, {}), (950, bad, {}), (1, bad, {})) == (900, 3)
    assert batch(monkeypatch, "no", (1000, bad, {}), "no", (990, bad, {})) == (990, 4)
    assert batch(monkeypatch, (1000, 0.0, {2: 800})) == (800, 1)
    assert batch(monkeypatch, (1000, 0.0, {6: 800})) == (800, 1)
    assert batch(monkeypatch, (1000, bad, {2: 1}), (900, bad, {2: 950})) == (900, 2)


def test_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ResourceError, match="^the first"):
        batch(monkeypatch, "the first", "the second")
    with pytest.raises(ResourceError, match="a batch would gain nothing; leave out throughput"):
        plan_batch(single(on_chip=True), NOTHING, 2)
    assert str(nothing_to_gain("n")).startswith("n: all weights stay in block RAM")


@dataclass(frozen=True)
class Found:
    """A fit of nothing."""

    avoidable: float = 30.0
    fusion_groups: tuple[str, ...] = ()
    layouts: tuple[str, ...] = ()


class Batch:
    """A batch whose network of n frames is a pass of that height."""

    possible = True

    def __init__(self, lowered: Any, groups: Any, grouping: Grouping) -> None:
        pass

    def network(self, frames: int) -> tuple[Any, list[tuple[int, int]]]:
        return SimpleNamespace(passes=[SimpleNamespace(channels=13, depth=10, height=frames)], name="n"), [(0, frames)]

    def unrolled(self, *_: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return ("unrolled",), ("layouts",)


def test_stripes_of_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are searched well, for the frames of one group; what they cost is shared out among these."""
    asked: list[Any] = []

    def fit(*arguments: Any) -> Found:
        asked.append(arguments)
        return Found()

    monkeypatch.setattr(throughput, "Batch", Batch)
    monkeypatch.setattr(throughput, "fit", fit)
    config = SimpleNamespace(cols=12, weight_bytes=12, weight_depth=4096, activation_depth=2048)
    of = cast(Plan, SimpleNamespace(lowered=None, config=config, fit=SimpleNamespace(fusion_groups=[])))
    attempt = throughput._Attempt(of, Grouping(5, 0, 2, TAIL), NOTHING)
    ((unit, words, weights, efforts, fusion),) = asked
    assert (unit.passes[0].height, words, efforts) == (2, 2048, (1, 2))
    assert (weights, fusion) == (Weights([20], 4096, 6), GivenFusion(((0, 2),)))
    assert attempt.avoidable == 15.0
