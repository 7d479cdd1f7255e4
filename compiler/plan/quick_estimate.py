"""About the cycles of a network on a board, without a plan: in a second, where a plan may take minutes."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.lower.array_steps import in_steps
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.plan.core import streamed_base
from hwgen.compiler.plan.estimate import estimate, frame_estimate
from hwgen.compiler.plan.k_steps import by_estimate, of_choice
from hwgen.compiler.plan.target import Part


@dataclass(frozen=True)
class QuickEstimate:
    """An estimate.

    Attributes:
        array: its rows, columns and steps of K a cycle.
        compute: cycles of all passes if nothing waits for weights.
        cycles: of a frame whose passes each wait for the weights of the next one.
    """

    array: tuple[int, int, int]
    compute: int
    cycles: int


def quick_estimate(graph: QGraph, part: Part, k_steps: int | None) -> QuickEstimate:
    """The estimate for a network whose weights come from SDRAM, on an array of `k_steps` steps a cycle; None: as `plan` chooses.

    Raises:
        UnsupportedOpError: the network has operations that the core has not.
        ResourceError: the part is too small for any core.
    """
    one = lower(graph)
    lowered = in_steps(one, by_estimate(one, part, of_choice(k_steps))[0])
    config = streamed_base(lowered, part)
    return QuickEstimate(config.array, estimate(lowered, config), frame_estimate(lowered, config))
