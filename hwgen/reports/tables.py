"""Tables as plain text, of a width."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hwgen.errors import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table


_LEAST_NAME = 8
"""Characters that are left of names."""


def rendered(content: RenderableType, width: int) -> str:
    """A table, or several in a group, as text without colours, lines of at most `width` characters."""
    out = io.StringIO()
    _terminal(out, width).print(content)
    return printable(out.getvalue())


def wrapped(text: str, width: int) -> str:
    """The text with lines of at most `width` characters, as far as its words allow; what goes on is indented by two more."""
    lines: list[str] = []
    for line in text.splitlines():
        further = line[: len(line) - len(line.lstrip())] + "  "
        wrapper = textwrap.TextWrapper(width, subsequent_indent=further, break_long_words=False, break_on_hyphens=False)
        lines += [line] if len(line) <= width else wrapper.wrap(line)
    return "\n".join(lines)


def fitted(table: Table, width: int | None, droppable: Sequence[str]) -> Table:
    """The table, without as many of its columns `droppable` (headings, the first to go first) as must go for it to fit into `width`.

    None: any width will do. Where all of them are gone and it is still too wide the first column is cut.
    """
    from rich.measure import Measurement

    if width is None:
        return table
    terminal = _terminal(io.StringIO(), 10_000)
    dropped: list[str] = []
    for heading in droppable:
        if Measurement.get(terminal, terminal.options, table).maximum <= width:
            break
        if any(column.header == heading for column in table.columns):
            dropped.append(heading)
            table = _without(table, heading)
    excess = Measurement.get(terminal, terminal.options, table).maximum - width
    if excess > 0:  # names may be cut, figures not
        first = table.columns[0]
        longest = max(len(str(cell)) for cell in first.cells)
        first.max_width = max(_LEAST_NAME, min(longest, first.max_width or longest) - excess)
    if dropped:
        table.caption = f"left out, as the terminal is narrow: {', '.join(dropped)}"
        table.caption_justify = "left"
    return table


def _without(table: Table, heading: str) -> Table:
    """A copy without a column."""
    from rich.table import Table as New

    made = New(title=table.title, box=table.box, title_justify=table.title_justify, pad_edge=table.pad_edge)
    kept = [column for column in table.columns if column.header != heading]
    for column in kept:
        made.add_column(
            column.header,
            justify=column.justify,
            no_wrap=column.no_wrap,
            overflow=column.overflow,
            max_width=column.max_width,
        )
    for cells in zip(*(column.cells for column in kept), strict=True):
        made.add_row(*cells)
    return made


def _terminal(out: io.StringIO, width: int) -> Console:
    from rich.console import Console as Terminal

    # Names of tensors are no markup: "[/]" would end the program, "[red]" would not be shown.
    return Terminal(file=out, width=width, force_terminal=False, color_system=None, markup=False, emoji=False)
