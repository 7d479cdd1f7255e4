"""Constraints: every pin of every port where the board has it."""

from __future__ import annotations

import pytest

from hwgen.boards.ecp5.constraints import lpf
from hwgen.boards.ulx3s import ULX3S

PORTS = ULX3S.ports(sdram=True)


def test_constraints() -> None:
    lines = lpf(ULX3S, PORTS).splitlines()
    assert 'LOCATE COMP "clk_25mhz" SITE "G2";' in lines
    assert 'LOCATE COMP "sdram_d[15]" SITE "J17";' in lines
    assert 'IOBUF PORT "ftdi_rxd" PULLMODE=UP IO_TYPE=LVCMOS33 DRIVE=4;' in lines
    assert 'FREQUENCY PORT "clk_25mhz" 25.000000 MHZ;' in lines
    assert sum(line.startswith("LOCATE") for line in lines) == sum(PORTS.values())


def test_constraints_of_a_port_the_board_lacks() -> None:
    with pytest.raises(ValueError, match="port hdmi of 4 bits: the board ulx3s has no such port"):
        lpf(ULX3S, {"hdmi": 4})
    with pytest.raises(ValueError, match="port led of 9 bits: the board ulx3s has 8 pins"):
        lpf(ULX3S, {"led": 9})
