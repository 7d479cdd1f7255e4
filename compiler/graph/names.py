"""Names of what a rewrite of a graph, or an importer, makes."""

from collections.abc import Container, Iterable


def unused(name: str, taken: Container[str]) -> str:
    """`name`, with a number if it is taken: files may name their tensors as rewrites do."""
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}#{number}"
    return candidate


class Names:
    """Names that are given one after the other, all different.

    A name that is taken gets a number, behind the last one of its like: however many there are of one name, each takes the same time.

    Parameters:
        taken: names that are never given.
        mark: what stands between name and number.
    """

    def __init__(self, taken: Iterable[str] = (), mark: str = "#") -> None:
        self._taken, self._mark = set(taken), mark
        self._last: dict[str, int] = {}

    def new(self, name: str) -> str:
        """`name`, with a number if it is taken; taken from now on."""
        candidate, number = name, self._last.get(name, 1)
        while candidate in self._taken:
            number += 1
            candidate = f"{name}{self._mark}{number}"
        self._last[name] = number
        self._taken.add(candidate)
        return candidate
