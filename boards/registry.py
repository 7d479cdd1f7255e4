"""Finds a board by its name. A file in this folder with a tuple `BOARDS` is all that a board needs to be found."""

from __future__ import annotations

import difflib
import importlib
import pkgutil

import hwgen.boards
from hwgen.boards.board import Board
from hwgen.errors import ToolError

_NO_BOARDS = {"bitstream", "board", "equal_modules", "family", "names", "registry", "tools", "top", "wiring"}
"""Modules of this folder that are not loaded in search of boards: some take time."""


def _boards() -> dict[str, Board]:
    found: dict[str, Board] = {}
    for entry in pkgutil.iter_modules(hwgen.boards.__path__):
        if entry.ispkg or entry.name in _NO_BOARDS:
            continue
        for board in getattr(importlib.import_module(f"hwgen.boards.{entry.name}"), "BOARDS", ()):
            if board.name in found:
                raise ValueError(f"two boards are called {board.name}")
            found[board.name] = board
    return found


BOARDS = _boards()
"""Every board by its name."""


def find_board(name: str) -> Board:
    """The board called `name`, in letters of any case.

    Raises:
        ToolError: there is none; says which names are near, and all of them.
    """
    meant = name.lower().replace("_", "-")
    if meant in BOARDS:
        return BOARDS[meant]
    near = difflib.get_close_matches(meant, BOARDS, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise ToolError(f"unknown board {name!r}: {hint}known boards: {', '.join(BOARDS)}")
