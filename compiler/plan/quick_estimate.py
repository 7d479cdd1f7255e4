"""About the cycles of a network on a board, without a plan: in a second, where a plan may take minutes."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.plan.core import streamed_base
from hwgen.compiler.plan.estimate import estimate, frame_estimate
from hwgen.compiler.plan.target import Part


@dataclass(frozen=True)
class QuickEstimate:
    """An estimate.

    Attributes:
        rows, cols: array.
        compute: cycles of all passes if nothing waits for weights.
        cycles: of a frame whose passes each wait for the weights of the next one.
    """

    rows: int
    cols: int
    compute: int
    cycles: int


def quick_estimate(graph: QGraph, part: Part) -> QuickEstimate:
    """The estimate for a network whose weights come from SDRAM.

    Raises:
        UnsupportedOpError: the network has operations that the core has not.
        ResourceError: the part is too small for any core.
    """
    lowered = lower(graph)
    config = streamed_base(lowered, part)
    return QuickEstimate(config.rows, config.cols, estimate(lowered, config), frame_estimate(lowered, config))
