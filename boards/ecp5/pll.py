"""Settings of the ECP5's EHXPLLL for a planned clock.

With the primary output fed back, f_out = f_in * CLKFB_DIV / CLKI_DIV and f_vco = f_out * CLKOP_DIV (Lattice TN-02200). The limits are
those of the part's data sheet, save the lowest phase detector frequency, which follows Project Trellis' ecppll (3.125 MHz).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from hwgen.boards.family import ClockGenerator

VCO_HZ = (400_000_000, 800_000_000)
DETECTOR_HZ = (3_125_000, 400_000_000)
OUTPUT_HZ = (3_125_000, 400_000_000)
DIVIDERS = range(1, 129)


@dataclass(frozen=True)
class Pll(ClockGenerator):
    """Settings of one PLL with one output.

    Attributes:
        reference_divider: CLKI_DIV.
        feedback_divider: CLKFB_DIV.
        output_divider: CLKOP_DIV.
    """

    reference_divider: int
    feedback_divider: int
    output_divider: int

    @property
    def output_hz(self) -> Fraction:
        """Frequency of the output, Hz, exact."""
        return Fraction(self.input_hz * self.feedback_divider, self.reference_divider)

    @property
    def vco_hz(self) -> Fraction:
        """Frequency of the oscillator inside, Hz, exact."""
        return self.output_hz * self.output_divider

    @property
    def parameters(self) -> dict[str, int | str]:
        """Parameters of the EHXPLLL, by name."""
        return pll_parameters(self.reference_divider, self.feedback_divider, {"CLKOP": self.output_divider})

    @property
    def attributes(self) -> dict[str, str]:
        """Attributes of the EHXPLLL: the analogue settings that the bitstream needs."""
        return pll_attributes(self.input_hz, {"CLKOP": self.output_hz})


def pll_parameters(reference: int, feedback: int, dividers: Mapping[str, int]) -> dict[str, int | str]:
    """Parameters of an EHXPLLL that feeds CLKOP back, with the dividers of the outputs that it has by name.

    No output is shifted: all of them rise together once in as many cycles of the oscillator inside as their dividers have in common.
    """
    return {
        "CLKI_DIV": reference,
        "CLKFB_DIV": feedback,
        **{f"{name}_DIV": divider for name, divider in dividers.items()},
        **{f"{name}_CPHASE": divider - 1 for name, divider in dividers.items()},
        **{f"{name}_FPHASE": 0 for name in dividers},
        **{f"{name}_ENABLE": "ENABLED" for name in dividers},
        "FEEDBK_PATH": "CLKOP",
        "PLLRST_ENA": "DISABLED",
        "INTFB_WAKE": "DISABLED",
        "STDBY_ENABLE": "DISABLED",
        "DPHASE_SOURCE": "DISABLED",
        "OUTDIVIDER_MUXA": "DIVA",
        "OUTDIVIDER_MUXB": "DIVB",
        "OUTDIVIDER_MUXC": "DIVC",
        "OUTDIVIDER_MUXD": "DIVD",
    }


def pll_attributes(input_hz: int, outputs: Mapping[str, Fraction]) -> dict[str, str]:
    """Attributes of an EHXPLLL with the frequencies of its outputs by name, Hz."""
    return {
        "FREQUENCY_PIN_CLKI": f"{input_hz / 1e6:g}",
        **{f"FREQUENCY_PIN_{name}": f"{float(hz) / 1e6:g}" for name, hz in outputs.items()},
        "ICP_CURRENT": "12",
        "LPF_RESISTOR": "8",
        "MFG_ENABLE_FILTEROPAMP": "1",
        "MFG_GMCREF_SEL": "2",
    }


def plan_pll(input_hz: int, request_hz: int) -> Pll:
    """The PLL whose output is nearest to `request_hz` and not above it.

    Among equal outputs the fastest phase detector wins (least jitter), then the VCO nearest to the middle of its range.

    Raises:
        ValueError: no setting reaches the request; says what range is possible.
    """
    if not OUTPUT_HZ[0] <= request_hz <= OUTPUT_HZ[1]:
        low, high = (limit / 1e6 for limit in OUTPUT_HZ)
        raise ValueError(f"clock must be {low:g} to {high:g} MHz, not {request_hz / 1e6:g}")
    middle = Fraction(sum(VCO_HZ), 2)
    # What these limits leave keeps the others: request / detector is at most 128, CLKFB_DIV's most; an output is at least the detector's
    # least frequency, 400 MHz / 128; and some multiple of it, by 128 at most, lies in the VCO's octave, as the nearest to its middle does.
    settings = [
        Pll(input_hz, reference, feedback, divider)
        for reference in DIVIDERS
        if DETECTOR_HZ[0] <= Fraction(input_hz, reference) <= DETECTOR_HZ[1]
        and (feedback := request_hz * reference // input_hz)
        for divider in DIVIDERS
    ]
    if not settings:
        raise ValueError(
            f"no PLL setting makes a clock of at most {request_hz / 1e6:g} MHz from {input_hz / 1e6:g} MHz"
        )
    return max(settings, key=lambda pll: (pll.output_hz, -pll.reference_divider, -abs(pll.vco_hz - middle)))
