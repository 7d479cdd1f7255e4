"""Logic of the machine's elements on an ECP5, by their names in `hwgen.hw.isa.elements`: for the choice of a core.

Estimates from placed elements; place and route has the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hwgen.hw.isa.config import CoreConfig

MOST_LUT, MOST_FF = 0.9, 1.2
"""Shares of what a part offers that an estimate may reach. Where a core took 95 % of the LUTs of an LFE5U-12F, estimated exactly, nextpnr
did not find legal places for all cells. Flip-flops are estimated up to 20 % too high for small cores."""


@dataclass(frozen=True)
class Cost:
    """Look-up tables with four inputs and flip-flops of one part of an element, and how many of it a core has."""

    lut: int
    ff: int
    count: Callable[[CoreConfig], int]


@dataclass(frozen=True)
class CountedWith:
    """The cost of an element is in that of another one: they were measured together."""

    element: str


COSTS: Mapping[str, Cost | CountedWith | tuple[Cost, ...]] = MappingProxyType(
    {
        "array": (
            Cost(52, 82, lambda core: core.rows * core.cols),  # a multiplier with its accumulator
            Cost(17, 18, lambda core: core.rows * core.cols * (core.k_steps - 1)),  # two sums before the multiplier
            Cost(380, 280, lambda core: core.rows * (core.k_steps - 1)),  # the sum of products of a row's activations
        ),
        "collector": Cost(950, 800, lambda core: core.lanes),  # a requantiser lane
        "window": Cost(2300, 2600, lambda core: core.window * core.window_lanes),
        "fetch": Cost(
            300, 200, lambda core: core.row_steps
        ),  # what steps from row to row; the rest: with the sequencer
        "pixel_ring": (
            Cost(60, 100, lambda core: core.rows),
            Cost(31, 14, lambda core: core.rows * core.shared_taps),  # an address a row
        ),
        "writer": Cost(
            300, 330, lambda core: core.cols
        ),  # crossbar, collector and operand fetch for one byte of a segment
        "operand": CountedWith("writer"),
        "combine": Cost(2100, 2100, lambda core: core.combine_lanes),
        "sequencer": Cost(7500, 8000, lambda _: 1),  # all that is the same in every core
        "activation_memory": CountedWith("sequencer"),
        "weight_memory": CountedWith("sequencer"),
        "tables": CountedWith("sequencer"),
        "row_writer": CountedWith("sequencer"),
        "counters": CountedWith("sequencer"),
        "dma": Cost(
            850, 0, lambda core: not core.resident_passes
        ),  # with the SDRAM controller, beyond what a resident core has
        "sdram": CountedWith("dma"),
        "host": CountedWith("sequencer"),
    }
)


def logic(element: str, config: CoreConfig) -> tuple[int, int]:
    """About the look-up tables and flip-flops of an element; (0, 0) if it is counted with another one."""
    cost = COSTS[element]
    if isinstance(cost, CountedWith):
        return 0, 0
    parts = cost if isinstance(cost, tuple) else (cost,)
    return sum(part.lut * part.count(config) for part in parts), sum(part.ff * part.count(config) for part in parts)
