"""Clock settings: legal, and the nearest below what is asked for."""

from __future__ import annotations

from fractions import Fraction

import pytest

from hwgen.boards.ecp5.pll import DETECTOR_HZ, DIVIDERS, OUTPUT_HZ, VCO_HZ, Pll, plan_pll


def legal(pll: Pll) -> bool:
    detector = Fraction(pll.input_hz, pll.reference_divider)
    dividers = pll.reference_divider, pll.feedback_divider, pll.output_divider
    return (
        VCO_HZ[0] <= pll.vco_hz <= VCO_HZ[1]
        and DETECTOR_HZ[0] <= detector <= DETECTOR_HZ[1]
        and OUTPUT_HZ[0] <= pll.output_hz <= OUTPUT_HZ[1]
        and all(divider in DIVIDERS for divider in dividers)
    )


def test_limits_of_the_data_sheet() -> None:
    assert list(VCO_HZ) == [400_000_000, 800_000_000]
    assert list(OUTPUT_HZ) == list(DETECTOR_HZ) == [3_125_000, 400_000_000]
    assert list(DIVIDERS) == list(range(1, 129))


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
    assert (pll.parameters["CLKOP_CPHASE"], pll.parameters["CLKOP_FPHASE"]) == (5, 0)
    assert plan_pll(25_000_000, 96_000_000).output_hz == 95_833_333 + Fraction(1, 3)


@pytest.mark.parametrize("mhz", [1, 401])
def test_pll_out_of_range(mhz: int) -> None:
    with pytest.raises(ValueError, match=f"clock must be 3.125 to 400 MHz, not {mhz}"):
        plan_pll(25_000_000, mhz * 1_000_000)


def test_slowest_clock_takes_the_largest_divider_and_the_slowest_oscillator() -> None:
    """3.125 MHz x 128 = 400 MHz: both limits at once, and none beyond."""
    pll = plan_pll(25_000_000, 3_125_000)
    assert pll.output_hz == 3_125_000 and pll.output_divider == 128 and pll.vco_hz == 400_000_000


@pytest.mark.parametrize(
    "input_hz", [3_125_000, 3_999_999, 12_000_000, 27_000_000, 48_000_000, 100_000_000, 400_000_000]
)
@pytest.mark.parametrize("request_hz", [3_125_000, 6_200_001, 66_000_000, 399_999_999, 400_000_000])
def test_what_is_found_is_legal(input_hz: int, request_hz: int) -> None:
    try:
        pll = plan_pll(input_hz, request_hz)
    except ValueError:
        assert request_hz < 2 * DETECTOR_HZ[0], "every reference has a phase detector of less than this"
    else:
        assert legal(pll) and pll.output_hz <= request_hz


def test_phase_detector_at_its_limits() -> None:
    assert plan_pll(400_000_000, 400_000_000).reference_divider == 1
    assert plan_pll(400_000_001, 400_000_000).reference_divider > 1
    assert plan_pll(3_125_000, 100_000_000).feedback_divider == 32
    with pytest.raises(ValueError, match="no PLL setting makes a clock of at most 100 MHz from 3.125 MHz"):
        plan_pll(3_124_999, 100_000_000)
    with pytest.raises(ValueError, match="no PLL setting makes a clock of at most 3.2 MHz from 7 MHz"):
        plan_pll(7_000_000, 3_200_000)


def test_of_two_oscillators_as_far_from_the_middle_the_slower() -> None:
    """400 and 800 MHz: both ends."""
    assert plan_pll(25_000_000, 400_000_000).output_divider == 1
