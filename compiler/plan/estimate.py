"""About the cycles of a network on a core, in no time: to choose the shapes that the timing model then predicts exactly."""

from __future__ import annotations

from hwgen.compiler.lower.passes import LogicalPass, Lowered
from hwgen.compiler.plan.elements import busiest
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import CoreConfig

_FILL_CYCLES = 250
"""What a typical pass takes beyond its busiest element (half of those of ShuffleNet v2 170 to 305): the elements fill and drain one
after the other. `hwgen.compiler.int8.fusion.FURTHER_PASS_CYCLES`, by which passes are added or not, is above most."""


def estimate(lowered: Lowered, config: CoreConfig) -> int:
    """About the cycles of a frame: every pass by its busiest element, nothing waits for weights."""
    return sum(pass_estimates(lowered, config))


def pass_estimates(lowered: Lowered, config: CoreConfig) -> list[int]:
    """The same for each pass."""
    return [pass_estimate(lowered, item, config) for item in lowered.passes]


def frame_estimate(lowered: Lowered, config: CoreConfig) -> int:
    """About the cycles of a frame whose weights are streamed: every pass waits for those of the next one."""
    return sum(map(max, pass_estimates(lowered, config), _loads(lowered, config)))


def _loads(lowered: Lowered, config: CoreConfig) -> list[int]:
    return [0 if item.array_node is None else load_cycles(item, item.channels, config) for item in lowered.passes]


def load_cycles(item: LogicalPass, channels: int, config: CoreConfig) -> int:
    """Cycles in which the SDRAM gives the weights of so many channels of a pass: 2 bytes in each."""
    return ceil_div(channels, config.cols) * item.depth * config.weight_bytes // 2


def pass_estimate(lowered: Lowered, item: LogicalPass, config: CoreConfig) -> int:
    """The same for one pass."""
    return busiest(lowered, item, config) + _FILL_CYCLES
