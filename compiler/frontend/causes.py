"""What is wrong with a model, a line for each cause, not for each layer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from hwgen.errors import one_line

NAMED = 4
"""Layers that a line names; it counts the rest."""

_DETAIL = re.compile(r"'[^']*'|(?<![A-Za-z_])[-+]?\d+(\.\d+)?(e[-+]?\d+)?")
"""What differs between layers of one cause: names, numbers."""


def by_cause(found: Iterable[tuple[str, str]], short: Callable[[str], str] = str) -> list[str]:
    """One line for each cause, in the order of the first layers that have it; of texts that differ in a number, that layer's.

    Args:
        found: names of layers ("" for the model itself), and what is wrong with each.
        short: what to call a layer behind the first one of a cause.
    """
    causes: dict[tuple[bool, str], dict[str, str]] = {}
    for where, what in found:
        causes.setdefault((bool(where), _DETAIL.sub("#", what)), {}).setdefault(where, what)
    return [_line(list(layers), next(iter(layers.values())), short) for layers in causes.values()]


def _line(layers: list[str], what: str, short: Callable[[str], str]) -> str:
    named = one_line([layers[0], *map(short, layers[1:])], limit=NAMED, separator=", ")
    return f"{named}: {what}" if named else what
