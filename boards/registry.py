"""Finds a board by its name."""

from __future__ import annotations

import difflib

from hwgen.boards.board import Board
from hwgen.boards.ulx3s import ULX3S, ULX3S_12F, ULX3S_25F, ULX3S_45F
from hwgen.errors import ToolError

BOARDS: dict[str, Board] = {board.name: board for board in (ULX3S, ULX3S_45F, ULX3S_25F, ULX3S_12F)}


def find_board(name: str) -> Board:
    """The board called `name`.

    Raises:
        ToolError: there is none; says which names are near, or all of them.
    """
    if name in BOARDS:
        return BOARDS[name]
    near = difflib.get_close_matches(name.lower(), BOARDS, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known boards: {', '.join(BOARDS)}"
    raise ToolError(f"unknown board {name!r}: {hint}")
