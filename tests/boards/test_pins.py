"""Pins, clock and part of every board are those that amaranth-boards (PyPI) has for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from amaranth_boards.icepi_zero import IcepiZero1_3Platform
from amaranth_boards.ulx3s import ULX3S_12F_Platform, ULX3S_25F_Platform, ULX3S_45F_Platform, ULX3S_85F_Platform

from hwgen.boards.board import Board
from hwgen.boards.registry import BOARDS

PLATFORMS: Mapping[str, Any] = {
    "ulx3s": ULX3S_85F_Platform,
    "ulx3s-45f": ULX3S_45F_Platform,
    "ulx3s-25f": ULX3S_25F_Platform,
    "ulx3s-12f": ULX3S_12F_Platform,
    "icepi-zero": IcepiZero1_3Platform,
}

MEMORY_PINS = {
    "clk": "clk",
    "cke": "clk_en",
    "cs_n": "cs",
    "ras_n": "ras",
    "cas_n": "cas",
    "we_n": "we",
    "a": "a",
    "ba": "ba",
    "dqm": "dqm",
    "dq": "dq",
}
"""Pins of a board's memory -> names in amaranth-boards, which leaves out that a signal is active low."""


def pins_of(platform: Any, name: str) -> dict[str, tuple[str, ...]]:
    """Balls of every signal of a resource, "" for one without signals; of numbered ones all in order."""
    found: dict[str, tuple[str, ...]] = {}
    for resource in sorted((one for one in platform.resources if one.name == name), key=lambda one: one.number):
        for signal in resource.ios:
            key, pins = ("", signal) if not hasattr(signal, "ios") else (signal.name, signal.ios[0])
            found[key] = (*found.get(key, ()), *pins.names)
    assert found, f"amaranth-boards has no {name}"
    return found


def port(board: Board, name: str) -> tuple[str, ...]:
    return board.pins[name].sites


def test_every_board_is_compared() -> None:
    assert PLATFORMS.keys() == BOARDS.keys()


@pytest.mark.parametrize("name", BOARDS)
def test_part_and_clock(name: str) -> None:
    board, platform = BOARDS[name], PLATFORMS[name]
    assert (board.part.name, board.package, str(board.speed_grade)) == (
        platform.device,
        platform.package.replace("BG", "CABGA"),
        platform.speed,
    )
    (clock,) = [resource for resource in platform.resources if resource.name == platform.default_clk]
    assert clock.clock.frequency == board.oscillator_hz
    assert pins_of(platform, platform.default_clk)[""] == port(board, board.wiring.clock)


@pytest.mark.parametrize("name", BOARDS)
def test_serial_line_and_lights(name: str) -> None:
    board, platform = BOARDS[name], PLATFORMS[name]
    serial = pins_of(platform, "uart")
    assert serial["rx"] == port(board, board.wiring.serial_in)
    assert serial["tx"] == port(board, board.wiring.serial_out)
    assert pins_of(platform, "led")[""] == port(board, board.wiring.leds)


@pytest.mark.parametrize("name", BOARDS)
def test_memory(name: str) -> None:
    board, platform = BOARDS[name], PLATFORMS[name]
    memory = pins_of(platform, "sdram")
    assert board.memory.ports.keys() == MEMORY_PINS.keys()
    assert {pin: memory[MEMORY_PINS[pin]] for pin in MEMORY_PINS} == {
        pin: port(board, name) for pin, name in board.memory.ports.items()
    }


@pytest.mark.parametrize("name", BOARDS)
def test_memory_has_the_pins_of_its_geometry(name: str) -> None:
    """As many address, bank and data pins as the part's geometry asks for."""
    board = BOARDS[name]
    part, ports = board.memory.part, board.ports(sdram=True)
    widths = {pin: ports[name] for pin, name in board.memory.ports.items()}
    assert (widths["a"], widths["ba"], widths["dq"], widths["dqm"]) == (
        part.address_pins,
        part.bank_bits,
        part.width,
        part.width // 8,
    )
