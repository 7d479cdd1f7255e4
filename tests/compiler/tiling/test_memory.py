"""Shapes of tensors in the activation memory, one by one: slots, rotations and phases, in the order in which they are tried."""

from __future__ import annotations

from hwgen.compiler.tiling.memory import Layout, operand_phases, output_phases, shapes


def test_shapes_in_order() -> None:
    """Five rows take eight slots; then four and eight more, each from every fourth slot on."""
    assert list(shapes(5, (2, 3))) == [
        *((8, phase) for phase in (2, 3)),
        *((8, phase) for phase in (6, 7)),
        *((12, phase) for phase in (2, 3, 6, 7, 10, 11)),
        *((16, phase) for phase in (2, 3, 6, 7, 10, 11, 14, 15)),
    ]
    assert list(shapes(8, (1,)))[:2] == [(8, 1), (8, 5)]


def test_thorough_shapes() -> None:
    depths = list(dict.fromkeys(depth for depth, _ in shapes(1, (0,), thorough=True)))
    assert depths == list(range(4, 37, 4))


def test_most_slots() -> None:
    """A descriptor names 1,023 slots; whole turns of the banks are 1,020."""
    assert max(depth for depth, _ in shapes(1013, (0,))) == 1020
    assert {depth for depth, _ in shapes(1020, (0,))} == {1020}


def test_phases_of_operand_and_output() -> None:
    """An output's rows are written two or three banks behind those that its operand is read from."""
    layout = Layout(base=0, phase=3, depth=8, row_words=1, pixel_words=1)
    assert output_phases(layout) == [1, 2]
    assert operand_phases(layout) == [1, 0]
