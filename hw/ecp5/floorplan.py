"""Where a die has its multiplier blocks and block RAMs, and the sites of the array's multipliers: neighbours in the array are
neighbours on the die.

The placer alone spreads the blocks over the die and costs the array a quarter of its clock. A part has its multiplier blocks in a
few rows across the die (`DSP_ROWS`), four blocks to a group of nine columns of tiles.
"""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.hw.isa.ceil_div import ceil_div


@dataclass(frozen=True)
class Die:
    """Where a die has its multiplier blocks and block RAMs.

    Attributes:
        y: tile row of each row of multiplier blocks.
        x: tile column of the first block of each group of four, of multipliers and of RAM, alike in all rows.
        ram_y: tile row of each row of block RAMs.
    """

    y: tuple[int, ...]
    x: tuple[int, ...]
    ram_y: tuple[int, ...]

    @property
    def sites(self) -> int:
        """Blocks in one row."""
        return 4 * len(self.x)

    def site(self, row: int, index: int) -> str:
        """Name of block `index`, counted from the left, of a row of blocks."""
        offset = (0, 1, 4, 5)[index % 4]
        return f"X{self.x[index // 4] + offset}/Y{self.y[row]}/MULT18_{offset}"


_DIE_25 = Die(y=(13,), x=(4, 13, 22, 33, 42, 51, 60), ram_y=(25, 37))

PARTS = {
    "LFE5U-12F": _DIE_25,
    "LFE5U-25F": _DIE_25,
    "LFE5U-45F": Die(y=(22, 46), x=(4, 13, 22, 31, 42, 51, 60, 69, 78), ram_y=(10, 34, 58)),
    "LFE5U-85F": Die(y=(10, 34, 58), x=(4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114), ram_y=(22, 46, 70, 82)),
}
"""Multiplier blocks and block RAMs of the ECP5 parts, from Project Trellis' tile grids."""


def _die(part: str) -> Die:
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}, not {part}")
    return PARTS[part]


def ram_sites(part: str) -> list[str]:
    """Names of all sites of block RAMs (DP16KD), as nextpnr's attribute BEL takes them.

    Raises:
        ValueError: the part is unknown.
    """
    die = _die(part)
    return [f"X{x + 2 * index}/Y{y}/EBR{index}" for y in die.ram_y for x in die.x for index in range(4)]


def regular(part: str, rows: int, cols: int) -> bool:
    """Whether an array fits the part's rows of blocks in whole array columns or whole array rows."""
    die = PARTS.get(part)
    return die is not None and die.sites >= min(rows * ceil_div(cols, len(die.y)), ceil_div(rows, len(die.y)) * cols)


def multiplier_sites(part: str, rows: int, cols: int) -> list[list[str]]:
    """Site of every element of an array.

    Where the die has room, each of its rows of blocks takes a few neighbouring array columns and all array rows: the blocks of one
    array row stand side by side, so an activation travels one block a cycle and a weight a few. From one row of blocks to the next the
    order turns round, so the step across is straight down the die. Where only the other way round has room, each row of blocks takes a few
    array rows and all array columns. Else the array's columns follow each other along a snake.

    Args:
        part: "LFE5U-85F" and the like.
        rows: rows of the array.
        cols: columns of the array.

    Returns:
        Names as nextpnr's attribute BEL takes them, `[row][column]`.

    Raises:
        ValueError: the part is unknown or has too few blocks.
    """
    die = _die(part)
    total = die.sites * len(die.y)
    if rows * cols > total:
        raise ValueError(f"an array of {rows} x {cols} needs {rows * cols} multiplier blocks; {part} has {total}")
    cols_each, rows_each = ceil_div(cols, len(die.y)), ceil_div(rows, len(die.y))
    sites = [[""] * cols for _ in range(rows)]
    for c in range(cols):
        for r in range(rows):
            if rows * cols_each <= die.sites:
                block_row, slot = divmod(c, cols_each)
                slot = slot if block_row % 2 == 0 else cols_each - 1 - slot
                sites[r][c] = die.site(block_row, r * cols_each + slot)
            elif rows_each * cols <= die.sites:
                block_row, slot = divmod(r, rows_each)
                slot = slot if block_row % 2 == 0 else rows_each - 1 - slot
                sites[r][c] = die.site(block_row, c * rows_each + slot)
            else:
                block_row, index = divmod(c * rows + r, die.sites)
                sites[r][c] = die.site(block_row, index if block_row % 2 == 0 else die.sites - 1 - index)
    return sites
