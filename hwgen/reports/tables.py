"""Tables as plain text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from hwgen.errors import printable

if TYPE_CHECKING:
    from rich.console import RenderableType


def rendered(content: RenderableType, width: int) -> str:
    """A table, or several in a group, as text without colours, lines of at most `width` characters."""
    from rich.console import Console as Terminal

    out = io.StringIO()
    # Names of tensors are no markup: "[/]" would end the program, "[red]" would not be shown.
    Terminal(file=out, width=width, force_terminal=False, color_system=None, markup=False, emoji=False).print(content)
    return printable(out.getvalue())
