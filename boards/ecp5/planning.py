"""Block RAM, logic and sites of the family, as the planner asks for them: that part of `hwgen.boards.family.Family`."""

from __future__ import annotations

from hwgen.boards.ecp5 import costs
from hwgen.hw.ecp5 import bram, floorplan
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.memories import RamPorts

_SHAPES = {RamPorts.SIMPLE: bram.SIMPLE_SHAPES, RamPorts.TRUE: bram.TRUE_SHAPES}
_BLOCKS = {RamPorts.SIMPLE: bram.simple_blocks, RamPorts.TRUE: bram.true_blocks}


class Ecp5Planning:
    """Block RAM, logic and sites of the ECP5."""

    block_bytes = 2048  # of 18 kbit, without the ninth bits
    most_lut = costs.MOST_LUT
    most_ff = costs.MOST_FF

    def ram_blocks(self, ports: RamPorts, width: int, depth: int) -> int:
        """DP16KD blocks of a memory of `depth` words of `width` bits."""
        return _BLOCKS[ports](width, depth)

    def ram_depth(self, ports: RamPorts, depth: int) -> int:
        """Words of a memory whose blocks are filled up, at least `depth`."""
        return sum(bram.segments(depth, _SHAPES[ports]))

    def logic(self, element: str, config: CoreConfig) -> tuple[int, int]:
        """About the look-up tables and flip-flops of an element (see `hwgen.boards.ecp5.costs`)."""
        return costs.logic(element, config)

    def regular(self, part: str, rows: int, cols: int) -> bool:
        """Whether an array fits the part's rows of multiplier blocks in whole array columns or whole array rows."""
        return floorplan.regular(part, rows, cols)
