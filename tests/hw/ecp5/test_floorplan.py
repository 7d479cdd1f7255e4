"""Multiplier sites: every element has its own, and neighbours are near."""

from __future__ import annotations

import re

import pytest

from hwgen.hw.ecp5.floorplan import PARTS, multiplier_sites, regular


def position(site: str) -> tuple[int, int]:
    match = re.fullmatch(r"X(\d+)/Y(\d+)/MULT18_([0145])", site)
    assert match is not None
    return int(match[1]), int(match[2])


@pytest.mark.parametrize(
    ("part", "rows", "cols"),
    [
        ("LFE5U-85F", 13, 12),
        ("LFE5U-85F", 9, 16),
        ("LFE5U-85F", 7, 22),
        ("LFE5U-85F", 9, 17),
        ("LFE5U-45F", 9, 8),
        ("LFE5U-25F", 7, 4),
        ("LFE5U-12F", 2, 3),
    ],
)
def test_sites_are_distinct_and_exist(part: str, rows: int, cols: int) -> None:
    sites = multiplier_sites(part, rows, cols)
    names = [site for line in sites for site in line]
    assert len(sites) == rows and len(set(names)) == rows * cols
    die = PARTS[part]
    assert set(names) <= {die.site(row, index) for row in range(len(die.y)) for index in range(die.sites)}


def test_columns_follow_each_other_along_a_snake() -> None:
    """Neither whole columns nor whole rows fit: a row of blocks from left to right, the next one back."""
    die = PARTS["LFE5U-85F"]
    sites = multiplier_sites("LFE5U-85F", 7, 22)
    rows = [[die.site(row, index) for index in range(die.sites)] for row in range(len(die.y))]
    snake = [site for i, row in enumerate(rows) for site in (row[::-1] if i % 2 else row)]
    assert [sites[i % 7][i // 7] for i in range(7 * 22)] == snake[: 7 * 22]


def test_all_multipliers_of_the_85f() -> None:
    sites = multiplier_sites("LFE5U-85F", 13, 12)
    assert [site.split("/")[0] for site in sites[0]] == [
        "X4",
        "X5",
        "X8",
        "X9",
        "X9",
        "X8",
        "X5",
        "X4",
        "X4",
        "X5",
        "X8",
        "X9",
    ]
    assert sites[0][0] == "X4/Y10/MULT18_0" and sites[12][11] == "X119/Y58/MULT18_5"
    for r in range(13):
        for c in range(12):
            x, y = position(sites[r][c])
            if c:
                left_x, left_y = position(sites[r][c - 1])
                assert abs(x - left_x) + abs(y - left_y) <= 24
            if r:
                above_x, above_y = position(sites[r - 1][c])
                assert abs(x - above_x) <= 11 and y == above_y


def test_array_rows_in_rows_of_blocks() -> None:
    sites = multiplier_sites("LFE5U-85F", 9, 16)
    for r in range(9):
        for c in range(16):
            x, y = position(sites[r][c])
            if c:
                left_x, left_y = position(sites[r][c - 1])
                assert abs(x - left_x) <= 11 and y == left_y
            if r:
                above_x, above_y = position(sites[r - 1][c])
                assert (x == above_x and y - above_y == 24) if r % 3 == 0 else (abs(x - above_x) <= 11 and y == above_y)


def test_regular() -> None:
    assert regular("LFE5U-85F", 13, 12) and regular("LFE5U-85F", 9, 16)
    assert not regular("LFE5U-85F", 11, 14), "a snake"
    assert not regular("LFE5U-85F", 13, 13) and not regular("ICE40", 2, 2)


def test_part_counts() -> None:
    assert {part: die.sites * len(die.y) for part, die in PARTS.items()} == {
        "LFE5U-12F": 28,
        "LFE5U-25F": 28,
        "LFE5U-45F": 72,
        "LFE5U-85F": 156,
    }


@pytest.mark.parametrize(
    ("part", "rows", "cols", "message"),
    [
        ("LFE5U-85F", 13, 13, "an array of 13 x 13 needs 169 multiplier blocks; LFE5U-85F has 156"),
        ("ICE40", 2, 2, "part must be one of LFE5U-12F, LFE5U-25F, LFE5U-45F, LFE5U-85F, not ICE40"),
    ],
)
def test_errors(part: str, rows: int, cols: int, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        multiplier_sites(part, rows, cols)
