"""Settings of the ECP5's EHXPLLL for a core and a memory with a faster clock of its own.

CLKOP, fed back, is the memory's clock, CLKOS the core's; both divide the same oscillator inside, so that they have a common edge every so
many of its cycles, of which CLKOS2 makes a third clock. Limits as in `hwgen.boards.ecp5.pll`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

from hwgen.boards.ecp5.pll import DETECTOR_HZ, DIVIDERS, VCO_HZ, pll_attributes, pll_parameters
from hwgen.boards.family import ClockGenerator
from hwgen.hw.memory.clock_ratio import MOST_CYCLES, ClockRatio

NEAR = Fraction(99, 100)
"""Of the clock that is asked for the core: what it may be less for the sake of a faster memory."""


@dataclass(frozen=True)
class PllPair(ClockGenerator):
    """Settings of one PLL with the clocks of core and memory, and one of their common edges.

    Attributes:
        reference_divider: CLKI_DIV.
        feedback_divider: CLKFB_DIV.
        memory_divider: CLKOP_DIV.
        core_divider: CLKOS_DIV.
    """

    reference_divider: int
    feedback_divider: int
    memory_divider: int
    core_divider: int

    @property
    def memory_hz(self) -> Fraction:
        """Frequency of the memory, Hz, exact."""
        return Fraction(self.input_hz * self.feedback_divider, self.reference_divider)

    @property
    def vco_hz(self) -> Fraction:
        """Frequency of the oscillator inside, Hz, exact."""
        return self.memory_hz * self.memory_divider

    @property
    def output_hz(self) -> Fraction:
        return self.vco_hz / self.core_divider

    @property
    def ratio(self) -> ClockRatio:
        common = gcd(self.core_divider, self.memory_divider)
        return ClockRatio(core=self.memory_divider // common, memory=self.core_divider // common)

    @property
    def _dividers(self) -> dict[str, int]:
        dividers = {"CLKOP": self.memory_divider, "CLKOS": self.core_divider}
        return {**dividers, "CLKOS2": lcm(*dividers.values())}

    @property
    def parameters(self) -> dict[str, int | str]:
        """Parameters of the EHXPLLL, by name."""
        return pll_parameters(self.reference_divider, self.feedback_divider, self._dividers)

    @property
    def attributes(self) -> dict[str, str]:
        """Attributes of the EHXPLLL."""
        return pll_attributes(self.input_hz, {name: self.vco_hz / by for name, by in self._dividers.items()})


def plan_pll_pair(input_hz: int, request_hz: int, memory_hz: int) -> PllPair:
    """The PLL with the fastest memory of at most `memory_hz` beside a core of at most `request_hz`, and not less than NEAR of it.

    Among equal ones the fastest core wins, then the fastest phase detector, then the VCO nearest to the middle of its range.

    Raises:
        ValueError: no memory is faster than such a core.
    """
    middle = Fraction(sum(VCO_HZ), 2)
    found = max(
        _pairs(input_hz, request_hz, memory_hz),
        key=lambda pll: (pll.memory_hz, pll.output_hz, -pll.reference_divider, -abs(pll.vco_hz - middle)),
        default=None,
    )
    if found is None:
        raise ValueError(
            f"no PLL setting makes a memory's clock of at most {memory_hz / 1e6:.1f} MHz that is faster than the core's of "
            f"{request_hz / 1e6:g} MHz, at a ratio of numbers up to {MOST_CYCLES}: ask for another clock, or for one clock of both"
        )
    return found


def _pairs(input_hz: int, request_hz: int, memory_hz: int) -> Iterator[PllPair]:
    """Every setting that keeps the limits."""
    for reference in DIVIDERS:
        if not DETECTOR_HZ[0] <= Fraction(input_hz, reference) <= DETECTOR_HZ[1]:
            continue
        # As many bits as a limit in whole Hz tells: 7 ns are 142,857,142 Hz and 6/7.
        for feedback in range(1, min(DIVIDERS[-1], (memory_hz + 1) * reference // input_hz) + 1):
            memory = Fraction(input_hz * feedback, reference)
            if int(memory) > memory_hz or memory < NEAR * request_hz:
                continue
            for divider in range(-(-VCO_HZ[0] // memory), min(DIVIDERS[-1], VCO_HZ[1] // memory) + 1):
                vco = memory * divider
                for core in range(divider + 1, DIVIDERS[-1] + 1):
                    if not NEAR * request_hz <= vco / core <= request_hz:
                        continue
                    common = gcd(core, divider)
                    if core // common <= MOST_CYCLES and lcm(core, divider) <= DIVIDERS[-1]:
                        yield PllPair(input_hz, reference, feedback, divider, core)
