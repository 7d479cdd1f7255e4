"""The parts of the family, as far as open tools and boards have them."""

from __future__ import annotations

from dataclasses import replace

from hwgen.boards.ecp5.family import ECP5
from hwgen.boards.ecp5.part import Ecp5Part

LFE5U_85F = Ecp5Part(name="LFE5U-85F", family=ECP5, device="85k", lut=83_640, ff=83_640, dsp=156, ebr=208)
LFE5U_45F = Ecp5Part(name="LFE5U-45F", family=ECP5, device="45k", lut=43_848, ff=43_848, dsp=72, ebr=108)
LFE5U_25F = Ecp5Part(
    name="LFE5U-25F", family=ECP5, device="25k", lut=24_288, ff=24_288, dsp=28, ebr=56, global_reset=False
)
LFE5U_12F = replace(LFE5U_25F, name="LFE5U-12F", device="12k")  # the same die
