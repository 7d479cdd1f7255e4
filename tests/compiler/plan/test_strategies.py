"""The rounds in which a network is made to fit a core: their order, what competes, what the user is told."""

from __future__ import annotations

from typing import Any, cast

import pytest

from hwgen.compiler.plan import strategies
from hwgen.compiler.plan.maker import Maker
from hwgen.compiler.plan.strategies import ROUNDS, Fitting, Job, Strategy, makers
from hwgen.errors import ResourceError
from hwgen.hw.isa.config import CoreConfig

SMALL, LARGE = CoreConfig(activation_depth=1024), CoreConfig(activation_depth=4096)
JOB = cast(Job, None)


def fits(name: str, *cores: CoreConfig) -> Fitting:
    """Fits these cores alone; its makers are texts."""

    def fitting(_: Job, core: CoreConfig) -> Maker:
        if core not in cores:
            raise ResourceError(f"{name} at {core.activation_depth}")
        return cast(Maker, f"{name} at {core.activation_depth}")

    return fitting


def texts(made: list[Maker]) -> list[str]:
    return [str(maker) for maker in made]


def strategy(name: str, *cores: CoreConfig, **kinds: Any) -> Strategy:
    return Strategy(name, lambda _: [SMALL, LARGE], (fits(name, *cores),), **kinds)


def test_what_is_tried_in_which_order() -> None:
    assert [[one.name for one in each] for each in ROUNDS] == [["whole"], ["joined"], ["fine", "spilled"], ["thorough"]]
    assert [one.name for each in ROUNDS for one in each if one.reported] == ["spilled"]


def test_a_strategy_tries_a_way_on_every_core_before_the_next_way() -> None:
    both = Strategy("both", lambda _: [SMALL, LARGE], (fits("a", LARGE), fits("b", SMALL, LARGE)))
    failures: list[ResourceError] = []
    assert texts(both.makers(JOB, failures)) == ["a at 4096", "b at 1024", "b at 4096"]
    assert [str(error) for error in failures] == ["a at 1024"]


def test_the_first_core_is_enough() -> None:
    failures: list[ResourceError] = []
    assert texts(strategy("a", SMALL, LARGE, first_core=True).makers(JOB, failures)) == ["a at 1024"]
    assert not failures


def test_a_part_without_room_for_any_core_is_a_failure() -> None:
    def none(_: Job) -> list[CoreConfig]:
        raise ResourceError("no core")

    failures: list[ResourceError] = []
    assert not Strategy("a", none, (fits("a", SMALL),)).makers(JOB, failures)
    assert [str(error) for error in failures] == ["no core"]


def test_the_first_round_that_fits_decides_and_its_strategies_compete(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = ((strategy("a"),), (strategy("b", SMALL), strategy("c", LARGE)), (strategy("d", SMALL, LARGE),))
    monkeypatch.setattr(strategies, "ROUNDS", rounds)
    assert texts(makers(JOB)) == ["b at 1024", "c at 4096"]


def test_the_user_is_told_the_first_failure_of_the_strategy_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategies, "ROUNDS", ((strategy("a"),), (strategy("b", reported=True),), (strategy("c"),)))
    with pytest.raises(ResourceError, match="^b at 1024"):
        makers(JOB)
