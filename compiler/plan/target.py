"""What the planner knows of a board, of its part and of the part's family: handed in, so that no vendor is named here."""

from __future__ import annotations

from typing import Protocol

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.memories import RamPorts


class Family(Protocol):
    """Block RAM, logic and sites of an FPGA family, as far as a choice of the core depends on them."""

    @property
    def block_bytes(self) -> int:
        """Bytes of data that a block of RAM holds, as the weight memory uses it."""

    @property
    def most_lut(self) -> float:
        """Share of a part's look-up tables that an estimate may reach."""

    @property
    def most_ff(self) -> float:
        """The same of its flip-flops."""

    def ram_blocks(self, ports: RamPorts, width: int, depth: int) -> int:
        """Blocks of RAM that a memory of `depth` words of `width` bits takes."""

    def ram_depth(self, ports: RamPorts, depth: int) -> int:
        """Words of a memory whose blocks are filled up, at least `depth`; of 1 the fewest that a memory has."""

    def logic(self, element: str, config: CoreConfig) -> tuple[int, int]:
        """About the look-up tables and flip-flops of an element of `hwgen.hw.isa.elements`; (0, 0) if it is counted with another one."""

    def regular(self, part: str, rows: int, cols: int) -> bool:
        """Whether an array of `rows` x `cols` has sites side by side on a part, which a core then assigns by name."""


class Part(Protocol):
    """What a part offers."""

    @property
    def name(self) -> str: ...
    @property
    def family(self) -> Family: ...
    @property
    def lut(self) -> int: ...
    @property
    def ff(self) -> int: ...
    @property
    def dsp(self) -> int: ...
    @property
    def ebr(self) -> int: ...


class Board(Protocol):
    """What the planner knows of a board."""

    @property
    def name(self) -> str: ...
    @property
    def part(self) -> Part: ...
