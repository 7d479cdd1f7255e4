"""Functions of one number that a chain of nodes writes, and the operations of the float graph that compute them.

A chain such as Add 3, Clip 0 to 6, Mul by the chain's input, Div by 6 is one real function. It is compared with what the
float graph has at points between -1e30 and 1e30, densely between -12 and 12, where all knots of the usual functions lie.
So it does not matter how an exporter wrote a function, only what it computes.
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from hwgen.compiler.graph.evaluate import elementwise
from hwgen.compiler.graph.graph import make_node
from hwgen.compiler.graph.ops import Value

Function = Callable[[np.ndarray], np.ndarray]
Form = tuple[str, dict[str, Value]]  # operation and attributes

NAMED = ("relu", "relu6", "hard_swish", "hard_sigmoid", "sigmoid", "swish", "tanh")
TOLERANCE = 2e-6  # relative; constants of files are float32
LIMIT = float(np.finfo(np.float32).max)
_INNER = np.linspace(-12, 12, 4801)
_OUTER = np.geomspace(12, 1e30, 600)
POINTS = np.concatenate([-_OUTER[::-1], _INNER, _OUTER])


def forms_of(function: Function) -> list[Form] | None:
    """The operations whose composition is `function`, first to last; none for the identity; None if there are none."""
    with np.errstate(all="ignore"):
        wanted = np.asarray(function(POINTS), dtype=np.float64)
        if wanted.shape != POINTS.shape or not np.isfinite(wanted).all() or np.ptp(wanted) == 0:
            return None
        if _same(wanted, POINTS):
            return []
        for form in _candidates(function, wanted):
            if _same(wanted, evaluated([form], POINTS)):
                return [form]
        pair = _affine_and_clip(wanted)
        return pair if pair and _same(wanted, evaluated(pair, POINTS)) else None


def evaluated(forms: Sequence[Form], x: np.ndarray) -> np.ndarray:
    """What operations of one input make of numbers, one after the other."""
    for op, attributes in forms:
        x = _function(op, tuple(sorted(attributes.items())))(x)
    return x


@cache
def _function(op: str, attributes: tuple[tuple[str, Value], ...]) -> Function:
    function = elementwise(make_node("f", op, ("x",), dict(attributes), [(1, 1, 1)]))
    assert function is not None
    return function


def _candidates(function: Function, wanted: np.ndarray) -> list[Form]:
    forms: list[Form] = [(name, {}) for name in NAMED]
    at_zero, at_one, below = (float(value) for value in function(np.array([0.0, 1.0, -1.0])))
    forms.append(("leaky_relu", {"slope": -below}))
    forms.append(("affine", {"scale": at_one - at_zero, "offset": at_zero}))
    low, high = float(wanted.min()), float(wanted.max())
    low, high = (limit if abs(limit) < POINTS[-1] * 0.9 else np.copysign(LIMIT, limit) for limit in (low, high))
    if low < high:
        forms.append(("clip", {"low": float(low), "high": float(high)}))
    return forms


def _affine_and_clip(wanted: np.ndarray) -> list[Form] | None:
    """A straight line between two limits."""
    low, high = float(wanted.min()), float(wanted.max())
    inside = np.flatnonzero((wanted > low) & (wanted < high))
    inner = inside[np.abs(POINTS[inside]) <= _INNER[-1]]  # where an offset is not lost beside large numbers
    inside = inner if len(inner) >= 2 else inside
    if len(inside) < 2:
        return None
    first, last = inside[0], inside[-1]
    scale = (wanted[last] - wanted[first]) / (POINTS[last] - POINTS[first])
    offset = wanted[first] - scale * POINTS[first]
    line: Form = ("affine", {"scale": float(scale), "offset": float(offset)})
    if low == 0 and high > POINTS[-1] * abs(scale) * 0.9:
        return [line, ("relu", {})]
    return [line, ("clip", {"low": low, "high": high})]


def _same(wanted: np.ndarray, found: np.ndarray) -> bool:
    floor = TOLERANCE * np.abs(wanted[len(_OUTER) : -len(_OUTER)]).max()  # where a function crosses zero
    return bool((np.abs(wanted - found) <= TOLERANCE * np.abs(wanted) + floor).all())
