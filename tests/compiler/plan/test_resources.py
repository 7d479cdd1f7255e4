"""What is said of a part that is too small: at the limits of each resource."""

from __future__ import annotations

import pytest

from hwgen.boards.board import Part
from hwgen.boards.ecp5.family import ECP5
from hwgen.compiler.plan.resources import Resources

PART = Part("p", ECP5, lut=1000, ff=1000, dsp=10, ebr=20)
"""Of which 900 look-up tables and 1,200 flip-flops may be estimated."""


@pytest.mark.parametrize(
    ("needs", "short"),
    [
        (Resources(900, 1200, 10, {"a": 12, "b": 8}), []),
        (Resources(901, 0, 0, {}), ["about 901 LUT of 1000, of which 90 % can be used"]),
        (Resources(0, 1201, 0, {}), ["about 1201 flip-flops of 1000"]),
        (Resources(0, 0, 11, {"a": 12, "b": 9}), ["11 DSP of 10, 1 short", "21 block RAM of 20, 1 short"]),
    ],
)
def test_what_is_short(needs: Resources, short: list[str]) -> None:
    assert needs.short(PART) == short
