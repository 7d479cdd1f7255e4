"""How many steps of K the array takes in a cycle: the multiply-accumulates of each of its multipliers.

Two steps (`hwgen.hw.array.element`) take a third more logic for each element, and hardly more of anything else: they are the choice
wherever they save cycles, unless the part has no room for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from hwgen.compiler.lower.array_steps import in_steps
from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.plan.core import smallest, streamed_base
from hwgen.compiler.plan.estimate import frame_estimate
from hwgen.compiler.plan.resources import resources
from hwgen.compiler.plan.target import Part
from hwgen.hw.isa.config import K_STEPS

_WORTH = 0.97
"""Share of the cycles with fewer steps that is worth the logic of more."""


def of_choice(k_steps: int | None) -> Sequence[int]:
    """Steps to choose from: those that are asked for, else all, the fewest first."""
    return K_STEPS if k_steps is None else (k_steps,)


def by_estimate(lowered: Lowered, part: Part, choices: Sequence[int]) -> list[int]:
    """Steps for a network whose weights are streamed, the best first; `lowered` is for one step.

    More steps come first if the frame is estimated to take a share of at most 0.97 of the cycles of fewer, each on the core that suits it.
    """
    if len(choices) < 2:
        return list(choices)
    order: list[int] = []
    least: int | None = None
    for steps in choices:
        network = in_steps(lowered, steps)
        base = streamed_base(network, part)
        fits = not resources(smallest(network, base), part.family).short(part)
        cycles = frame_estimate(network, base)
        if least is None or (fits and cycles <= _WORTH * least):
            order.insert(0, steps)
            least = cycles if fits else None
        else:
            order.append(steps)
    return order
