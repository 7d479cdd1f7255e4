"""Exact cycles of one pass: the element models run in step with each other.

A pass depends on its descriptor alone.  The fetch waits for room in the pixel ring, the feeder for pixels and for room
behind the array, the writer for segments; each wait is resolved from the cycles of the element it waits for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hwgen.hw.array.pixel_ring import ROW_DONE, pixel_latency
from hwgen.hw.array.weight_memory import weight_latency
from hwgen.hw.core import FETCH_START_DELAY
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor_fields import DescriptorFields
from hwgen.hw.memory.activation_memory import ActivationMemory, port_b_latency, read_latency
from hwgen.sim.elements.feeder import FeederModel
from hwgen.sim.elements.fetch import FetchModel, unit_count
from hwgen.sim.elements.output import segment_way
from hwgen.sim.elements.row_writer import REQUEST_DELAY as ROW_REQUEST_DELAY
from hwgen.sim.elements.writer import done_cycle, segment_cost
from hwgen.sim.timing import elements
from hwgen.sim.timing.elements import Way


@dataclass(frozen=True)
class PassTiming:
    """Cycles of a pass and how busy its elements are.

    Attributes:
        cycles: from `start` to `done`.
        busy: cycles that its elements work, by name.
    """

    cycles: int
    busy: Mapping[str, int]

    @property
    def bound(self) -> str:
        """What the pass waits for: the busiest element, or "fill" where none is busy half of the time."""
        return elements.bound(self.busy, self.cycles)


@dataclass(frozen=True)
class CoreDelays:
    """Latencies of a core's elements, from their own properties."""

    config: CoreConfig
    read_latency: int
    port_b_latency: int
    read_delay: int

    @classmethod
    def of(cls, config: CoreConfig) -> CoreDelays:
        """Delays of a core; `read_delay`: so much later than the pixel ring could read the feeder wants its words."""
        pixels, weights = pixel_latency(config), weight_latency(config)
        return cls(
            config,
            read_latency(config.activation_depth),
            port_b_latency(config.activation_depth),
            max(pixels, weights) - pixels,
        )


def pass_timing(fields: DescriptorFields, delays: CoreDelays) -> PassTiming:
    """Cycles of the pass with these descriptor fields."""
    config = delays.config
    fetch = FetchModel(fields, config.rows, delays.read_latency, start=FETCH_START_DELAY)
    if elements.through_row_writer(fields):
        for _ in range(unit_count(fields.fetch)):
            _, last = fetch.next_unit(())
        result = last + elements.latency(Way.PIXELS, config, fields)
        done = result + ROW_REQUEST_DELAY + ActivationMemory.WRITE_TO_READ
    else:
        done = _through_array(fields, delays, fetch)
    return PassTiming(done, elements.busy(config, fields))


def _through_array(fields: DescriptorFields, delays: CoreDelays, fetch: FetchModel) -> int:
    """Cycle of `done`."""
    config, shape, array = delays.config, fields.fetch, fields.array
    rows, chunks, tiles = config.rows, array.chunks, array.tiles
    to_ring = ROW_DONE + elements.latency(Way.PIXELS, config, fields)
    to_writer = elements.latency(Way.SUMS, config, fields)
    feeder = FeederModel(
        rows=rows,
        segment_fifo=config.segment_fifo,
        steps=array.inner * array.outer,
        chunks=chunks,
        tiles=tiles,
        out_rows=shape.out_rows,
        out_w=shape.out_w,
    )
    way = segment_way(fields, config, delays.port_b_latency)
    row_done: list[int] = []
    tile_free: list[int] = []
    taken: list[int] = []  # of `segment_taken`: the cycle after a segment was taken
    for tile in range(tiles):
        while len(row_done) < feeder.rows_needed(tile):
            row_done.append(fetch.next_unit(tile_free)[1] + to_ring)
        pixels = array.last_pixels if tile == tiles - 1 else rows
        for _ in range(chunks):
            _, last = feeder.next_chunk(row_done, taken)
            way.take(taken, last + to_writer, pixels)
        tile_free.append(feeder.tile_free(tile, delays.read_delay))
    cost = segment_cost(config.cols, bool(fields.writer.spread))
    last_cost = cost if array.last_pixels == rows else 1
    return done_cycle(way.last_written, last_cost, ActivationMemory.WRITE_TO_READ)
