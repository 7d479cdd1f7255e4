"""Everything at once in block RAM: where the weights and parameters of every pass lie when none of them is ever loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwgen.compiler.tiling.stripes import Step
from hwgen.compiler.weight_schedule.packing import parameter_head, window_entries
from hwgen.compiler.weight_schedule.schedule import StepLoads
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.descriptor import WindowOp


@dataclass(frozen=True)
class Needs:
    """Units in use of each memory: weight words, channels of parameters, subgroups of window parameters, tables of a lane."""

    weights: int
    parameters: int
    windows: int
    tables: int


def reside(steps: Sequence[Step], cols: int, lanes: int) -> tuple[list[StepLoads], Needs]:
    """Places of every step's weights and parameters, one behind the other; stripes of a pass share theirs."""
    weights, parameters, windows = _Shelf(), _Shelf(), _Shelf()
    tables = _Shelf(), _Shelf()
    places = []
    for step in steps:
        item = step.source
        bases = [0, 0, 0]
        if item.array_node is not None:
            chunks = ceil_div(step.channels, cols)
            key = (item.name, step.first_channel)
            bases[0] = weights.place(key, chunks * item.depth)
            head = parameter_head(step)
            bases[1] = parameters.place(key, head + chunks * cols) + head
        if item.window_node is not None and item.op != WindowOp.MAX:
            groups = window_entries(step, lanes)
            # The channel tiles of a global pool have equal parameters, those of a convolution the same.
            bases[2] = windows.place((item.name, groups), groups)
        numbers = [
            0 if table is None else shelf.place((table.table.tobytes().hex(), 0), 1)
            for shelf, table in zip(tables, (item.array_table, item.window_table), strict=True)
        ]
        places.append(StepLoads((), *bases, *numbers))
    return places, Needs(weights.used, parameters.used, windows.used, max(shelf.used for shelf in tables))


class _Shelf:
    """Items side by side, each once."""

    def __init__(self) -> None:
        self.used = 0
        self._places: dict[tuple[str, int], int] = {}

    def place(self, key: tuple[str, int], size: int) -> int:
        """First unit of an item."""
        if key not in self._places:
            self._places[key] = self.used
            self.used += size
        return self._places[key]
