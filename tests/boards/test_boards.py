"""Boards: the registry, and what every board declares."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from hwgen.boards.ecp5.part import own
from hwgen.boards.registry import BOARDS, find_board
from hwgen.boards.ulx3s import ULX3S
from hwgen.errors import ToolError
from hwgen.hw.memory.sdram_config import SdramPart


def test_registry() -> None:
    assert find_board("ulx3s") is find_board("ULX3S") is ULX3S
    assert find_board("Icepi_Zero") is find_board("icepi-zero")
    every = re.escape(f"known boards: {', '.join(BOARDS)}")
    assert {"ulx3s", "ulx3s-45f", "ulx3s-25f", "ulx3s-12f", "icepi-zero"} <= BOARDS.keys()
    with pytest.raises(ToolError, match=rf"^unknown board 'ulx3': did you mean ulx3s or .*\? {every}$"):
        find_board("ulx3")
    with pytest.raises(ToolError, match=rf"^unknown board 'qqqqq': {every}$"):
        find_board("qqqqq")


def test_sizes_of_the_ulx3s() -> None:
    """One board, four parts; the 12F is the 25F's die."""
    boards = [find_board(f"ulx3s{size}") for size in ("", "-45f", "-25f", "-12f")]
    assert [own(board.part).device for board in boards] == ["85k", "45k", "25k", "12k"]
    assert [board.part.dsp for board in boards] == [156, 72, 28, 28]
    assert all(board.pins is ULX3S.pins for board in boards)


def test_a_board_must_have_the_pins_of_its_ports() -> None:
    with pytest.raises(ValueError, match="the board ulx3s has 13 pins of the port sdram_a, which must have 12"):
        replace(ULX3S, memory=replace(ULX3S.memory, part=SdramPart(row_bits=12)))
    with pytest.raises(ValueError, match="the board ulx3s has 0 pins of the port usb_txd, which must have 1"):
        replace(ULX3S, wiring=replace(ULX3S.wiring, serial_in="usb_txd"))
    with pytest.raises(ValueError, match="the board ulx3s has no pins of the port lights"):
        replace(ULX3S, wiring=replace(ULX3S.wiring, leds="lights"))


@pytest.mark.parametrize("name", BOARDS)
def test_no_ball_is_used_twice(name: str) -> None:
    sites = [site for pins in BOARDS[name].pins.values() for site in pins.sites]
    assert len(sites) == len(set(sites))
