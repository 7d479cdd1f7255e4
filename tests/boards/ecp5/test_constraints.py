"""Constraints: every pin of every port where the board has it."""

from __future__ import annotations

import pytest

from hwgen.boards.ecp5.constraints import lpf
from hwgen.boards.ecp5.pll import plan_pll
from hwgen.boards.ecp5.pll_pair import plan_pll_pair
from hwgen.boards.ulx3s import ULX3S

PORTS = ULX3S.ports(sdram=True)


def test_constraints() -> None:
    lines = lpf(ULX3S, PORTS).splitlines()
    assert 'LOCATE COMP "clk_25mhz" SITE "G2";' in lines
    assert 'LOCATE COMP "sdram_d[15]" SITE "J17";' in lines
    assert 'IOBUF PORT "ftdi_rxd" PULLMODE=UP IO_TYPE=LVCMOS33 DRIVE=4;' in lines
    assert 'FREQUENCY PORT "clk_25mhz" 25.000000 MHZ;' in lines
    assert sum(line.startswith("LOCATE") for line in lines) == sum(PORTS.values())


def test_paths_between_the_clocks_of_core_and_memory() -> None:
    clock = plan_pll_pair(25_000_000, 105_000_000, ULX3S.max_clock_hz)
    remarks = [line for line in lpf(ULX3S, PORTS, clock).splitlines() if line.startswith("#")]
    assert "Core 105.000 MHz, memory 140.000 MHz" in remarks[0] and remarks[1].endswith("at most 7.143 ns.")
    assert "#" not in lpf(ULX3S, PORTS, plan_pll(25_000_000, 105_000_000))


def test_constraints_of_a_port_the_board_lacks() -> None:
    with pytest.raises(ValueError, match="port hdmi of 4 bits: the board ulx3s has no such port"):
        lpf(ULX3S, {"hdmi": 4})
    with pytest.raises(ValueError, match="port led of 9 bits: the board ulx3s has 8 pins"):
        lpf(ULX3S, {"led": 9})
