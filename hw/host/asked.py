"""Which command a request holds, as flags, and the commands that a machine knows."""

from __future__ import annotations

from amaranth.lib import data

from hwgen.hw.isa.host_protocol import RESIDENT_COMMANDS, SDRAM_COMMANDS, Command

Asked = data.StructLayout({command.name.lower(): 1 for command in Command})
"""One-hot; none for an unknown command."""


def write_command(halfwords: int) -> Command:
    """The command with payload of a machine with so many halfwords of SDRAM; 0: none."""
    return Command.WRITE if halfwords else Command.POKE


def known_commands(halfwords: int) -> list[Command]:
    """The commands of a machine with so many halfwords of SDRAM; 0: none."""
    absent = RESIDENT_COMMANDS if halfwords else SDRAM_COMMANDS
    return [command for command in Command if command not in absent]
