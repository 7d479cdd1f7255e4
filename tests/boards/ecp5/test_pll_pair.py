"""Clocks of core and memory from one PLL: legal, related, and the fastest memory that the part allows."""

from __future__ import annotations

from fractions import Fraction

import pytest

from hwgen.boards.ecp5.pll import DETECTOR_HZ, DIVIDERS, OUTPUT_HZ, VCO_HZ
from hwgen.boards.ecp5.pll_pair import NEAR, PllPair, plan_pll_pair
from hwgen.boards.ulx3s import ULX3S
from hwgen.hw.memory.clock_ratio import ClockRatio


@pytest.mark.parametrize(
    ("request_mhz", "core_mhz", "memory_mhz", "ratio", "vco_mhz"),
    [
        (105, Fraction(105), Fraction(140), ClockRatio(3, 4), 420),
        (119.1, Fraction(2500, 21), Fraction(1000, 7), ClockRatio(5, 6), Fraction(5000, 7)),
        (100, Fraction(100), Fraction(140), ClockRatio(5, 7), 700),
        (90, Fraction(625, 7), Fraction(1000, 7), ClockRatio(5, 8), Fraction(5000, 7)),
    ],
)
def test_pairs(
    request_mhz: float, core_mhz: Fraction, memory_mhz: Fraction, ratio: ClockRatio, vco_mhz: Fraction
) -> None:
    pll = plan_pll_pair(25_000_000, round(request_mhz * 1e6), ULX3S.max_clock_hz)
    found = pll.output_hz / 10**6, pll.memory_hz / 10**6, pll.ratio, pll.vco_hz / 10**6
    assert found == (core_mhz, memory_mhz, ratio, vco_mhz)


@pytest.mark.parametrize("input_hz", [12_000_000, 25_000_000, 50_000_000])
@pytest.mark.parametrize("request_mhz", [20, 61.3, 75, 90, 99.9, 105, 112, 119, 122])
def test_what_is_found_is_legal(input_hz: int, request_mhz: float) -> None:
    request = round(request_mhz * 1e6)
    try:
        pll = plan_pll_pair(input_hz, request, ULX3S.max_clock_hz)
    except ValueError:
        assert request > 120_000_000 * NEAR or input_hz == 12_000_000
        return
    assert NEAR * request <= pll.output_hz <= request < pll.memory_hz and int(pll.memory_hz) <= ULX3S.max_clock_hz
    assert VCO_HZ[0] <= pll.vco_hz <= VCO_HZ[1]
    assert DETECTOR_HZ[0] <= Fraction(input_hz, pll.reference_divider) <= DETECTOR_HZ[1]
    assert pll.memory_hz * pll.ratio.core == pll.output_hz * pll.ratio.memory
    names = ("CLKI_DIV", "CLKFB_DIV", "CLKOP_DIV", "CLKOS_DIV", "CLKOS2_DIV")
    dividers = [int(pll.parameters[name]) for name in names]
    assert all(divider in DIVIDERS for divider in dividers)
    common = pll.output_hz / pll.ratio.core
    assert common == pll.vco_hz / dividers[-1] >= OUTPUT_HZ[0], "a third clock has the common edges"


def test_outputs_of_the_pll() -> None:
    pll = PllPair(25_000_000, reference_divider=5, feedback_divider=28, memory_divider=3, core_divider=4)
    found = {
        name: (pll.parameters[f"{name}_DIV"], pll.parameters[f"{name}_CPHASE"]) for name in ("CLKOP", "CLKOS", "CLKOS2")
    }
    assert found == {"CLKOP": (3, 2), "CLKOS": (4, 3), "CLKOS2": (12, 11)}
    assert [pll.attributes[f"FREQUENCY_PIN_{name}"] for name in found] == ["140", "105", "35"]


@pytest.mark.parametrize("request_mhz", [125, 142])
def test_no_faster_memory(request_mhz: int) -> None:
    """8:7 of 125 MHz would need an oscillator of 1,000 MHz."""
    with pytest.raises(ValueError, match=f"faster than the core's of {request_mhz} MHz, .* or for one clock of both"):
        plan_pll_pair(25_000_000, request_mhz * 1_000_000, ULX3S.max_clock_hz)
