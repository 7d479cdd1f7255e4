"""Changes of expressions: the next comparison, the opposite operation, a number one off, a condition that always or never holds."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

Change = tuple[ast.AST, str, str]
"""The piece that is replaced, the text instead, the kind of change."""

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}

OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}

NAMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "any": "all", "all": "any"}

_HARDWARE_CONDITIONS = ("If", "Elif")


def is_text(node: ast.AST) -> bool:
    """Whether nothing below is changed: texts, those with expressions in them too."""
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def below(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of an expression that are changed: no types, not whether `zip` looks at lengths, no size that NumPy finds (any below 0)."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "cast"):
        yield node.args[0 if node.func.id == "isinstance" else 1]
        return
    found = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "reshape"
    for child in ast.iter_child_nodes(node):
        size = isinstance(child, ast.UnaryOp) and isinstance(child.op, ast.USub)
        if not (isinstance(child, ast.keyword) and child.arg == "strict") and not (found and size):
            yield child


def expressions(node: ast.AST) -> Iterator[Change]:
    """Changes of one expression, not of those below it."""
    match node:
        case ast.Compare():
            for i, op in enumerate(node.ops):
                changed = copy.copy(node)
                changed.ops = [*node.ops[:i], COMPARISONS[type(op)](), *node.ops[i + 1 :]]
                yield node, _text(changed), "comparison"
        case ast.BinOp() if type(node.op) in OPERATORS and not _joins(node):
            yield node, _text(ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)), "operator"
        case ast.UnaryOp(ast.Not() | ast.USub() | ast.Invert()):
            yield node, _text(node.operand), "sign"
        case ast.BoolOp():
            yield (
                node,
                _text(ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)),
                "boolean",
            )
            for i in range(len(node.values)):
                kept = [*node.values[:i], *node.values[i + 1 :]]
                yield node, _text(kept[0] if len(kept) == 1 else ast.BoolOp(node.op, kept)), "condition"
        case ast.IfExp():
            yield node, _text(node.body), "condition"
            yield node, _text(node.orelse), "condition"
        case ast.comprehension():
            yield from ((condition, "True", "condition") for condition in node.ifs)
        case ast.Name() if node.id in NAMES and isinstance(node.ctx, ast.Load):
            yield node, NAMES[node.id], "extreme"
        case ast.Call():
            yield from _call(node)


def _call(node: ast.Call) -> Iterator[Change]:
    match node.func:
        case ast.Attribute(attr=name) if name in NAMES:
            yield node.func, ast.unparse(ast.Attribute(node.func.value, NAMES[name])), "extreme"
        case ast.Attribute(attr=name) if name in _HARDWARE_CONDITIONS and len(node.args) == 1:
            yield node.args[0], "1", "condition"
            yield node.args[0], "0", "condition"
        case ast.Name("Mux") if len(node.args) == 3:
            condition, one, other = node.args
            yield node, _text(ast.Call(node.func, [condition, other, one], [])), "condition"


def constants(node: ast.AST) -> Iterator[Change]:
    """A whole number one more and one less, another one doubled."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield node, str(node.value + 1), "constant"
        yield node, str(node.value - 1) if node.value else "(-1)", "constant"
    elif isinstance(node, ast.Constant) and type(node.value) is float:
        yield node, repr(2 * node.value or 1.0), "constant"


def _joins(node: ast.BinOp) -> bool:
    """Whether it is an operation on texts or lists, of which every other one is an error."""
    return any(is_text(side) or isinstance(side, ast.List | ast.ListComp) for side in (node.left, node.right))


def _text(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if isinstance(node, ast.Constant | ast.Name | ast.Attribute | ast.Call | ast.Subscript) else f"({text})"
