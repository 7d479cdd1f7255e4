"""Changes of statements: what is dropped, and conditions that always or never hold."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def bodies(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The statements below a statement, in groups."""
    for name in ("body", "orelse", "finalbody"):
        if inner := getattr(node, name, None):
            yield inner
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield part.body


def parts(node: ast.stmt) -> Iterator[ast.AST]:
    """The expressions of a statement's own part; of what is assigned to only the indices."""
    for name, value in ast.iter_fields(node):
        if name in ("targets", "target"):
            for target in value if isinstance(value, list) else [value]:
                yield from (item.slice for item in ast.walk(target) if isinstance(item, ast.Subscript))
        elif name not in ("annotation", "body", "orelse", "finalbody", "handlers", "cases"):
            yield from (item for item in (value if isinstance(value, list) else [value]) if isinstance(item, ast.AST))


def header_end(node: ast.stmt) -> int:
    """Last line of a statement's own part, without the statements below it."""
    assert node.end_lineno is not None
    inner = [body[0].lineno for body in bodies(node)]
    if isinstance(node, ast.Match):
        inner = [case.pattern.lineno for case in node.cases]
    return max(node.lineno, min(inner) - 1) if inner else node.end_lineno


def statements(node: ast.stmt, known: frozenset[str], alone: bool) -> Iterator[tuple[ast.AST, str]]:
    """(piece, text instead) for each change of the statement as such.

    Names of `known` have a value without it; `alone`: it is the whole body of a condition, which is changed itself.
    """
    match node:
        case ast.If() if not _of_interpreter(node.test):
            yield node.test, "True"
            yield node.test, "False"
        case ast.While():
            yield node.test, "False"
        case ast.AugAssign(value=ast.List(elts=[_, _, *_] as elements)):
            yield from ((element, "*()") for element in elements)  # assignments of a hardware module, one by one
        case ast.Expr(ast.Call() | ast.Yield() | ast.YieldFrom()) if not ast.unparse(node).startswith("super()"):
            yield node, "pass"
        case ast.AugAssign() | ast.Delete():
            yield node, "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield node, "pass"
        case ast.Assign() if all(name.id in known for target in node.targets for name in _stored(target)):
            yield node, "pass"
        case ast.Raise() | ast.Continue() | ast.Break() if not alone:
            yield node, "pass"


def _stored(target: ast.expr) -> list[ast.Name]:
    return [name for name in ast.walk(target) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)]


def _of_interpreter(test: ast.expr) -> bool:
    return any(isinstance(name, ast.Name) and name.id in ("TYPE_CHECKING", "__name__") for name in ast.walk(test))
