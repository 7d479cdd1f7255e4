"""Boards, and the families of FPGAs on them. `hwgen.boards.registry` finds a board by name.

A board with a part of a family that is there already is one file in this folder, found by its tuple `BOARDS`:

1. the part, from the family's `parts` (`hwgen.boards.ecp5.parts`), its package and speed grade as the tools name them;
2. the oscillator's frequency, and the clock that a build aims at;
3. `Memory`: the limits and geometry of the SDRAM from its data sheet (`hwgen.hw.memory.sdram_config.SdramPart`), CAS latency, and the ports
   that its pins are wired to;
4. `Wiring`: which ports are the oscillator, the serial line and the lights;
5. `Pins` of every port: balls, pull, drive, slew.

Its test is a line in `tests/boards/test_pins.py`, which compares all that with amaranth-boards. A build checks that the placed pads are the
board's. A family is a subclass of `hwgen.boards.family.Family` in a folder of its own.
"""
