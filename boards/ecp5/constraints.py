"""Constraints as a Lattice preference file."""

from __future__ import annotations

from collections.abc import Mapping

from hwgen.boards.family import ClockGenerator, Target


def lpf(board: Target, ports: Mapping[str, int], clock: ClockGenerator | None = None) -> str:
    """Sites and electrical settings of the named ports of a design (3.3 V), and the oscillator's frequency.

    The frequencies of the PLL's outputs follow from it. nextpnr relates no two clocks to each other, so that what holds for paths between
    them stands as a remark, and is compared with the longest ones when it is done (`hwgen.boards.ecp5.route.read_report`).

    Args:
        ports: port name -> width in bits.
        clock: of the machine.

    Raises:
        ValueError: the board has no such port, or one of another width.
    """
    lines = ["BLOCK RESETPATHS;", "BLOCK ASYNCPATHS;"]
    if clock is not None and not clock.ratio.same:
        lines += [
            f"# Core {float(clock.output_hz) / 1e6:.3f} MHz, memory {float(clock.memory_hz) / 1e6:.3f} MHz, of one PLL, with a common edge "
            f"every {clock.ratio.core} cycles of the core, {clock.ratio.memory} of the memory.",
            f"# Paths between them, and from the clock of the common edges: at most {1e9 / float(clock.memory_hz):.3f} ns.",
        ]
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
