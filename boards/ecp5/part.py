"""What the family's own tools ask for of a part, beside what a plan asks for."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.boards.board import Part
from hwgen.compiler.plan import target


@dataclass(frozen=True, kw_only=True)
class Ecp5Part(Part):
    """A part of the family.

    Attributes:
        device: its name for nextpnr-ecp5, without dashes ("85k").
        global_reset: the reset goes by a global net. nextpnr finds no way from logic to the buffers of the smallest die's global nets.
    """

    device: str
    global_reset: bool = True


def own(part: target.Part) -> Ecp5Part:
    """The part as one of this family.

    Raises:
        TypeError: it is another family's.
    """
    if not isinstance(part, Ecp5Part):
        raise TypeError(f"{part.name} is no part of the family ecp5")
    return part
