"""When weights and parameters are loaded, and where: circular memories, overwritten as soon as nobody needs them.

Every step needs up to three *items*: weight words, lane parameters, window parameters.  Items are placed one behind the other in
their memory.  An item stays until another one is laid over it, so the stripes of a fusion group share it if the memory is large enough;
else it is loaded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hwgen.compiler.int8.nodes import QTable
from hwgen.compiler.tiling.stripes import Step
from hwgen.compiler.weight_schedule.packing import parameter_head, window_entries
from hwgen.errors import ResourceError
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WINDOW_WORDS, CoreConfig
from hwgen.hw.isa.descriptor import FeedMode, WindowOp
from hwgen.hw.isa.memories import TABLE_WORDS
from hwgen.hw.isa.packets import PacketKind


@dataclass(frozen=True)
class Load:
    """A packet: units `first .. first + count - 1` of an item go to `address`, not before `wait` passes are done."""

    kind: PacketKind
    step: int
    first: int
    count: int
    address: int
    wait: int


@dataclass(frozen=True)
class StepLoads:
    """What is loaded before a step, and where the step finds its weights and parameters.

    Attributes:
        loads: packets, in order.
        weight_base: word; parameter_base: channel; window_base: subgroup.
        array_table, window_table: numbers of resident tables.
    """

    loads: tuple[Load, ...]
    weight_base: int
    parameter_base: int
    window_base: int
    array_table: int = 0
    window_table: int = 0


@dataclass
class _Item:
    key: tuple[str, int]
    base: int
    size: int
    last_use: int
    order: int  # units laid down before it


@dataclass
class _Circle:
    """A memory of `depth` units that is filled in a circle; `wraps`: an item may go on at 0 behind the end."""

    kind: PacketKind
    label: str
    depth: int
    wraps: bool
    head: int = 0
    total: int = 0
    items: list[_Item] = field(default_factory=list)
    whole: dict[tuple[str, int], _Item] = field(default_factory=dict)  # those that nothing has been laid over

    def take(self, key: tuple[str, int], size: int, loaded: int, step: Step) -> tuple[int, list[Load]]:
        """(base, packets) of an item of `size` units, `loaded` of which have content."""
        if known := self.whole.get(key):
            known.last_use = step.index
            return known.base, []
        if size > self.depth:
            raise ResourceError(
                f"{step.name}: {size} {self.label} are needed at once and the memory holds {self.depth}, {size - self.depth} short; "
                "use a part with more block RAM"
            )
        if not self.wraps and self.head + size > self.depth:
            self.total += self.depth - self.head
            self.head = 0
        base = self.head
        self.head = (base + size) % self.depth
        loads = [
            Load(self.kind, step.index, first, past - first, (base + first) % self.depth, wait)
            for first, past, wait in self._runs(base, loaded)
        ]
        # What lies more than two rounds back is buried.
        oldest = self.total - 2 * self.depth
        for item in [*self.whole.values()]:
            if item.order < oldest or self._overlaps(item, base, size):
                del self.whole[item.key]
        self.items = [item for item in self.items if item.order >= oldest]
        self.whole[key] = _Item(key, base, size, step.index, self.total)
        self.items.append(self.whole[key])
        self.total += size
        return base, loads

    def _overlaps(self, item: _Item, base: int, size: int) -> bool:
        return (base - item.base) % self.depth < item.size or (item.base - base) % self.depth < size

    def _runs(self, base: int, size: int) -> list[tuple[int, int, int]]:
        """(first, past, wait): parts that wait for the same pass, cut where the memory ends.

        Waits never fall from one part to the next: packets are in order anyway.
        """
        edges = {0, size}
        below = [item for item in self.items if self._overlaps(item, base, size)]
        for item in below:
            for edge in (item.base, item.base + item.size):
                offset = (edge - base) % self.depth
                if offset < size:
                    edges.add(offset)
        if base + size > self.depth:
            edges.add(self.depth - base)
        points = sorted(edges)
        runs: list[tuple[int, int, int]] = []
        for first, past in zip(points, points[1:], strict=False):
            place = (base + first) % self.depth
            wait = max(
                (item.last_use + 1 for item in below if (place - item.base) % self.depth < item.size),
                default=0,
            )
            wrap = place == 0 and first > 0
            if runs and not wrap and wait <= runs[-1][2]:
                runs[-1] = (runs[-1][0], past, runs[-1][2])
            else:
                runs.append((first, past, wait))
        return runs


@dataclass
class _TablePlace:
    """The table of the array or of the window: one at a time."""

    address: int
    content: bytes = b""
    last_use: int = -1

    def take(self, table: QTable | None, step: Step) -> list[Load]:
        """The packet that a step needs for its table, if another one is there."""
        if table is None:
            return []
        content, wait = table.table.tobytes(), self.last_use + 1
        known, self.content, self.last_use = content == self.content, content, step.index
        return [] if known else [Load(PacketKind.TABLE, step.index, 0, 1, self.address, wait)]


def schedule(steps: Sequence[Step], config: CoreConfig) -> list[StepLoads]:
    """Packets and bases of every step.

    Raises:
        ResourceError: the weights or parameters of one step do not fit their memory.
    """
    weights = _Circle(PacketKind.WEIGHTS, "weight words", config.weight_depth, wraps=True)
    parameters = _Circle(PacketKind.PARAMETERS, "channels of parameters", config.parameter_depth, wraps=False)
    windows = _Circle(
        PacketKind.WINDOW, "subgroups of window parameters", config.window_depth // WINDOW_WORDS, wraps=False
    )
    tables = [_TablePlace(0), _TablePlace(TABLE_WORDS)]
    result = []
    for step in steps:
        loads: list[Load] = []
        bases = [0, 0, 0]
        item = step.source
        if item.window_node is not None and item.op != WindowOp.MAX:
            groups = window_entries(step, config.window_lanes)
            # The channel tiles of a global pool have equal parameters, those of a convolution the same.
            part = groups if item.mode == FeedMode.SUM else 0
            bases[2], packets = windows.take((item.name, part), groups, groups, step)
            loads += packets
        if item.array_node is not None:
            chunks = ceil_div(step.channels, config.cols)
            key = (item.name, step.first_channel)
            head = parameter_head(step)
            bases[1], packets = parameters.take(key, head + chunks * config.cols, head + step.channels, step)
            bases[1] += head
            loads += packets
            size = chunks * item.depth
            bases[0], packets = weights.take(key, size, size, step)
            loads += packets
        for place, table in zip(tables, (item.array_table, item.window_table), strict=True):
            loads += place.take(table, step)  # last: what it waits for holds up everything behind it
        result.append(StepLoads(tuple(loads), bases[0], bases[1], bases[2]))
    return result


def streamed_bytes(loads: Sequence[StepLoads], config: CoreConfig) -> int:
    """Bytes of weights that a frame loads, those that are loaded again included."""
    return sum(
        load.count * config.weight_bytes for step in loads for load in step.loads if load.kind == PacketKind.WEIGHTS
    )
