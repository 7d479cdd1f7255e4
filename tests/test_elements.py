"""The registries of the machine's elements are complete: whoever adds an element is told where it is missing."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping
from dataclasses import fields

import pytest

from hwgen.boards.ecp5 import costs
from hwgen.boards.ulx3s import ULX3S
from hwgen.compiler.legalise import legalise
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.plan.elements import PLANNED, Wanted
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.counters import Counter
from hwgen.hw.isa.descriptor import Descriptor
from hwgen.hw.isa.elements import ELEMENTS, Element, Nothing
from hwgen.reports.build import BOUNDS
from hwgen.reports.elements import REPORTED
from hwgen.sim.frame.trace import KINDS
from hwgen.sim.timing.elements import TIMED, Timed
from tests.support.int8_networks import load_network

REGISTRIES: tuple[Mapping[str, object], ...] = (costs.COSTS, PLANNED, REPORTED, TIMED)
"""By the names of the elements."""


def _owned(kind: str) -> list[str]:
    """What all elements say is theirs."""
    return [name for element in ELEMENTS.values() for name in getattr(element, kind)]


@pytest.mark.parametrize(
    ("kind", "all_names"),
    [
        ("config", [field.name for field in fields(CoreConfig)]),
        ("descriptor", [name for name, _ in Descriptor]),
        ("counters", list(Counter)),
    ],
)
def test_everything_belongs_to_one_element(kind: str, all_names: list[str]) -> None:
    assert Tally(_owned(kind)) == Tally(all_names)


def _problems(registry: Mapping[str, object]) -> list[str]:
    """Elements that a registry has not, and names in it that no element has."""
    return sorted(registry.keys() ^ ELEMENTS.keys())


def test_every_element_has_a_cost_or_is_counted_with_one_that_has() -> None:
    for cost in costs.COSTS.values():
        if isinstance(cost, costs.CountedWith):
            assert isinstance(costs.COSTS[cost.element], costs.Cost)


def test_every_registry_has_every_element_and_no_other() -> None:
    for registry in REGISTRIES:
        assert not _problems(registry)


def test_every_element_sizes_its_own_fields_alone() -> None:
    lowered = lower(legalise(load_network("ds_cnn")))
    for name, planned in PLANNED.items():
        if not isinstance(planned.size, Nothing):
            assert set(planned.size(Wanted(lowered, ULX3S.part, 4, 4, 4))) <= set(ELEMENTS[name].config), name


def test_records_of_a_simulation_are_of_elements_and_no_letter_stands_for_two() -> None:
    assert KINDS.keys() <= ELEMENTS.keys()
    letters = [letter for kinds in KINDS.values() for letter in (*kinds.events, *filter(None, [kinds.tap]))]
    assert len(set(letters)) == len(letters)


def test_what_bounds_a_pass_may_stand_in_a_report() -> None:
    named = {entry.bound for entry in TIMED.values() if isinstance(entry, Timed) and entry.bound}
    assert named | {"weights", "fill"} == set(BOUNDS)


def test_a_forgotten_element_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ELEMENTS, "absolute_value", Element("absolute_value"))
    for registry in REGISTRIES:
        assert _problems(registry) == ["absolute_value"]
