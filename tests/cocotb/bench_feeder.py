"""cocotb tests for `tests/hw/array/test_feeder.py`: every output in every cycle, against the closed form."""

from __future__ import annotations

import random as _random
from dataclasses import dataclass
from typing import Any

import cocotb

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.descriptor import FeedMode
from hwgen.sim.elements.feeder import PIXELS_DELAY, ROOM_DELAY, TILE_GAP, FeederModel
from hwgen.sim.harness.streams import Pattern, every, never, random
from tests.support.passes import Pass, bench_config, bench_number, packed_descriptor

CONFIG = bench_config()
ROWS = CONFIG.rows
RING_LATENCY, WEIGHT_LATENCY = bench_number("RING_LATENCY"), bench_number("WEIGHT_LATENCY")
LATENCY = max(RING_LATENCY, WEIGHT_LATENCY)
READ_DELAY, WEIGHT_DELAY = LATENCY - RING_LATENCY, LATENCY - WEIGHT_LATENCY
ARRAY_DELAY = 9
"""Cycles from a last step to its first segment in the bench's collector."""


@dataclass(frozen=True)
class Shape:
    """A pass."""

    out_rows: int
    out_w: int
    chunks: int
    inner: int
    outer: int = 1
    outer_stride: int = 0
    first_byte: int = 0
    ring_words: int = 1
    ring_slots: int = 2
    weight_base: int = 0

    @property
    def tiles(self) -> int:
        return ceil_div(self.out_rows * self.out_w, ROWS)

    def descriptor(self) -> int:
        return packed_descriptor(
            mode=FeedMode.WINDOW,
            out_rows=self.out_rows,
            out_w=self.out_w,
            ring_words=self.ring_words,
            ring_slots=self.ring_slots,
            ring_pixels=self.ring_slots * ROWS,
            tiles=self.tiles,
            last_pixels=self.out_rows * self.out_w - (self.tiles - 1) * ROWS,
            chunks=self.chunks,
            first_byte=self.first_byte,
            inner=self.inner,
            outer=self.outer,
            outer_stride=self.outer_stride,
            weight_base=self.weight_base,
        )

    def steps(self) -> list[tuple[int, int, bool, bool]]:
        """(byte address, weight address, first, last) of every step of the pass."""
        k_steps = [(o, i) for o in range(self.outer) for i in range(self.inner)]
        found = []
        for tile in range(self.tiles):
            base = 8 * self.ring_words * (tile % self.ring_slots) + self.first_byte
            for chunk in range(self.chunks):
                for k, (o, i) in enumerate(k_steps):
                    weight = self.weight_base + chunk * len(k_steps) + k
                    found.append((base + o * self.outer_stride + i, weight, k == 0, k == len(k_steps) - 1))
        return found


SHAPES = [
    Shape(1, 1, 1, 1),
    Shape(1, 1, 3, 1, first_byte=5),
    Shape(3, ROWS, 2, 2, ring_slots=1),
    Shape(4, ROWS + 1, 1, 2, ring_words=2, ring_slots=3, weight_base=17),
    Shape(2, 3 * ROWS + 1, 5, 1),
    Shape(5, 2, 1, 1),
    Shape(6, 1, 2, 2 * ROWS - 1, ring_words=4, ring_slots=2),
    Shape(2, 2 * ROWS, 3, 2 * ROWS, ring_words=4, first_byte=3),
    Shape(2, 2 * ROWS, 2, 1, outer=7, outer_stride=8, ring_words=8, weight_base=3),
    Shape(3, ROWS - 1, 3, 3, outer=3, outer_stride=7, first_byte=2, ring_words=4, ring_slots=4),
    Shape(1, 2 * ROWS + 1, 2, 2 * ROWS + 1, outer=2, outer_stride=40, ring_words=12, weight_base=5),
    Shape(7, 5, 4, 20, ring_words=3, ring_slots=5),
]
"""Chunks shorter and longer than the array's drain time, one pixel, one column, partial last tiles."""


def statuses(dut: Any) -> list[Any]:
    """What the feeder says about the cycle before, `working` last."""
    return [dut.issuing, dut.waiting_pixels, dut.waiting_room, dut.waiting_chains, dut.working]


async def one_pass(dut: Any, shape: Shape, rows: Pattern, takes: Pattern, first: bool) -> None:
    """Output rows get done with the pattern `rows` (a burst if it never idles), segments are taken with the pattern `takes`."""
    step = Pass(dut, shape.descriptor())
    await step.begin(first)
    idle_rows, idle_takes = rows(), takes()
    row_done: list[int] = []
    taken: list[int] = []
    segments: list[int] = []  # cycles in which the collector gets them
    total = shape.tiles * shape.chunks * ROWS
    seen: list[tuple[int, ...]] = []
    controls: list[tuple[int, int, int]] = []
    frees: list[int] = []
    chunk_starts: list[int] = []
    status: list[tuple[int, ...]] = []
    end = None
    while end is None or step.cycle < end:
        row = int(step.cycle >= 2 and len(row_done) < shape.out_rows and not next(idle_rows))
        if row:
            row_done.append(step.cycle)
        take = int(len(taken) < len(segments) and segments[len(taken)] <= step.cycle and not next(idle_takes))
        if take:
            taken.append(step.cycle)
            if len(taken) == total:
                end = step.cycle + LATENCY + 2 * ROWS + 4
        dut.row_done.value, dut.segment_taken.value = row, take
        await step.settle()
        seen.append((int(dut.read_addr.value), int(dut.weight_addr.value)))
        control = int(dut.ctl.value)
        if control & 1:
            controls.append((step.cycle, control >> 1 & 1, control >> 2))
            if control >> 2:
                segments += [step.cycle + ARRAY_DELAY + 2 * r for r in range(ROWS)]
        if int(dut.tile_free.value):
            frees.append(step.cycle)
        if int(dut.chunk_start.value):
            chunk_starts.append(step.cycle)
        status.append(tuple(int(signal.value) for signal in statuses(dut)))
        assert len(segments) - len(taken) <= CONFIG.segment_fifo + ARRAY_DELAY * ROWS, "too many segments under way"
        assert step.cycle < 100_000, "the pass does not end"
        await step.next()
    compare(shape, row_done, taken, seen, controls, frees, chunk_starts, status)


def compare(
    shape: Shape,
    row_done: list[int],
    taken: list[int],
    seen: list[tuple[int, ...]],
    controls: list[tuple[int, int, int]],
    frees: list[int],
    chunk_starts: list[int],
    status: list[tuple[int, ...]],
) -> None:
    """What was seen against the model, which gets only the cycles of the inputs."""
    k = shape.inner * shape.outer
    model = FeederModel(
        rows=ROWS,
        segment_fifo=CONFIG.segment_fifo,
        steps=k,
        chunks=shape.chunks,
        tiles=shape.tiles,
        out_rows=shape.out_rows,
        out_w=shape.out_w,
    )
    cycles: list[int] = []
    for _ in range(shape.tiles * shape.chunks):
        begin, last = model.next_chunk(row_done, taken)
        cycles += [*range(begin, begin + k - 1), last]
    steps = shape.steps()
    assert len(steps) == len(cycles)
    assert controls == [(t + LATENCY, int(a), int(b)) for t, (_, _, a, b) in zip(cycles, steps, strict=True)]
    for t, (address, weight, _, _) in zip(cycles, steps, strict=True):
        assert seen[t + READ_DELAY][0] == address, (
            f"step in cycle {t}: address {seen[t + READ_DELAY][0]}, not {address}"
        )
        assert seen[t + WEIGHT_DELAY][1] == weight, (
            f"step in cycle {t}: weight {seen[t + WEIGHT_DELAY][1]}, not {weight}"
        )
    assert frees == [model.tile_free(tile, READ_DELAY) for tile in range(shape.tiles)]
    assert chunk_starts == model.chunk_starts()
    assert all(b - a >= 2 * ROWS for a, b in zip(chunk_starts, chunk_starts[1:], strict=False))
    # Credit: a last step finds room for its R segments in the FIFO, counted at its cycle.
    for index, last in enumerate(model.last):
        under_way = index * ROWS - sum(cycle < last for cycle in taken)
        assert under_way + ROWS <= CONFIG.segment_fifo
    issued = set(cycles)
    begins = {begin: index for index, begin in enumerate(model.first) if index % shape.chunks == 0}
    for t, (issuing, *waiting, working) in enumerate(status[1:]):
        assert issuing == (t in issued)
        assert issuing + sum(waiting) == working == (1 <= t <= cycles[-1])
    for begin, index in begins.items():
        previous = model.last[index - 1] if index else 0
        ready = row_done[model.rows_needed(index // shape.chunks) - 1] + PIXELS_DELAY
        if index:
            ready = max(ready, model.first[index - shape.chunks] + TILE_GAP)
        waited = sum(status[t + 1][1] for t in range(previous + 1, begin))
        assert waited == max(0, ready - previous - 1)
    for index, last in enumerate(model.last):
        before = model.last[index - 1] if index else 0
        needed = model.segments_needed(index)
        # The last step's cycle but for chains and room.
        ends = model.first[index] + k - 1 if k > 1 else begins_at(model, row_done, index, before)
        assert sum(status[t + 1][3] for t in range(before + 1, last)) == max(0, before + 2 * ROWS - ends)
        other = max(before + 2 * ROWS, ends)
        waited = sum(status[t + 1][2] for t in range(before + 1, last))
        assert waited == (max(0, taken[needed - 1] + ROOM_DELAY - other) if needed > 0 else 0)


def begins_at(model: FeederModel, row_done: list[int], index: int, before: int) -> int:
    """First cycle in which a chunk of one step has its pixels."""
    ready = row_done[model.rows_needed(index // model.chunks) - 1] + PIXELS_DELAY if index % model.chunks == 0 else 0
    if index >= model.chunks and index % model.chunks == 0:
        ready = max(ready, model.first[index - model.chunks] + TILE_GAP)
    return max(before + 1, ready)


@cocotb.test()
async def all_rows_at_once(dut: Any) -> None:
    """Nothing waits: chunks and tiles follow without a gap."""
    for index, shape in enumerate(SHAPES):
        await one_pass(dut, shape, never, never, first=index == 0)


@cocotb.test()
@cocotb.parametrize(
    rows=[every(3), random(1, 0.9), random(2, 0.98)], takes=[never, every(2), random(3, 0.6), random(4, 0.9)]
)
async def stress(dut: Any, rows: Any, takes: Any) -> None:
    for index, shape in enumerate(SHAPES):
        await one_pass(dut, shape, rows, takes, first=index == 0)


@cocotb.test()
async def random_shapes(dut: Any) -> None:
    generator = _random.Random(11)
    for index in range(30):
        inner, outer = generator.choice([1, 2, 3, 5, 2 * ROWS, 30]), generator.choice([1, 1, 2, 3])
        shape = Shape(
            out_rows=generator.randint(1, 6),
            out_w=generator.randint(1, 3 * ROWS + 1),
            chunks=generator.randint(1, 4),
            inner=inner,
            outer=outer,
            outer_stride=generator.randint(0, 50),
            first_byte=generator.randrange(8),
            ring_words=generator.randint(1, 30),
            ring_slots=generator.randint(1, 6),
            weight_base=generator.randrange(100),
        )
        rows, takes = (
            random(index, generator.choice([0.0, 0.5, 0.95])),
            random(index + 100, generator.choice([0.0, 0.3, 0.8])),
        )
        await one_pass(dut, shape, rows, takes, first=index == 0)


@cocotb.test()
async def other_passes_are_ignored(dut: Any) -> None:
    others: list[dict[str, int]] = [{"mode": FeedMode.SUM}, {"mode": FeedMode.WINDOW, "to_rows": 1}]
    for index, fields in enumerate(others):
        step = Pass(
            dut, packed_descriptor(out_rows=1, out_w=1, inner=1, outer=1, chunks=1, tiles=1, ring_slots=1, **fields)
        )
        await step.begin(index == 0)
        for _ in range(40):
            await step.settle()
            assert not any(int(signal.value) for signal in (dut.tile_free, dut.chunk_start, *statuses(dut)))
            assert not int(dut.ctl.value) & 1
            await step.next()
