"""Places in the activation memory for the tensors of one fusion group."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.tiling.crossings import crossings
from hwgen.compiler.tiling.lifetimes import lifetimes, timetable
from hwgen.compiler.tiling.memory import (
    Layout,
    Search,
    concatenate,
    operand_phases,
    output_phases,
    place_rows,
    shapes,
    window_rows,
)
from hwgen.compiler.tiling.stripes import FusionGroup, build_steps
from hwgen.hw.isa.config import BANKS

_ROOMY = 0.6
"""A tensor that finds a place within this share of the memory is not worth a search for a better one."""


@functools.lru_cache(maxsize=2048)
def group_places(lowered: Lowered, fusion_group: FusionGroup, bank_words: int) -> GroupPlaces:
    """One for all searches: a plan makes several with the same memory and other weights, which meet the same places."""
    return GroupPlaces(lowered, fusion_group, bank_words)


class GroupPlaces:
    """Places the tensors of one fusion group beside those that are handed over to it, whose places are given.

    The tensors of different fusion groups meet only if they are handed over.
    """

    def __init__(self, lowered: Lowered, fusion_group: FusionGroup, bank_words: int) -> None:
        self._lowered, self._bank_words = lowered, bank_words
        passes = lowered.passes[fusion_group.first : fusion_group.past]
        self.output = passes[-1].output.buffer
        steps = build_steps(lowered, [fusion_group], {})
        made = {item.output.buffer for item in passes}
        read = {view.buffer for item in passes for view in item.views}
        self.before, self.after = (crossings(lowered).before(i) for i in (fusion_group.first, fusion_group.past))
        lives = lifetimes(lowered, timetable(lowered, steps), made | read | self.before | self.after)
        for name in self.before:
            lives[name].start[:] = 0
        for name in self.after:
            lives[name].start[lives[name].end < 0] = 0
            lives[name].end[:] = len(steps)
        self._lives = lives
        self._window = {name: window_rows(lives[name]) for name in made | read}
        """Rows of each tensor that are live together."""
        self._pairs = [
            (item.output.buffer, item.operand.buffer)
            for item in passes
            if item.operand is not None and item.operand_rows(1, 2) == (1, 2)
        ]
        inner = (made | {name for name in read if lowered.buffers[name].loaded}) - {self.output} - self.before
        # Among equal sizes by name, so that a plan is the same in every run.
        self._inner = sorted(inner, key=lambda name: (-self._size(name), name))
        turns = passes[-1].frame is not None
        following = lowered.passes[fusion_group.past : fusion_group.past + 1]
        self._waits = turns and any(item.frame not in (passes[-1].frame, None) for item in following)
        """Another frame of a batch goes on: the output keeps to one end of the memory."""
        self._beside = {name for name in self._inner if name in self.after} if turns else set()
        """What other frames of a batch hand over."""
        self._placed: dict[tuple[bool, tuple[Layout, ...]], list[dict[str, Layout]]] = {}

    def _size(self, name: str) -> int:
        return self._window[name] * self._lowered.buffers[name].row_words

    def place(self, given: dict[str, Layout], thorough: bool) -> list[dict[str, Layout]]:
        """Ways to place output and inner tensors, of different places for the output."""
        fixed = {name: given[name] for name in sorted(self.before)}
        key = thorough, tuple(fixed.values())
        if key not in self._placed:
            self._placed[key] = list(self._place(fixed, thorough))
        return self._placed[key]

    def _place(self, fixed: dict[str, Layout], thorough: bool) -> Iterator[dict[str, Layout]]:
        seen: set[tuple[Layout, ...]] = set()
        given = [self.output, *sorted(self._beside)]
        for high in (False, True) if self._beside else (False,):
            for layouts in self._outputs(fixed, thorough):
                placed = self._all(layouts, self._inner, thorough, high)
                if placed is not None and (key := tuple(placed[name] for name in given)) not in seen:
                    seen.add(key)
                    yield placed
            inner = self._all(fixed, self._inner, thorough, high)
            if inner is not None:
                for layouts in self._outputs(inner, thorough):
                    if (key := tuple(layouts[name] for name in given)) not in seen:
                        seen.add(key)
                        yield layouts

    def _search(self, name: str, layouts: dict[str, Layout]) -> Search:
        rows = [place_rows(layout, self._lives[other]) for other, layout in layouts.items()]
        return Search(self._lowered.buffers[name], self._lives[name], concatenate(rows), self._bank_words)

    def _phases(self, name: str, layouts: dict[str, Layout]) -> list[int]:
        """Phases that a tensor may have beside its operands, and beside the tensors whose operand it is: best first, all if none suits."""
        phases = list(range(BANKS))
        for output, operand in self._pairs:
            if name == output and operand in layouts:
                good = output_phases(layouts[operand])
            elif name == operand and output in layouts:
                good = operand_phases(layouts[output])
            else:
                continue
            phases = [phase for phase in good if phase in phases] or phases
        return phases

    def _outputs(self, layouts: dict[str, Layout], thorough: bool) -> Iterator[dict[str, Layout]]:
        """The lowest place for the output, the lowest with each count of slots, the highest; its own if an earlier group gave it one."""
        if self.output in layouts:
            yield layouts
            return
        phases = self._phases(self.output, layouts)
        search = self._search(self.output, layouts)
        best: dict[int, tuple[int, Layout]] = {}
        highest: tuple[int, Layout] | None = None
        candidates = shapes(self._window[self.output], phases, thorough=thorough)
        for number, (depth, phase) in enumerate(candidates):
            if number == len(phases) and best and min(place[0] for place in best.values()) <= _ROOMY * self._bank_words:
                break
            found = search.places(depth, phase)
            if found is None:
                continue
            lowest, top = found
            if depth not in best or lowest[0] < best[depth][0]:
                best[depth] = lowest
            if highest is None or top[1].base > highest[1].base:
                highest = top
        places = sorted(best.values(), key=lambda found: found[0])
        if self._waits:
            places = places[:1]
        for _, layout in places if highest is None else [*places, highest]:
            yield {**layouts, self.output: layout}

    def _all(
        self, layouts: dict[str, Layout], names: Sequence[str], thorough: bool, high: bool
    ) -> dict[str, Layout] | None:
        """All of `names` placed, each as low as possible, or as high if it is handed over and `high`; None if one finds no place."""
        for name in names:
            search = self._search(name, layouts)
            best: tuple[int, Layout] | None = None
            phases = self._phases(name, layouts)
            for depth, phase in shapes(self._window[name], phases, thorough=thorough):
                found = search.places(depth, phase)
                if found is None:
                    continue
                lowest, top = found
                if high and name in self._beside:
                    best = top if best is None else max(best, top, key=lambda place: place[0])
                elif best is None or lowest[0] < best[0]:
                    best = lowest
                    if best[0] <= _ROOMY * self._bank_words:
                        break
            if best is None:
                return None
            layouts = {**layouts, name: best[1]}
        return layouts
