"""What a core takes of a part.

Block RAMs are exact: they follow from the shapes of the memories.  Look-up tables and flip-flops are estimates from built elements, for the
choice of a shape; place and route has the last word.
"""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.compiler.plan.target import Family, Part
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.elements import ELEMENTS, memories


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
        family = part.family
        estimates = (("LUT", self.lut, part.lut, family.most_lut), ("flip-flops", self.ff, part.ff, family.most_ff))
        exact = (("DSP", self.dsp, part.dsp), ("block RAM", self.ebr, part.ebr))
        found = [
            f"about {need} {label} of {offer}" + f", of which {100 * most:.0f} % can be used" * (most < 1)
            for label, need, offer, most in estimates
            if need > most * offer
        ]
        return found + [
            f"{need} {label} of {offer}, {need - offer} short" for label, need, offer in exact if need > offer
        ]


def resources(config: CoreConfig, family: Family) -> Resources:
    """What a core takes of a part of this family."""
    logic = [family.logic(name, config) for name in ELEMENTS]
    blocks: dict[str, int] = {}
    for memory in memories(config):
        size = memory.count(config) * family.ram_blocks(memory.ports, memory.width(config), memory.depth(config))
        blocks[memory.name] = blocks.get(memory.name, 0) + size
    multipliers = sum(element.multipliers(config) for element in ELEMENTS.values())
    return Resources(sum(lut for lut, _ in logic), sum(ff for _, ff in logic), multipliers, blocks)
