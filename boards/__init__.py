"""Boards: parts, pins, clocks and the tools that make a bitstream. `hwgen.boards.registry` finds a board by name."""
