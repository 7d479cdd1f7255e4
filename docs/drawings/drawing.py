"""What drawings are made of: an SVG with boxes, wires and words in it.

A figure has a panel of its own behind it, so it can be read on a light and on a dark page; its colours follow the reader's system.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

LINE = 17
"""Pixels from one line of text to the next."""

STYLE = """
.panel{fill:#fbfbfa}
text{font:14px system-ui,sans-serif;fill:#1d2733}
.head{font-weight:600} .small{font-size:12px} .note{font-size:12px;fill:#51606f}
.memory{fill:#d8e8f6;stroke:#3b78ac} .unit{fill:#e3f1dd;stroke:#4f8a3c} .control{fill:#fbe9cf;stroke:#b57a1e}
.outside{fill:#ececec;stroke:#7a7a7a} .hot{fill:#f6cfc4;stroke:#b5482a} .plain{fill:none;stroke:#7a8794}
.wire{fill:none;stroke:#51606f;stroke-width:1.6} .dash{stroke-dasharray:5 4} .tip{fill:#51606f}
.badge{fill:#51606f} .number{fill:#fff;font-size:12px;font-weight:600}
@media (prefers-color-scheme:dark){
.panel{fill:#20262e} text{fill:#e6ebf0} .note{fill:#a9b6c3}
.memory{fill:#1f3f5b} .unit{fill:#2b4a22} .control{fill:#5a4117} .outside{fill:#3a3f45} .hot{fill:#6b2f1f}
.wire{stroke:#a9b6c3} .tip{fill:#a9b6c3} .number{fill:#fff}}
"""

Point = tuple[float, float]


class Drawing:
    """An SVG in the making: boxes, wires, words."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self.parts: list[str] = []

    def box(self, x: float, y: float, width: float, height: float, words: str, kind: str, number: int = 0) -> None:
        """A box with centred lines of text (separated by a newline); with a number in its corner."""
        self.parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="5"/>')
        lines = words.split("\n") if words else []
        top = y + height / 2 - LINE * (len(lines) - 1) / 2 + 5
        for i, line in enumerate(lines):
            head = i == 0 or line.startswith("*")  # a star: one more line of the heading
            self.text(
                x + width / 2, top + LINE * i, line.removeprefix("*"), "head" if head else "small", anchor="middle"
            )
        if number:
            self.parts.append(f'<circle class="badge" cx="{x}" cy="{y}" r="10"/>')
            self.text(x, y + 4, str(number), "number", anchor="middle")

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        """One line of text; `y` is its base line."""
        self.parts.append(f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>')

    def wire(self, *points: Point, dashed: bool = False, tip: bool = True) -> None:
        """A line through the points, with a tip at its end."""
        kind = "wire dash" if dashed else "wire"
        path = " ".join(f"{x},{y}" for x, y in points)
        self.parts.append(f'<polyline class="{kind}" points="{path}"/>')
        if tip:
            (x0, y0), (x, y) = points[-2:]
            length = max(abs(x - x0), abs(y - y0))
            dx, dy = (x - x0) / length, (y - y0) / length
            base = (x - 9 * dx, y - 9 * dy)
            corners = [(x, y), (base[0] - 4 * dy, base[1] + 4 * dx), (base[0] + 4 * dy, base[1] - 4 * dx)]
            self.parts.append(f'<polygon class="tip" points="{" ".join(f"{a:g},{b:g}" for a, b in corners)}"/>')

    def cells(self, x: float, y: float, columns: int, rows: int, size: float, kind: Callable[[int, int], str]) -> None:
        """A grid of squares; `kind(column, row)` is the class of each."""
        for row in range(rows):
            for column in range(columns):
                place = f'x="{x + column * size}" y="{y + row * size}" width="{size}" height="{size}"'
                self.parts.append(f'<rect class="{kind(column, row)}" {place}/>')

    def __str__(self) -> str:
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" role="img">'
        panel = f'<rect class="panel" width="{self.width}" height="{self.height}" rx="8"/>'
        return "\n".join(
            [head, f"<title>{escape(self.title)}</title>", f"<style>{STYLE}</style>", panel, *self.parts, "</svg>\n"]
        )
