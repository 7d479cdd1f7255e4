"""How the best plan of a streamed network is found among those that fit: less memory if it costs little, a finer search if it may pay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hwgen.boards.ulx3s import ULX3S
from hwgen.compiler.plan import planner
from hwgen.compiler.plan.result import Plan
from hwgen.errors import ResourceError
from hwgen.hw.isa.config import CoreConfig

COARSE, FINE = (0, 2), (1,)


@dataclass(frozen=True)
class Fits:
    """A maker whose plans are known: cycles by (weight depth, efforts); what is not there does not fit."""

    cycles: Mapping[tuple[int, tuple[int, ...]], int]
    config: CoreConfig = field(default_factory=lambda: CoreConfig(weight_depth=8192))
    efforts: tuple[int, ...] = COARSE
    avoidable: float = 0.0
    better: Mapping[int, int] = field(default_factory=dict)
    """Cycles by share, if not as the first one's."""

    def of(self, config: CoreConfig, efforts: Sequence[int]) -> Fits:
        if (config.weight_depth, tuple(efforts)) not in self.cycles:
            raise ResourceError("no")
        return replace(self, config=config, efforts=tuple(efforts))

    def make(self, share: int) -> Any:
        cycles = self.better.get(share, self.cycles[self.config.weight_depth, self.efforts])
        return SimpleNamespace(
            cycles=cycles, config=self.config, efforts=self.efforts, fit=SimpleNamespace(avoidable=self.avoidable)
        )


def best(monkeypatch: pytest.MonkeyPatch, *makers: Fits) -> tuple[int, int, tuple[int, ...]]:
    """Cycles, weight depth and efforts of what is taken."""
    monkeypatch.setattr(planner, "_fitting", lambda *_: list(makers))
    nothing = cast(Any, None)
    found: Any = planner._streamed(nothing, nothing, ULX3S, nothing)
    return found.cycles, found.config.weight_depth, found.efforts


def test_the_fewest_cycles(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, fast = Fits({(8192, COARSE): 1000}), Fits({(8192, COARSE): 900})
    assert best(monkeypatch, slow, fast) == best(monkeypatch, fast, slow) == (900, 8192, COARSE)


@pytest.mark.parametrize(("lean", "expected"), [(900, (900, 4096)), (1020, (1020, 4096)), (1021, (1000, 8192))])
def test_half_the_weight_memory(lean: int, expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken if a frame takes at most 2 % longer."""
    known = Fits({(8192, COARSE): 1000, (4096, COARSE): lean, (2048, COARSE): 1, (16384, COARSE): 1})
    assert best(monkeypatch, known)[:2] == expected


def test_the_smallest_weight_memory_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    smallest = Fits({(2048, COARSE): 1000, (2048, FINE): 900}, CoreConfig(weight_depth=2048))
    assert best(monkeypatch, smallest) == (1000, 2048, COARSE)


@pytest.mark.parametrize(
    ("avoidable", "fine", "expected"),
    [(11, 900, (900, FINE)), (10, 900, (1000, COARSE)), (11, 1000, (1000, COARSE)), (11, 1001, (1000, COARSE))],
)
def test_a_finer_search(
    avoidable: float, fine: int, expected: tuple[int, tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tried where stripes cost more than 1 % of the frame, taken if it saves something."""
    known = Fits({(8192, COARSE): 1000, (8192, FINE): fine}, avoidable=avoidable)
    cycles, _, efforts = best(monkeypatch, known)
    assert (cycles, efforts) == expected


def test_other_channel_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of halves and sixths of the memory, by the maker that was chosen."""
    known = {(8192, COARSE): 1000, (8192, FINE): 900}
    assert best(monkeypatch, Fits(known, avoidable=11, better={2: 800})) == (800, 8192, FINE)
    assert best(monkeypatch, Fits(known, better={6: 850})) == (850, 8192, COARSE)
    assert best(monkeypatch, Fits(known, better={2: 1001, 6: 1001})) == (1000, 8192, COARSE)


def test_fewer_passes_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Costly windows get passes of their own if that saves cycles."""
    plans = {None: 1000, frozenset({"a"}): 900}

    def streamed(graph: Any, lowered: Any, *_: Any) -> Plan:
        return cast(Plan, SimpleNamespace(cycles=plans[lowered.unfused], lowered=lowered))

    def lower(graph: Any, *, unfused: Any = None, shared_taps: bool) -> Any:
        return SimpleNamespace(unfused=unfused, shared_taps=shared_taps)

    monkeypatch.setattr(planner, "lower", lower)
    monkeypatch.setattr(planner, "_streamed", streamed)
    monkeypatch.setattr(planner, "costly_windows", lambda plan: frozenset({"a"}))
    nothing = cast(Any, None)
    assert planner.plan(nothing, ULX3S, nothing, external=True).cycles == 900
    plans[frozenset({"a"})] = 1001
    assert planner.plan(nothing, ULX3S, nothing, external=True).cycles == 1000
    monkeypatch.setattr(planner, "costly_windows", lambda plan: frozenset())
    plans[frozenset({"a"})] = 1
    assert planner.plan(nothing, ULX3S, nothing, external=True).cycles == 1000
