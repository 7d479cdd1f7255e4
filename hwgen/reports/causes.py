"""Predicted cycles by cause: what holds up the core in every cycle of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hwgen.compiler.plan.result import Plan
    from hwgen.hw.isa.descriptor_fields import DescriptorFields
    from hwgen.sim.timing.frame import PassCycles


@dataclass(frozen=True)
class Causes:
    """Cycles by cause; of a whole frame their sum is the plan's cycles.

    Attributes:
        array: the array accumulates, one step of K a cycle.
        drain: the array moves sums out, which takes longer than its few steps.
        window: the window or the fetch works longer than the array: depthwise convolutions, pools, reading.
        output: the writers work longer than the array and the window.
        fill: the elements fill and drain one after the other, at the ends of a pass.
        weights: nothing runs: weights, image rows or the pass's descriptor are not there yet.
        between: from one pass to the next, and of a frame from its start.
    """

    array: int = 0
    drain: int = 0
    window: int = 0
    output: int = 0
    fill: int = 0
    weights: int = 0
    between: int = 0

    @property
    def total(self) -> int:
        """All cycles."""
        return sum(asdict(self).values())

    def to_json(self) -> dict[str, int]:
        """As JSON types."""
        return asdict(self)


CAUSES = tuple(entry.name for entry in fields(Causes))
"""Their names."""

_CAUSE = {"compute": "drain", "window": "window", "output": "output"}
"""Of what a busiest element is busy with beyond the array's steps, by the element's bound."""


def causes_of(entry: PassCycles, descriptor: DescriptorFields) -> Causes:
    """Of one pass, and the wait before it."""
    from hwgen.sim.timing.elements import bound

    array = descriptor.array
    busiest = max(entry.timing.busy.values())
    found = {"array": min(array.tiles * array.chunks * array.inner * array.outer, busiest)}
    cause = _CAUSE[bound(entry.timing.busy, busiest)]
    found[cause] = busiest - found["array"]
    return Causes(**found, fill=entry.cycles - busiest, weights=entry.wait)


def added(parts: Iterable[Causes]) -> Causes:
    """Cause by cause."""
    entries = [asdict(part) for part in parts]
    return Causes(**{name: sum(entry[name] for entry in entries) for name in CAUSES})


def by_pass(plan: Plan) -> Iterator[Causes]:
    """Of every pass of a plan, in order; what lies between a pass and the one before it (or the frame's start) is its own."""
    from hwgen.sim.timing.frame import PassCycles

    done = 0
    for entry, descriptor in zip(plan.passes, plan.program.descriptors, strict=True):
        assert isinstance(entry, PassCycles)
        found = causes_of(entry, descriptor)
        yield added([found, Causes(between=entry.start - done - entry.wait)])
        done = entry.start + entry.cycles
