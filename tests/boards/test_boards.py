"""Boards: registry, constraints, clock settings."""

from __future__ import annotations

from fractions import Fraction

import pytest

from hwgen.boards.ecp5.pll import DETECTOR_HZ, VCO_HZ, Pll, plan_pll
from hwgen.boards.registry import BOARDS, find_board
from hwgen.boards.ulx3s import ULX3S
from hwgen.boards.ulx3s_top import PORTS
from hwgen.errors import ToolError


def test_registry() -> None:
    assert find_board("ulx3s") is ULX3S
    with pytest.raises(ToolError, match=r"unknown board 'ulx3': did you mean ulx3s or"):
        find_board("ulx3")
    with pytest.raises(ToolError, match=r"unknown board 'qqqqq': known boards: ulx3s, ulx3s-45f, ulx3s-25f, ulx3s-12f"):
        find_board("qqqqq")


def test_sizes_of_the_ulx3s() -> None:
    """One board, four parts; the 12F is the 25F's die."""
    boards = [find_board(f"ulx3s{size}") for size in ("", "-45f", "-25f", "-12f")]
    assert [board.part.device for board in boards] == ["85k", "45k", "25k", "12k"]
    assert [board.part.dsp for board in boards] == [156, 72, 28, 28]
    assert all(board.pins is ULX3S.pins for board in boards)


@pytest.mark.parametrize("name", BOARDS)
def test_no_ball_is_used_twice(name: str) -> None:
    sites = [site for pins in BOARDS[name].pins.values() for site in pins.sites]
    assert len(sites) == len(set(sites))


def test_constraints() -> None:
    lines = ULX3S.lpf(PORTS).splitlines()
    assert 'LOCATE COMP "clk_25mhz" SITE "G2";' in lines
    assert 'LOCATE COMP "sdram_d[15]" SITE "J17";' in lines
    assert 'IOBUF PORT "ftdi_rxd" PULLMODE=UP IO_TYPE=LVCMOS33 DRIVE=4;' in lines
    assert 'FREQUENCY PORT "clk_25mhz" 25.000000 MHZ;' in lines
    assert sum(line.startswith("LOCATE") for line in lines) == sum(PORTS.values())


def test_constraints_of_a_port_the_board_lacks() -> None:
    with pytest.raises(ValueError, match="port hdmi of 4 bits: the board ulx3s has no such port"):
        ULX3S.lpf({"hdmi": 4})
    with pytest.raises(ValueError, match="port led of 9 bits: the board ulx3s has 8 pins"):
        ULX3S.lpf({"led": 9})


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
