"""The tensors that cross from each pass of a network to the next, and so where it can be cut into fusion groups."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.tiling.spill import Gap


@dataclass(eq=False)
class _Made:
    """A tensor that passes write.

    Attributes:
        first, last: number of the first and of the last pass that writes it.
        past: it is handed over behind the passes `first .. past - 1`: up to its last reader, or to the network's end.
    """

    first: int
    last: int
    past: int


class Crossings:
    """Of a network.

    What leaves the chip for a while crosses no longer from there on, so a search for what to spill asks for `spilled`, which finds out
    about those tensors alone.
    """

    def __init__(self, lowered: Lowered) -> None:
        self._lowered = lowered
        count = len(lowered.passes)
        self._crossing = np.zeros(count, np.int64)  # tensors, behind each pass
        self._tied = np.zeros(count, np.int64)  # reasons not to cut behind it
        self._bytes = np.zeros(
            count + 1, np.int64
        )  # of the tensors that are in memory before each pass, and behind the last one
        self._made: dict[str, _Made] = {}
        for i, item in enumerate(lowered.passes):
            self._made.setdefault(item.output.buffer, _Made(i, i, count)).last = i
        self._names: list[set[str]] = [set(lowered.kept) for _ in range(count + 1)]
        self._gone: Mapping[str, int] = {}
        copies = lowered.copies
        for name, made in self._made.items():
            read = lowered.readers.get(name)
            if name != lowered.result:
                made.past = max(made.first, read[-1]) if read else made.first if name in copies else count
            self._count(name, made, made.past, 1)
            if read or name == lowered.result:
                for names in self._names[made.first + 1 : made.past + 1]:
                    names.add(name)
            if name in copies:
                self._tied[min(made.first, read[0] if read else made.first) : made.last] += 1
        for name, buffer in lowered.buffers.items():
            if buffer.loaded:
                read = lowered.readers[name]
                self._tied[read[0] : read[-1]] += 1
        self._bytes[:] = [sum(lowered.buffers[name].size for name in names) for names in self._names]

    def _count(self, name: str, made: _Made, past: int, sign: int) -> None:
        """Add or take away a tensor that is handed over behind passes `made.first .. past - 1`."""
        self._crossing[made.first : past] += sign
        self._tied[made.first : min(past, made.last)] += sign

    def spilled(self, gaps: Iterable[Gap]) -> Crossings:
        """Of the same network with these gaps (see `hwgen.compiler.tiling.spill`); it has none yet."""
        first_gaps: dict[str, list[int]] = {}
        for gap in sorted(gaps):
            first_gaps.setdefault(gap.buffer, []).append(gap.reader)
        found: Crossings = object.__new__(Crossings)
        found._lowered, found._made, found._names = self._lowered, self._made, self._names
        found._crossing, found._tied, found._bytes = self._crossing.copy(), self._tied.copy(), self._bytes.copy()
        gone: dict[str, int] = {}
        for name, numbers in first_gaps.items():
            made, read = self._made[name], self._lowered.readers[name]
            own = read[: numbers[0]]
            gone[name] = past = max(made.first, own[-1]) if own else made.first
            found._count(name, made, made.past, -1)
            found._count(name, made, past, 1)
            found._tied[min(made.first, read[0] if own else made.first) : made.last] += 1
            found._bytes[past + 1 : made.past + 1] -= self._lowered.buffers[name].size
            for number, following in zip(numbers, [*numbers[1:], len(read)], strict=True):
                found._tied[read[number] : read[following - 1]] += 1
        found._gone = gone
        return found

    def before(self, number: int) -> frozenset[str]:
        """Tensors that are in memory before a pass, or behind the last one: made and still to be read, or the result."""
        names, gone = self._names[number], self._gone
        return frozenset(name for name in names if name not in gone or number <= gone[name])

    def natural_groups(self, most: int, size: float = np.inf) -> list[tuple[int, int]]:
        """(first, past) of the shortest runs of passes that hand over at most so many tensors, and at most so many bytes, with nothing left
        to write into them.

        A tensor that the DMA loads is read in one run only.
        """
        ends = np.flatnonzero((self._crossing <= most) & (self._tied == 0)) + 1
        suits = self._bytes[ends] <= size
        suits[-1:] = True
        pasts = ends[suits].tolist()
        return list(zip([0, *pasts], pasts, strict=False))


@functools.lru_cache(maxsize=64)
def crossings(lowered: Lowered) -> Crossings:
    """One for all who ask."""
    return Crossings(lowered)


def boundaries(lowered: Lowered) -> list[frozenset[str]]:
    """`Crossings.before` of each pass, and behind the last one."""
    return [crossings(lowered).before(number) for number in range(len(lowered.passes) + 1)]
