"""How many words of memory a striped fusion group needs at its peak, whatever of what it reads and writes goes to the SDRAM."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from hwgen.compiler.lower.passes import LogicalPass, Lowered
from hwgen.compiler.tiling.lifetimes import lifetimes, peak_words, timetable
from hwgen.compiler.tiling.memory import window_rows
from hwgen.compiler.tiling.stripes import FusionGroup, build_steps
from hwgen.hw.isa.config import BANKS

_Family = tuple[str, tuple[int, ...] | None, tuple[tuple[int, ...], ...], bool, bool]
"""A tensor, the passes of the group that read it (None: it is neither read nor made), those that read each of its copies, and whether it is
handed over to the group and by it.  The words that the tensor and its copies take depend on nothing else: one that is stored for later
groups alone is no longer handed over, or stays to the end.
"""


class GroupPeaks:
    """Of one striping of a fusion group; what a tensor and its copies take is found out once for all networks in which it is the same.

    The stripes are the same for all of them: spills change the buffers that are read, not the rows.
    """

    def __init__(self, lowered: Lowered, fusion_group: FusionGroup) -> None:
        self._group = slice(fusion_group.first, fusion_group.past)
        self._passes = lowered.passes[self._group]
        self._steps = timetable(lowered, build_steps(lowered, [fusion_group], {}))
        self._known: dict[_Family, tuple[np.ndarray, int]] = {}

    def peak(self, lowered: Lowered, before: AbstractSet[str], after: AbstractSet[str]) -> int:
        """Words if nothing else is live but what the group reads and leaves.

        Args:
            lowered: the network, with any of its tensors spilled.
            before, after: buffers that are in memory before the group and behind it.
        """
        passes = lowered.passes[self._group]
        readers: dict[str, tuple[int, ...]] = {item.output.buffer: () for item in passes}
        for i, item in enumerate(passes):
            for view in item.views:
                readers[view.buffer] = (*readers.get(view.buffer, ()), i)
        families: dict[str, list[str]] = {}
        for name in readers:
            families.setdefault(lowered.buffers[name].source or name, []).append(name)
        keys: dict[_Family, list[str]] = {}
        for name, members in families.items():
            copies = tuple(sorted(readers[one] for one in members if one != name))
            keys[name, readers.get(name), copies, name in before, name in after] = members
        self._find(lowered, passes, {key: members for key, members in keys.items() if key not in self._known})
        words = np.sum([self._known[key][0] for key in keys], axis=0)
        slack = sum(self._known[key][1] for key in keys)
        besides = (before & after) - readers.keys()
        whole = sum(lowered.buffers[name].height * lowered.buffers[name].row_words for name in besides)
        return int(words.max()) + whole + slack // 2

    def _find(self, lowered: Lowered, passes: Sequence[LogicalPass], missing: dict[_Family, list[str]]) -> None:
        """Words in every step, int64 [steps], and words of row slots that stay empty, of families that are not known yet."""
        if not missing:
            return
        count = self._steps.past - self._steps.first
        steps = self._steps.of(dict(zip(self._passes, passes, strict=True)))
        lives = lifetimes(lowered, steps, [name for members in missing.values() for name in members])
        for key, members in missing.items():
            slack = 0
            for name in members:
                life, buffer = lives[name], lowered.buffers[name]
                if name == key[0]:
                    *_, before, after = key
                    if before:
                        life.start[:] = 0
                    if after:
                        life.end[life.end >= 0] = count - 1
                if (rows := window_rows(life)) < buffer.height:
                    slack += -rows % BANKS * buffer.row_words
            found = peak_words(lowered, count, {name: lives[name] for name in members})
            self._known[key] = found, slack
