"""The rounds in which a network is made to fit a core: their order, what competes, what the user is told."""

from __future__ import annotations

from types import SimpleNamespace
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


class Spills:
    """A job that notes which cores, gaps and limits it is asked for, and fits the last of these."""

    def __init__(self, fits: str) -> None:
        self._fits, self.asked = fits, list[tuple[bool, str]]()
        self.lowered = SimpleNamespace(passes=[SimpleNamespace(striped=False)])

    def maker(self, lowered: Any, core: CoreConfig, efforts: Any, fusion: Any) -> Maker:
        assert efforts == strategies.FIRST_EFFORTS
        self.asked.append((core.striped_sums, f"{lowered} {fusion}"))
        if fusion != self._fits:
            raise ResourceError(f"no {fusion}")
        return cast(Maker, fusion)


@pytest.mark.parametrize("striped", [False, True])
def test_spilling(striped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With less and less of the memory; the core makes sums in stripes if some pass does."""
    sizes = []

    def stripes(lowered: Any, most: float) -> Any:
        sizes.append(most)
        return SimpleNamespace(passes=[SimpleNamespace(striped=striped), SimpleNamespace(striped=False)])

    def choices(lowered: Any, depth: int, share: float) -> list[Any]:
        return [SimpleNamespace(gaps=f"{depth} {share} {i}", fusion=f"{share} {i}") for i in range(2)]

    monkeypatch.setattr(strategies, "stripe_sums", stripes)
    monkeypatch.setattr(strategies, "choose", choices)
    monkeypatch.setattr(strategies, "spill", lambda lowered, gaps: gaps)
    core = CoreConfig(activation_depth=1024, striped_sums=True)
    job = Spills("0.95 0")
    assert str(strategies._spilled(cast(Job, job), core)) == "0.95 0"
    tried = ["1024 1.0 0 1.0 0", "1024 1.0 1 1.0 1", "1024 0.95 0 0.95 0"]
    assert job.asked == [(striped, one) for one in tried]
    assert sizes == [pytest.approx(0.4 * 1024 * 4 * 8)]
    with pytest.raises(ResourceError, match="no 0.8 1"):
        strategies._spilled(cast(Job, Spills("nothing")), core)


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
