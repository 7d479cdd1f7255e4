"""Cycles of every element by its name in `hwgen.hw.isa.elements`: what it adds to the way of what goes through it, and how long it is busy.

`passes` adds them up; where one element waits for another it runs their models (`hwgen.sim.elements`) in step.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hwgen.hw.array.collector import collector_latency
from hwgen.hw.array.pixel_ring import pixel_latency
from hwgen.hw.array.systolic import array_latency
from hwgen.hw.array.weight_memory import weight_latency
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import FeedMode, WindowOp
from hwgen.hw.isa.descriptor_fields import DescriptorFields
from hwgen.hw.isa.elements import Nothing
from hwgen.hw.window.cycles import window_latency
from hwgen.sim.elements.fetch import unit_count, unit_cycles
from hwgen.sim.elements.writer import segment_cost

Cycles = Callable[[CoreConfig, DescriptorFields], int]
"""Cycles of an element in a pass."""


class Way(enum.Enum):
    """A part of the way through the core on which elements stand one behind the other and nothing stalls."""

    PIXELS = "from the fetch to the pixel ring or the row writer"
    SUMS = "from a chunk's last step in the feeder to its first segment at the writer"


@dataclass(frozen=True)
class Timed:
    """An element's cycles.

    Attributes:
        way: that its latency is a part of, or why none is.
        latency: cycles from what goes in to what comes out; 0 in passes that do not go through it.
        busy: cycles that it works in a pass, or why that never matters.
        bound: what reports say of a pass for which it is the busiest.
    """

    way: Way | Nothing
    latency: Cycles
    busy: Cycles | Nothing
    bound: str = ""


def _none(config: CoreConfig, fields: DescriptorFields) -> int:
    return 0


def _array_latency(config: CoreConfig, fields: DescriptorFields) -> int:
    """The feeder waits for the slower of the pixel ring and the weight memory."""
    return max(pixel_latency(config), weight_latency(config)) + array_latency(config.k_steps)


def _array(config: CoreConfig, fields: DescriptorFields) -> int:
    """Steps, or moving the sums out."""
    array = fields.array
    return array.tiles * array.chunks * max(array.inner * array.outer, 2 * config.rows)


def _window_latency(config: CoreConfig, fields: DescriptorFields) -> int:
    shape = fields.fetch
    if shape.mode == FeedMode.TAP:
        return 0
    return window_latency(config, WindowOp(shape.op), FeedMode(shape.mode))


def _window(config: CoreConfig, fields: DescriptorFields) -> int:
    """Columns read for the window."""
    return 0 if fields.fetch.mode == FeedMode.TAP else unit_count(fields.fetch) * unit_cycles(fields.fetch)


def _fetch(config: CoreConfig, fields: DescriptorFields) -> int:
    """Words read for the pixel ring."""
    return unit_count(fields.fetch) * unit_cycles(fields.fetch) if fields.fetch.mode == FeedMode.TAP else 0


def _writer(config: CoreConfig, fields: DescriptorFields) -> int:
    array = fields.array
    pixels = (array.tiles - 1) * config.rows + array.last_pixels if array.tiles else 0
    missing = array.tiles * config.rows - pixels
    return array.chunks * (pixels * segment_cost(config.cols, bool(fields.writer.spread)) + missing)


def _row_writer(config: CoreConfig, fields: DescriptorFields) -> int:
    shape = fields.fetch
    if not through_row_writer(fields):
        return 0
    return unit_count(shape) * (1 if shape.mode == FeedMode.SUM else shape.groups * shape.out_w)


def through_row_writer(fields: DescriptorFields) -> bool:
    """Whether a pass ends behind the window, without the array."""
    return bool(fields.fetch.to_rows) or fields.fetch.mode == FeedMode.SUM


_MODEL = Nothing("waits for its neighbours: its model runs in step with theirs")
_KEEPS_UP = Nothing("takes what comes as fast as it comes")
_ASIDE = Nothing("not in a pass's cycles: `frame` has what it adds between passes")

TIMED: Mapping[str, Timed | Nothing] = MappingProxyType(
    {
        "array": Timed(Way.SUMS, _array_latency, _array, "compute"),
        "window": Timed(Way.PIXELS, _window_latency, _window, "window"),
        "fetch": Timed(_MODEL, _none, _fetch, "window"),
        "writer": Timed(_MODEL, _none, _writer, "output"),
        "row_writer": Timed(_MODEL, _none, _row_writer, "output"),
        "collector": Timed(Way.SUMS, lambda config, _: collector_latency(config), _KEEPS_UP),
        "pixel_ring": _MODEL,
        "operand": _MODEL,
        "combine": _MODEL,
        "tables": Nothing("a part of the requantisers' latency in window and collector"),
        "activation_memory": Nothing("its latency is a part of fetch and operand"),
        "weight_memory": Nothing("its latency is a part of the array's"),
        "sequencer": _ASIDE,
        "counters": Nothing("only count"),
        "dma": _ASIDE,
        "sdram": _ASIDE,
        "host": Nothing("not during a frame"),
    }
)
"""Every element's cycles, or why it has none of its own; of equally busy ones the first bounds a pass."""


def latency(way: Way, config: CoreConfig, fields: DescriptorFields) -> int:
    """Cycles that all elements on a part of the way add in a pass."""
    timed = [entry for entry in TIMED.values() if isinstance(entry, Timed) and entry.way == way]
    return sum(entry.latency(config, fields) for entry in timed)


def busy(config: CoreConfig, fields: DescriptorFields) -> dict[str, int]:
    """Cycles that every element works in a pass, those that ever bound one."""
    return {
        name: entry.busy(config, fields)
        for name, entry in TIMED.items()
        if isinstance(entry, Timed) and not isinstance(entry.busy, Nothing)
    }


def bound(elements: Mapping[str, int], cycles: int) -> str:
    """What a pass of so many cycles waits for: its busiest element, or "fill" where none is busy half of the time."""
    busiest = max(elements, key=lambda name: elements[name])
    entry = TIMED[busiest]
    assert isinstance(entry, Timed)
    return entry.bound if 2 * elements[busiest] >= cycles else "fill"
