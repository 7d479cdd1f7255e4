"""Tables as plain text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def rendered(table: Table, width: int) -> str:
    """A table as text without colours, lines of at most `width` characters."""
    from rich.console import Console as Terminal

    out = io.StringIO()
    Terminal(file=out, width=width, force_terminal=False, color_system=None).print(table)
    return out.getvalue()
