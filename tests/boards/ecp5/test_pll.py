"""Clock settings: legal, and the nearest below what is asked for."""

from __future__ import annotations

from fractions import Fraction

import pytest

from hwgen.boards.ecp5.pll import DETECTOR_HZ, VCO_HZ, Pll, plan_pll


def legal(pll: Pll) -> bool:
    detector = Fraction(pll.input_hz, pll.reference_divider)
    return VCO_HZ[0] <= pll.vco_hz <= VCO_HZ[1] and DETECTOR_HZ[0] <= detector <= DETECTOR_HZ[1]


@pytest.mark.parametrize("mhz", [4, 10, 12.5, 25, 33.3, 48, 90, 99.9, 100, 106.25, 125, 143, 151, 399.9, 400])
def test_pll_is_legal_and_nearest(mhz: float) -> None:
    request = int(mhz * 1e6)
    pll = plan_pll(25_000_000, request)
    assert legal(pll)
    assert pll.output_hz <= request
    every = [
        Pll(25_000_000, reference, feedback, divider)
        for reference in range(1, 9)
        for feedback in range(1, 129)
        for divider in range(1, 129)
        if 400e6 <= 25e6 * feedback / reference * divider <= 800e6
    ]
    assert pll.output_hz == max(other.output_hz for other in every if other.output_hz <= request)


def test_pll_values() -> None:
    pll = plan_pll(25_000_000, 100_000_000)
    assert (pll.reference_divider, pll.feedback_divider, pll.output_divider) == (1, 4, 6)
    assert pll.parameters["CLKOP_CPHASE"] == 5
    assert plan_pll(25_000_000, 96_000_000).output_hz == 95_833_333 + Fraction(1, 3)


@pytest.mark.parametrize("mhz", [1, 401])
def test_pll_out_of_range(mhz: int) -> None:
    with pytest.raises(ValueError, match=f"clock must be 3.125 to 400 MHz, not {mhz}"):
        plan_pll(25_000_000, mhz * 1_000_000)


def test_slowest_clock_takes_the_largest_divider_and_the_slowest_oscillator() -> None:
    """3.125 MHz x 128 = 400 MHz: both limits at once, and none beyond."""
    pll = plan_pll(25_000_000, 3_125_000)
    assert pll.output_hz == 3_125_000 and pll.output_divider == 128 and pll.vco_hz == 400_000_000
