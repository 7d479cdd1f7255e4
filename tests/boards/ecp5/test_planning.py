"""What the planner asks of the ECP5: blocks of RAM, filled depths, logic of elements, sites for arrays."""

from __future__ import annotations

import pytest

from hwgen.boards.ecp5.family import ECP5
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.memories import RamPorts


@pytest.mark.parametrize(
    ("ports", "width", "depth", "blocks"),
    [
        (RamPorts.SIMPLE, 36, 512, 1),
        (RamPorts.SIMPLE, 37, 512, 2),
        (RamPorts.SIMPLE, 36, 513, 2),
        (RamPorts.TRUE, 16, 1024, 1),
        (RamPorts.TRUE, 64, 6144, 24),
    ],
)
def test_blocks(ports: RamPorts, width: int, depth: int, blocks: int) -> None:
    assert ECP5.ram_blocks(ports, width, depth) == blocks


@pytest.mark.parametrize("ports", RamPorts)
def test_a_filled_memory_takes_no_more_blocks_and_a_word_more_does(ports: RamPorts) -> None:
    for depth in (1, 511, 512, 1025, 3000, 16384, 20000):
        filled = ECP5.ram_depth(ports, depth)
        assert filled >= depth and ECP5.ram_depth(ports, filled) == filled
        assert ECP5.ram_depth(ports, filled + 1) == filled + ECP5.ram_depth(ports, 1)


def test_logic_grows_with_what_an_element_is_made_of() -> None:
    small, large = CoreConfig(rows=4, cols=4), CoreConfig(rows=8, cols=4)
    assert ECP5.logic("array", large) == tuple(2 * count for count in ECP5.logic("array", small))
    plain, paired = (ECP5.logic("array", CoreConfig(k_steps=steps)) for steps in (1, 2))
    assert plain[0] < paired[0] < 2 * plain[0] and plain[1] < paired[1] < 2 * plain[1]
    assert ECP5.logic("operand", large) == (0, 0)  # counted with the writer
    assert ECP5.logic("combine", small) == (0, 0) < ECP5.logic("combine", CoreConfig(combine_lanes=2))
    with pytest.raises(KeyError):
        ECP5.logic("no element", small)


def test_regular_arrays() -> None:
    assert ECP5.regular("LFE5U-85F", 13, 12) and not ECP5.regular("LFE5U-12F", 13, 12)
    assert not ECP5.regular("another part", 2, 4)
