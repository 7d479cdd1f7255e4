"""Constraints as a Lattice preference file."""

from __future__ import annotations

from collections.abc import Mapping

from hwgen.boards.family import Target


def lpf(board: Target, ports: Mapping[str, int]) -> str:
    """Sites and electrical settings of the named ports of a design (3.3 V), and the oscillator's frequency.

    Args:
        ports: port name -> width in bits.

    Raises:
        ValueError: the board has no such port, or one of another width.
    """
    lines = ["BLOCK RESETPATHS;", "BLOCK ASYNCPATHS;"]
    for port, width in ports.items():
        pins = board.pins.get(port)
        if pins is None or len(pins.sites) != width:
            found = "no such port" if pins is None else f"{len(pins.sites)} pins"
            raise ValueError(f"port {port} of {width} bits: the board {board.name} has {found}")
        for i, site in enumerate(pins.sites):
            name = port if width == 1 else f"{port}[{i}]"
            options = [f"PULLMODE={pins.pull}", "IO_TYPE=LVCMOS33"]
            options += [] if pins.drive is None else [f"DRIVE={pins.drive}"]
            options += [] if pins.slew is None else [f"SLEWRATE={pins.slew}"]
            lines += [f'LOCATE COMP "{name}" SITE "{site}";', f'IOBUF PORT "{name}" {" ".join(options)};']
    lines.append(f'FREQUENCY PORT "{board.wiring.clock}" {board.oscillator_hz / 1e6:.6f} MHZ;')
    lines.append("SYSCONFIG CONFIG_IOVOLTAGE=3.3 COMPRESS_CONFIG=ON MCCLK_FREQ=62 MASTER_SPI_PORT=ENABLE;")
    return "\n".join(lines) + "\n"
