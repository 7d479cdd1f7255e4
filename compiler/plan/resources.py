"""What a core takes of a part.

Block RAMs are exact: they follow from the shapes of the memories.  Look-up tables and flip-flops are estimates from built elements, for the
choice of a shape; place and route has the last word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hwgen.hw.ecp5.bram import simple_blocks, true_blocks
from hwgen.hw.isa.config import BANKS, PARAMETER_BITS, WORD_BYTES, CoreConfig
from hwgen.hw.isa.counters import RECORDED_PASSES, counter_words
from hwgen.hw.isa.memories import QUEUE_DEPTH, SUM_BITS, SUM_GROUPS, TABLE_WORDS, descriptor_words

_WORD_BITS = 8 * WORD_BYTES
_TABLE_BITS = 16

# Estimates from placed elements: (LUT4, flip-flops).
_ELEMENT = (52, 82)  # of the array
_REQUANTISER = (950, 800)  # a lane behind the array
_WINDOW_LANE = (2300, 2600)
_ROW_STEPS = (300, 200)
_RING_ROW = (60, 100)  # of the pixel ring
_COLUMN = (300, 330)  # crossbar, collector, operand fetch for one byte of a segment
_COMBINE_LANE = (2100, 2100)
_REST = (7500, 8000)  # fetch, writers, sequencer, counters, DMA, SDRAM controller, host link

_MOST_LUT, _MOST_FF = 0.9, 1.2
"""Shares of what a part offers that an estimate may reach. Where a core took 95 % of the LUTs of an LFE5U-12F, estimated exactly, nextpnr
did not find legal places for all cells. Flip-flops are estimated up to 20 % too high for small cores."""


class Part(Protocol):
    """What a part offers."""

    @property
    def name(self) -> str: ...
    @property
    def lut(self) -> int: ...
    @property
    def ff(self) -> int: ...
    @property
    def dsp(self) -> int: ...
    @property
    def ebr(self) -> int: ...


@dataclass(frozen=True)
class Resources:
    """Needs of a core with everything around it; `memories` gives the block RAMs of each memory."""

    lut: int
    ff: int
    dsp: int
    memories: dict[str, int]

    @property
    def ebr(self) -> int:
        return sum(self.memories.values())

    def short(self, part: Part) -> list[str]:
        """What a part lacks, in words."""
        estimates = (("LUT", self.lut, part.lut, _MOST_LUT), ("flip-flops", self.ff, part.ff, _MOST_FF))
        exact = (("DSP", self.dsp, part.dsp), ("block RAM", self.ebr, part.ebr))
        found = [
            f"about {need} {label} of {offer}" + f", of which {100 * most:.0f} % can be used" * (most < 1)
            for label, need, offer, most in estimates
            if need > most * offer
        ]
        return found + [
            f"{need} {label} of {offer}, {need - offer} short" for label, need, offer in exact if need > offer
        ]


def resources(config: CoreConfig) -> Resources:
    """What a core takes."""
    elements = config.rows * config.cols
    counts = (
        (_ELEMENT, elements),
        (_REQUANTISER, config.lanes),
        (_WINDOW_LANE, config.window_lanes),
        (_ROW_STEPS, int(config.row_steps)),
        (_RING_ROW, config.rows),
        (_COLUMN, config.cols),
        (_COMBINE_LANE, config.combine_lanes),
        (_REST, 1),
    )
    lut, ff = (sum(cost[i] * count for cost, count in counts) for i in (0, 1))
    memories = {
        "activations": BANKS * true_blocks(_WORD_BITS, config.activation_depth),
        "weights": true_blocks(8 * config.cols, config.weight_depth),
        "pixel ring": config.rows * 2 * simple_blocks(_WORD_BITS // 2, config.ring_depth),
        "lane parameters": simple_blocks(PARAMETER_BITS, config.parameter_depth),
        "window parameters": simple_blocks(PARAMETER_BITS // 4 * config.window_lanes, config.window_depth),
        "descriptors": simple_blocks(16, descriptor_words(config.resident_passes or QUEUE_DEPTH)),
        "segments": simple_blocks(8 * config.cols, config.segment_fifo),
        "counters": simple_blocks(32, counter_words(config.resident_passes or RECORDED_PASSES)),
    }
    if config.partial_depth:
        memories["partial sums"] = simple_blocks(SUM_BITS * config.window_lanes, config.partial_depth)
    if config.striped_sums:
        memories["striped sums"] = simple_blocks(SUM_BITS * config.window_lanes, SUM_GROUPS)
    tables = config.array_table * config.lanes + config.window_table * config.window_lanes
    if tables:
        memories["tables"] = tables * simple_blocks(_TABLE_BITS, TABLE_WORDS * config.table_slots)
    return Resources(lut, ff, elements, memories)
