"""Exact cycles of one pass: the element models run in step with each other.

A pass depends on its descriptor alone.  The fetch waits for room in the pixel ring, the feeder for pixels and for room
behind the array, the writer for segments; each wait is resolved from the cycles of the element it waits for.
"""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.hw.array.collector import collector_latency
from hwgen.hw.array.pixel_ring import ROW_DONE, pixel_latency
from hwgen.hw.array.systolic import SystolicArray
from hwgen.hw.array.weight_memory import weight_latency
from hwgen.hw.core import FETCH_START_DELAY
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import FeedMode, WindowOp
from hwgen.hw.isa.descriptor_fields import DescriptorFields
from hwgen.hw.memory.activation_memory import ActivationMemory, port_b_latency, read_latency
from hwgen.hw.window.window import window_latency
from hwgen.sim.elements.feeder import FeederModel
from hwgen.sim.elements.fetch import FetchModel, unit_count, unit_cycles
from hwgen.sim.elements.output import segment_way
from hwgen.sim.elements.row_writer import REQUEST_DELAY as ROW_REQUEST_DELAY
from hwgen.sim.elements.writer import done_cycle, segment_cost


@dataclass(frozen=True)
class PassTiming:
    """Cycles of a pass and how busy its elements are.

    Attributes:
        cycles: from `start` to `done`.
        compute: cycles that the array needs for its steps and for moving out its sums.
        window: cycles that the window reads columns.
        fetch: cycles that the fetch reads words for the pixel ring.
        output: cycles that the writer or row writer writes.
    """

    cycles: int
    compute: int
    window: int
    fetch: int
    output: int

    @property
    def bound(self) -> str:
        """What the pass waits for: the busiest element, or "fill" where none is busy half of the time."""
        loads = {"compute": self.compute, "window": max(self.window, self.fetch), "output": self.output}
        busiest = max(loads, key=lambda name: loads[name])
        return busiest if 2 * loads[busiest] >= self.cycles else "fill"


@dataclass(frozen=True)
class CoreDelays:
    """Latencies of a core's elements, from their own properties."""

    config: CoreConfig
    read_latency: int
    port_b_latency: int
    read_delay: int
    segment: int

    @classmethod
    def of(cls, config: CoreConfig) -> CoreDelays:
        """Delays of a core: `segment` from a chunk's last step to its first segment at the writer."""
        pixels, weights = pixel_latency(config), weight_latency(config)
        feeder = max(pixels, weights)
        return cls(
            config,
            read_latency(config.activation_depth),
            port_b_latency(config.activation_depth),
            feeder - pixels,
            feeder + SystolicArray.LATENCY + collector_latency(config),
        )


def pass_timing(fields: DescriptorFields, delays: CoreDelays) -> PassTiming:
    """Cycles of the pass with these descriptor fields."""
    shape = fields.fetch
    units = unit_count(shape)
    busy = units * unit_cycles(shape)
    tap = shape.mode == FeedMode.TAP
    fetch = FetchModel(fields, delays.config.rows, delays.read_latency, start=FETCH_START_DELAY)
    if shape.to_rows or shape.mode == FeedMode.SUM:
        for _ in range(units):
            _, last = fetch.next_unit(())
        result = last + window_latency(delays.config, WindowOp(shape.op), FeedMode(shape.mode))
        done = result + ROW_REQUEST_DELAY + ActivationMemory.WRITE_TO_READ
        beats = units * (1 if shape.mode == FeedMode.SUM else shape.groups * shape.out_w)
        return PassTiming(done, 0, busy, 0, beats)
    return _through_array(fields, delays, fetch, 0 if tap else busy, busy if tap else 0)


def _through_array(
    fields: DescriptorFields, delays: CoreDelays, fetch: FetchModel, window: int, words: int
) -> PassTiming:
    config, shape, array = delays.config, fields.fetch, fields.array
    rows, chunks, tiles = config.rows, array.chunks, array.tiles
    to_ring = ROW_DONE
    if shape.mode == FeedMode.WINDOW:
        to_ring += window_latency(config, WindowOp(shape.op))
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
    cost = segment_cost(config.cols, bool(fields.writer.spread))
    output = 0
    for tile in range(tiles):
        while len(row_done) < feeder.rows_needed(tile):
            row_done.append(fetch.next_unit(tile_free)[1] + to_ring)
        pixels = array.last_pixels if tile == tiles - 1 else rows
        for _ in range(chunks):
            _, last = feeder.next_chunk(row_done, taken)
            way.take(taken, last + delays.segment, pixels)
        output += chunks * (pixels * cost + rows - pixels)
        tile_free.append(feeder.tile_free(tile, delays.read_delay))
    last_cost = cost if array.last_pixels == rows else 1
    done = done_cycle(way.last_written, last_cost, ActivationMemory.WRITE_TO_READ)
    compute = tiles * chunks * max(feeder.steps, 2 * rows)
    return PassTiming(done, compute, window, words, output)
