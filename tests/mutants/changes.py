"""The mutants of a source: small changes of meaning, each a piece of text instead of another one."""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.mutants.expressions import below, constants, expressions, is_text
from tests.mutants.statements import bodies, header_end, parts, statements


@dataclass(frozen=True)
class Mutant:
    """One change of one source.

    Attributes:
        path: of the source, from the root.
        where: names of the classes and functions around it; at the top of a module or class the name that is assigned.
        kind: of change, in a word or two.
        lines: first and last line of the statement's own part, which a test runs that can notice the change.
        start, end: the piece that is replaced, bytes of the source.
        text: what stands there instead.
        before, after: the lines around the piece without and with the change, joined, without indentation.
        number: counts equal changes of one place.
    """

    path: str
    where: str
    kind: str
    lines: tuple[int, int]
    start: int
    end: int
    text: str
    before: str
    after: str
    number: int = 0

    @property
    def key(self) -> str:
        """Names the change as long as its lines stay as they are, wherever they move inside their function."""
        parts = (self.path, self.where, self.before, self.after, str(self.number))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    def of(self, source: str) -> str:
        """The source with the change."""
        data = source.encode()
        return (data[: self.start] + self.text.encode() + data[self.end :]).decode()


def mutants(path: str, source: str) -> list[Mutant]:
    """All mutants of a source, in its order; no two of the same text."""
    tree = ast.parse(source)
    found: dict[str, Mutant] = {}
    numbers: Counter[tuple[str, str, str]] = Counter()
    for mutant in sorted(_Finder(path, source).found(tree), key=lambda one: (one.start, one.end)):
        changed = mutant.of(source)
        if changed == source or changed in found:
            continue
        place = mutant.where, mutant.before, mutant.after
        found[changed] = replace(mutant, number=numbers[place])
        numbers[place] += 1
    return list(found.values())


@dataclass(frozen=True)
class _Around:
    """What is around a statement.

    Attributes:
        where: names of classes and functions.
        named: it stands at the top of a module or class, where a change is found by the name that is assigned.
        codes: numbers are those of an enumeration, which all who read them have from there.
        known: names that have a value already.
    """

    where: str
    named: bool = False
    codes: bool = False
    known: frozenset[str] = frozenset()

    def inner(self, name: str) -> str:
        return f"{self.where}.{name}".strip(".")


class _Finder:
    """Walks through a source with what is around a node in hand."""

    def __init__(self, path: str, source: str) -> None:
        self._path, self._source = path, source.encode()
        self._starts = [0]  # of the lines, bytes
        for line in self._source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def found(self, tree: ast.Module) -> Iterator[Mutant]:
        yield from self._body(tree.body, _Around("", named=True))

    def _body(self, body: list[ast.stmt], around: _Around) -> Iterator[Mutant]:
        for i, node in enumerate(body):
            if i or not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):  # a docstring
                yield from self._statement(node, around, alone=len(body) == 1)
            stored = {
                name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
            }
            around = replace(around, known=around.known | stored)

    def _statement(self, node: ast.stmt, around: _Around, alone: bool) -> Iterator[Mutant]:
        match node:
            case ast.ClassDef():
                codes = any("Enum" in ast.unparse(base) for base in node.bases)
                yield from self._body(node.body, _Around(around.inner(node.name), named=True, codes=codes))
                return
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                where, lines = around.inner(node.name), (node.lineno, header_end(node))
                for default in filter(None, (*node.args.defaults, *node.args.kw_defaults)):
                    yield from self._expression(default, where, lines)
                names = frozenset(one.arg for one in (*node.args.args, *node.args.kwonlyargs))
                yield from self._body(node.body, _Around(where, known=names))
                return
            case ast.Import() | ast.ImportFrom() | ast.Assert() | ast.Global() | ast.Nonlocal() | ast.Pass():
                return
        where = around.inner(_assigned(node)) if around.named else around.where
        lines = node.lineno, header_end(node)
        for piece, text in statements(node, around.known, alone):
            yield self._mutant(piece, text, "dropped", where, lines)
        if not isinstance(node, ast.Raise):  # the rest is the message
            for child in parts(node):
                if not (around.codes and isinstance(child, ast.Constant)):
                    yield from self._expression(child, where, lines)
        for body in bodies(node):
            yield from self._body(body, replace(around, where=where, named=False))

    def _expression(self, node: ast.AST, where: str, lines: tuple[int, int]) -> Iterator[Mutant]:
        """Changes of an expression and of all below it, but for texts."""
        if is_text(node):
            return
        for piece, text, kind in (*expressions(node), *constants(node)):
            yield self._mutant(piece, text, kind, where, lines)
        for child in below(node):
            yield from self._expression(child, where, lines)

    def _mutant(self, piece: ast.AST, text: str, kind: str, where: str, lines: tuple[int, int]) -> Mutant:
        assert (
            isinstance(piece, ast.expr | ast.stmt) and piece.end_lineno is not None and piece.end_col_offset is not None
        )
        start = self._starts[piece.lineno - 1] + piece.col_offset
        end = self._starts[piece.end_lineno - 1] + piece.end_col_offset
        first, past = self._starts[piece.lineno - 1], self._starts[piece.end_lineno]
        old = self._source[first:past]
        new = self._source[first:start] + text.encode() + self._source[end:past]
        before, after = (" ".join(lines.decode().split()) for lines in (old, new))
        return Mutant(self._path, where, kind, lines, start, end, text, before, after)


def _assigned(node: ast.stmt) -> str:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    names = [
        name.id for target in targets if target is not None for name in ast.walk(target) if isinstance(name, ast.Name)
    ]
    return names[0] if names else ""
