"""Timing model: passes against a machine stepped cycle by cycle, the stream against one walked burst by burst, frames."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import replace

import pytest

from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.plan.result import Plan
from hwgen.hw.array.collector import collector_latency
from hwgen.hw.array.pixel_ring import ROW_DONE, pixel_latency
from hwgen.hw.array.systolic import array_latency
from hwgen.hw.array.weight_memory import weight_latency
from hwgen.hw.core import FETCH_START_DELAY
from hwgen.hw.fetch.fetch import START_DELAY, fetch_latency
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import FeedMode, WindowOp
from hwgen.hw.isa.descriptor_fields import (
    ArrayFields,
    CombineFields,
    DescriptorFields,
    FetchFields,
    OperandFields,
    PixelRingFields,
    RowPointerFields,
    WriterFields,
)
from hwgen.hw.isa.packets import PacketKind
from hwgen.hw.memory.activation_memory import ActivationMemory
from hwgen.hw.memory.clock_ratio import ClockRatio
from hwgen.hw.memory.sdram_config import SdramConfig
from hwgen.hw.output.combine import combine_cycles, combine_latency
from hwgen.hw.window.cycles import window_latency
from hwgen.hw.window.parameters import WindowParameters
from hwgen.reports.plan import plan_text
from hwgen.sim.elements.writer import REQUEST_DELAY
from hwgen.sim.timing.frame import predict
from hwgen.sim.timing.passes import CoreDelays, pass_timing
from hwgen.sim.timing.sdram import SdramTiming
from hwgen.sim.timing.stream import StreamTiming
from tests.support.int8_networks import load_network
from tests.support.small_board import SmallBoard
from tests.support.stepped_operand import SteppedOperand

SDRAM = SdramConfig(100_000_000, pad_registers=2)
CONFIGS = [
    CoreConfig(rows=7, cols=cols, segment_fifo=21, ring_depth=512, combine_lanes=lanes)
    for cols, lanes in ((4, 1), (12, 4))
]


def descriptor(rng: random.Random, config: CoreConfig) -> DescriptorFields:
    """A random pass through the array."""
    out_w, out_rows = rng.randrange(1, 20), rng.randrange(1, 9)
    window = rng.random() < 0.5
    groups = rng.randrange(1, 6)
    words = ceil_div(groups, 2) if window else groups
    pixels = out_w * out_rows
    tiles = ceil_div(pixels, config.rows)
    least = ceil_div(out_w + config.rows - 1, config.rows)
    slots = rng.choice([least, least + 1, config.ring_depth // words])
    combine, merge = rng.choice([(0, 0), (0, 1), (1, 0), (2, 0)])
    return DescriptorFields(
        fetch=FetchFields(
            mode=FeedMode.WINDOW if window else FeedMode.TAP,
            op=WindowOp.MAC,
            kernel_h=3 if window else 1,
            kernel_w=3 if window else 1,
            stride_y=1,
            stride_x=1,
            columns=out_w + 2,
            groups=groups,
            out_rows=out_rows,
            out_w=out_w,
        ),
        pixel_ring=PixelRingFields(ring_pixels=slots * config.rows),
        array=ArrayFields(
            tiles=tiles,
            last_pixels=pixels - (tiles - 1) * config.rows,
            chunks=rng.randrange(1, 5),
            inner=rng.choice([1, 2, 7, 24, 60]),
            outer=1,
        ),
        writer=WriterFields(
            spread=0 if combine else merge | rng.randrange(2),
            merge=merge,
            output=RowPointerFields(slot=rng.randrange(8)),
        ),
        operand=OperandFields(operand=RowPointerFields(slot=rng.randrange(8))),
        combine=CombineFields(combine=combine),
    )


def stepped(d: DescriptorFields, config: CoreConfig, delays: CoreDelays) -> int:
    """Cycle of `done`, by a machine whose elements look at each other every cycle."""
    rows, chunks, steps = config.rows, d.array.chunks, d.array.inner
    window = d.fetch.mode == FeedMode.WINDOW
    per_group = max(d.fetch.columns, 9) if window else d.fetch.out_w
    row_cycles = max(d.fetch.groups * per_group, 0 if window else d.fetch.stride_y + 2)
    row_beats = (d.fetch.groups - 1) * per_group + (d.fetch.columns if window else d.fetch.out_w)
    to_writer = (
        max(pixel_latency(config), weight_latency(config)) + array_latency(config.k_steps) + collector_latency(config)
    )
    late = fetch_latency(delays.read_latency) + (window_latency(config, WindowOp.MAC) if window else 0) + ROW_DONE
    cost = {(4, 0): 1, (4, 1): 1, (12, 0): 2, (12, 1): 3}[config.cols, d.writer.spread]
    room, rows_begun, next_row = d.pixel_ring.ring_pixels, 0, FETCH_START_DELAY + START_DELAY
    row_done: deque[int] = deque()
    tile_free: deque[int] = deque()
    segments: deque[int] = deque()
    returned: deque[int] = deque()
    pixels_ready = rows_ready = tile = chunk = step = 0
    credit = config.segment_fifo
    last_end = tile_begun = -1000
    taken, writer_free, total = 0, 0, d.array.tiles * chunks * rows
    # Through the combine element, if it takes part: what it has taken comes to the writer later.
    combined: deque[int] = deque()
    combine_free = combine_taken = 0
    operand = (
        SteppedOperand(d, rows, config.cols, delays.port_b_latency) if d.combine.combine or d.writer.merge else None
    )
    cycle = 0

    def real(segment: int) -> bool:
        return segment // (rows * chunks) < d.array.tiles - 1 or segment % rows < d.array.last_pixels

    while True:
        while tile_free and tile_free[0] < cycle:
            tile_free.popleft()
            room += rows
        if rows_begun < d.fetch.out_rows and cycle >= next_row and room >= d.fetch.out_w:
            room -= d.fetch.out_w
            rows_begun += 1
            next_row = cycle + row_cycles
            row_done.append(cycle + row_beats - 1 + late)
        while row_done and row_done[0] + 2 < cycle:  # the feeder looks at registers
            row_done.popleft()
            pixels_ready += d.fetch.out_w
            rows_ready += 1
        while returned and returned[0] + 1 < cycle:
            returned.popleft()
            credit += 1
        if tile < d.array.tiles and cycle > 0:
            complete = pixels_ready >= rows or rows_ready == d.fetch.out_rows
            begin = step > 0 or chunk > 0 or (complete and cycle > tile_begun + 3)
            end = step < steps - 1 or (cycle >= last_end + 2 * rows and credit >= rows)
            if begin and end:
                if step == 0 and chunk == 0:
                    pixels_ready -= rows
                    tile_begun = cycle
                step += 1
                if step == steps:
                    step, last_end, credit = 0, cycle, credit - rows
                    segments.extend(cycle + to_writer + 2 * r for r in range(rows))
                    chunk += 1
                    if chunk == chunks:
                        chunk, tile = 0, tile + 1
                        tile_free.append(cycle + delays.read_delay + rows)
        if operand:
            operand.look(cycle)
        ready = not operand or operand.valid or not real(combine_taken if d.combine.combine else taken)
        if d.combine.combine and segments and segments[0] <= cycle and cycle >= combine_free and ready:
            segments.popleft()
            if operand and real(combine_taken):
                operand.take()
            combine_taken += 1
            returned.append(cycle + 1)
            combine_free = cycle + combine_cycles(config)
            combined.append(cycle + combine_latency(config))
        arrived = combined if d.combine.combine else segments
        if arrived and arrived[0] <= cycle and cycle >= writer_free and (d.combine.combine or ready):
            arrived.popleft()
            if not d.combine.combine:
                returned.append(cycle + 1)
            writer_free = cycle + (cost if real(taken) else 1)
            if operand and real(taken):
                operand.write(cycle, taken // (rows * chunks) * rows + taken % rows, cost)
                if d.writer.merge:
                    operand.take()
            taken += 1
            if taken == total:
                return writer_free - 1 + REQUEST_DELAY + ActivationMemory.WRITE_TO_READ
        if operand:
            operand.advance(cycle)
        cycle += 1


@pytest.mark.parametrize("seed", range(80))
def test_pass_equals_a_stepped_machine(seed: int) -> None:
    rng = random.Random(seed)
    config = CONFIGS[seed % 2]
    d = descriptor(rng, config)
    delays = CoreDelays.of(config)
    timing = pass_timing(d, delays)
    assert timing.cycles == stepped(d, config, delays), d
    assert max(timing.busy.values()) <= timing.cycles


def test_window_never_waits_for_its_first_parameters() -> None:
    delays = CoreDelays.of(CONFIGS[0])
    first = FETCH_START_DELAY + START_DELAY + fetch_latency(delays.read_latency)
    assert first >= WindowParameters.PERIOD


class Slow(StreamTiming):
    """Every burst by itself."""

    def _together(self, count: int, gate: int) -> bool:
        return False


class Buffered(StreamTiming):
    """As if the FIFO never ran empty."""

    @property
    def _caught_up(self) -> bool:
        return False


@pytest.mark.parametrize("clock_mhz", [50, 100, 133])
def test_runs_of_bursts_equal_single_ones(clock_mhz: int) -> None:
    rng = random.Random(clock_mhz)
    sdram = SdramConfig(clock_mhz * 1_000_000, pad_registers=2)
    ways = [kind(SdramTiming(sdram), 1) for kind in (StreamTiming, Buffered, Slow)]
    for _ in range(500):
        size = rng.choice([5, 40, 3 * 112, 6 * 232, 6000, rng.randrange(1, 9000)])
        gate = 0 if rng.random() < 0.7 else ways[0].used + rng.randrange(3000)
        stored = rng.randrange(1, 200) if rng.random() < 0.2 else 0
        assert len({way.packet(size, gate) for way in ways}) == 1
        assert not stored or len({way.store(1 << 21, stored, 9) for way in ways}) == 1


@pytest.fixture(scope="module")
def small() -> Plan:
    graph = load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=64, classes=20))
    return plan(legalise(graph), SmallBoard(64, 108), lambda program: predict(program, SDRAM))


def test_passes_do_not_overlap_and_wait_for_their_descriptors(small: Plan) -> None:
    timing = predict(small.program, SDRAM)
    for before, after in zip(timing.passes, timing.passes[1:], strict=False):
        assert after.start >= before.done + 3 + after.wait - 43
        assert after.start >= before.done + 3
    assert timing.cycles == timing.passes[-1].done
    assert timing.fps == pytest.approx(100e6 / timing.cycles)


def test_frame_is_at_least_the_stream_and_the_passes(small: Plan) -> None:
    timing = predict(small.program, SDRAM)
    halfwords = sum(packet.units * packet.halfwords + 4 for packet in small.program.packets)
    assert timing.stream_done >= halfwords
    assert timing.cycles >= max(timing.stream_done, sum(entry.cycles for entry in timing.passes))
    waits = [entry for entry in timing.passes if entry.bound == "weights"]
    assert waits and all(entry.wait > entry.cycles for entry in waits)


def test_a_faster_memory_shortens_the_waits_and_nothing_else(small: Plan) -> None:
    same = predict(small.program, SDRAM)
    beside = predict(small.program, replace(SDRAM, clock_hz=133_333_333, ratio=ClockRatio(3, 4)))
    assert (same.clock_hz, same.memory_hz) == (100_000_000, 100_000_000)
    assert (beside.clock_hz, beside.memory_hz) == (100_000_000, 133_333_333)
    assert [entry.cycles for entry in beside.passes] == [entry.cycles for entry in same.passes]
    assert 0.74 * same.stream_done < beside.stream_done < 0.9 * same.stream_done
    assert beside.cycles < same.cycles
    assert "133.333 MHz" in plan_text(replace(small, timing=beside)) and "clock of the SDRAM" not in plan_text(small)


def test_a_packet_waits_for_its_pass(small: Plan) -> None:
    """No weights are used before the pass whose place they take is done: the stream is never ahead of its waits."""
    timing = predict(small.program, SDRAM)
    dones = [entry.done for entry in timing.passes]
    latest = 0
    for packet in small.program.packets:
        latest = max(latest, dones[packet.wait - 1] if packet.wait else 0)
        if packet.kind == PacketKind.DESCRIPTOR:
            assert timing.passes[packet.step].start > latest
