"""The parts of the family, as far as open tools and boards have them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hwgen.boards.board import Part
from hwgen.boards.ecp5.family import ECP5
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


LFE5U_85F = Ecp5Part(name="LFE5U-85F", family=ECP5, device="85k", lut=83_640, ff=83_640, dsp=156, ebr=208)
LFE5U_45F = Ecp5Part(name="LFE5U-45F", family=ECP5, device="45k", lut=43_848, ff=43_848, dsp=72, ebr=108)
LFE5U_25F = Ecp5Part(
    name="LFE5U-25F", family=ECP5, device="25k", lut=24_288, ff=24_288, dsp=28, ebr=56, global_reset=False
)
LFE5U_12F = replace(LFE5U_25F, name="LFE5U-12F", device="12k")  # the same die


def own(part: target.Part) -> Ecp5Part:
    """The part as one of this family.

    Raises:
        TypeError: it is another family's.
    """
    if not isinstance(part, Ecp5Part):
        raise TypeError(f"{part.name} is no part of the family {ECP5.name}")
    return part
