"""Everything that is wrong with a model, collected while it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwgen.compiler.frontend.causes import by_cause
from hwgen.errors import HwgenError, ModelError, UnsupportedOpError

if TYPE_CHECKING:
    from hwgen.compiler.frontend.onnx.model import Node


class Unsupported(Exception):
    """One node cannot be imported: reason and nearest supported form."""

    def __init__(self, reason: str, nearest: str) -> None:
        super().__init__(f"{reason}; nearest: {nearest}")


class Unsound(Exception):
    """The file itself is wrong there."""


class Unknown(Exception):
    """A node reads what another one, whose problem is noted, could not write."""


class Problems:
    """What is wrong, in the order of the nodes."""

    def __init__(self) -> None:
        self._found: list[tuple[str, str]] = []  # nodes, and what is wrong with them
        self.missing_operation = False
        self.nodes: set[Node] = set()

    @property
    def lines(self) -> list[str]:
        """One for each problem, with the nodes that have it."""
        return by_cause(self._found)

    def unsupported(self, node: Node, reason: str, nearest: str) -> None:
        """An operation or a form of one that has no counterpart."""
        self.missing_operation = True
        self.add(node, f"{reason}; nearest: {nearest}")

    def unsound(self, node: Node, reason: str) -> None:
        """The file contradicts itself."""
        self.add(node, reason)

    def add(self, node: Node, text: str) -> None:
        """What is wrong with a node; the same of several nodes is one problem."""
        self.nodes.add(node)
        self._found.append((f"{node.name} ({node.op})", text))

    def error(self, name: str) -> HwgenError:
        """All of it."""
        kind = UnsupportedOpError if self.missing_operation else ModelError
        lines = self.lines
        count = f"{len(lines)} problem{'s' if len(lines) != 1 else ''}"
        return kind(f"{name}: the model cannot be imported, {count}", lines)
