"""cocotb tests for `tests/hw/output/test_writer.py`: every write request and `done` to the cycle, for all placements of segments."""

from __future__ import annotations

import random as _random
from dataclasses import replace
from typing import Any

import cocotb
import numpy as np

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.descriptor import FeedMode
from hwgen.hw.isa.descriptor_fields import RowPointerFields
from hwgen.sim.elements.writer import Request, WriterModel, done_cycle, taken_cycles
from tests.support.passes import Pass, bench_config, bench_number, packed_descriptor
from tests.support.write_requests import write_request

CONFIG = bench_config()
ROWS, COLS, WRITE_TO_READ = CONFIG.rows, CONFIG.cols, bench_number("WRITE_TO_READ")
WORDS_PER_CHUNK = ceil_div(COLS, 4)  # at most, in a spread pass


def model(out_rows: int, out_w: int, chunks: int, dropped: int = 0, **fields: int) -> WriterModel:
    """A pass of `out_rows` x `out_w` pixels with the last `dropped` bytes of the last chunk beyond the channels."""
    pixels = out_rows * out_w
    tiles = ceil_div(pixels, ROWS)
    pixel_words = 2 + chunks * WORDS_PER_CHUNK
    return WriterModel(
        rows=ROWS,
        cols=COLS,
        tiles=tiles,
        last_pixels=pixels - (tiles - 1) * ROWS,
        chunks=chunks,
        out_w=out_w,
        out_pixel_words=pixel_words,
        channels=chunks * COLS - dropped,
        depth=fields.get("depth", 4),
        row_words=out_w * pixel_words,
        **{name: fields.get(name, 0) for name in ("out_word", "out_half", "spread", "odd", "merge", "slot", "base")},
    )


def descriptor(shape: WriterModel) -> int:
    """The pass's descriptor; the output's first row is slot `slot`."""
    pointer = RowPointerFields(
        slot=shape.slot,
        addr=shape.base + shape.slot // 4 * shape.row_words,
        base=shape.base,
        depth=shape.depth,
        row_words=shape.row_words,
    )
    names = (
        "tiles",
        "last_pixels",
        "chunks",
        "out_w",
        "out_pixel_words",
        "out_word",
        "out_half",
        "spread",
        "odd",
        "merge",
        "channels",
    )
    return packed_descriptor(mode=FeedMode.WINDOW, output=pointer, **{name: getattr(shape, name) for name in names})


def shapes() -> list[WriterModel]:
    """All placements with one pixel, one column, rows about as long as a tile, partial tiles, and channels dropped."""
    placements = [
        {},
        {"spread": 1},
        {"spread": 1, "odd": 1},
        {"spread": 1, "merge": 1},
        {"spread": 1, "merge": 1, "odd": 1},
    ]
    if COLS % 8 == 4:
        placements.append({"out_half": 1})
    sizes = [(1, 1, 1), (3, 1, 2), (2, ROWS, 3), (3, ROWS + 1, 2), (5, ROWS - 1, 1), (2, 2 * ROWS + 1, 4)]
    found = []
    for index, placement in enumerate(placements):
        for number, (out_rows, out_w, chunks) in enumerate(sizes):
            mixed = index + number
            found.append(
                model(
                    out_rows,
                    out_w,
                    chunks,
                    dropped=(0, 1, COLS // 2, COLS - 1)[mixed % 4],
                    out_word=mixed % 3,
                    slot=mixed % 4,
                    depth=4 + 4 * (mixed % 2),
                    base=(0, 100, 9000)[mixed % 3],
                    **placement,
                )
            )
    return found


def arrivals(generator: _random.Random, count: int, gap: float) -> np.ndarray:
    """Cycles in which segments become available: runs and pauses of `gap` cycles on average, none if it is 0."""
    gaps = [int(generator.expovariate(1 / gap)) if gap and generator.random() < 0.5 else 0 for _ in range(count)]
    return 4 + np.cumsum(gaps)


async def one_pass(
    dut: Any, shape: WriterModel, seed: int, segment_gap: float, operand_gap: float, first: bool
) -> None:
    generator = _random.Random(seed)
    order = shape.pixels()
    segments = [generator.randbytes(COLS) for _ in order]
    operands = [generator.randbytes(COLS) for _, pixel in order if pixel is not None] if shape.merge else []
    segment_at, operand_at = (
        arrivals(generator, len(segments), segment_gap),
        arrivals(generator, len(operands), operand_gap),
    )

    # Both are offered when they have arrived and those before them are gone; so the pair of a segment is there with the later one.
    available = segment_at.copy()
    available[[pixel is not None and bool(shape.merge) for _, pixel in order]] = np.maximum(
        segment_at[[pixel is not None and bool(shape.merge) for _, pixel in order]], operand_at
    )
    costs = shape.costs()
    taken = taken_cycles(available, costs).tolist()
    expected = shape.requests(taken, segments, operands)
    done = done_cycle(taken[-1], int(costs[-1]), WRITE_TO_READ)
    if segment_gap == operand_gap == 0:
        assert taken == (4 + np.cumsum(costs) - costs).tolist(), "a segment waits although all are there"

    step = Pass(dut, descriptor(shape))
    await step.begin(first)
    got: list[Request] = []
    taken_seen: list[int] = []
    strobes: list[int] = []
    s = o = 0
    while step.cycle < done + 10:
        segment_valid = s < len(segments) and segment_at[s] <= step.cycle
        operand_valid = o < len(operands) and operand_at[o] <= step.cycle
        dut.segments__valid.value, dut.operands__valid.value = int(segment_valid), int(operand_valid)
        dut.segments__payload.value = (
            int.from_bytes(segments[s], "little") if segment_valid else generator.getrandbits(8 * COLS)
        )
        dut.operands__payload.value = (
            int.from_bytes(operands[o], "little") if operand_valid else generator.getrandbits(8 * COLS)
        )
        await step.settle()
        segment_moves = segment_valid and bool(int(dut.segments__ready.value))
        operand_moves = operand_valid and bool(int(dut.operands__ready.value))
        if segment_moves:
            assert operand_moves == (bool(shape.merge) and order[s][1] is not None), (
                f"cycle {step.cycle}: operand out of step"
            )
            taken_seen.append(step.cycle)
        else:
            assert not operand_moves, f"cycle {step.cycle}: operand taken without its segment"
        s, o = s + segment_moves, o + operand_moves
        request = write_request(int(dut.request.value), step.cycle)
        if request is not None:
            got.append(request)
        if int(dut.done.value):
            strobes.append(step.cycle)
        await step.next()
    dut.segments__valid.value = dut.operands__valid.value = 0
    assert taken_seen == taken, f"{shape}"
    for mine, due in zip(got, expected, strict=False):
        assert mine == due, f"{shape}: {mine}, expected {due}"
    assert len(got) == len(expected)
    assert strobes == [done], f"done in cycles {strobes}, expected {done}"
    assert o == len(operands)


@cocotb.test()
async def steady_supply(dut: Any) -> None:
    """Segments always there: no bubble between segments, chunks and tiles."""
    for index, shape in enumerate(shapes()):
        await one_pass(dut, shape, index, 0, 0, first=index == 0)


@cocotb.test()
@cocotb.parametrize(segment_gap=[0.0, 2.0, 8.0], operand_gap=[1.0, 8.0])
async def stress(dut: Any, segment_gap: float, operand_gap: float) -> None:
    for index, shape in enumerate(shapes()):
        await one_pass(dut, shape, 100 + index, segment_gap, operand_gap, first=index == 0)


@cocotb.test()
async def wide_addresses(dut: Any) -> None:
    """Row slots that wrap at the tensor's depth, and the largest numbers of pixel words."""
    wide = replace(model(13, 3, 2, slot=5, depth=8, base=40), out_pixel_words=300, row_words=900, out_word=290)
    await one_pass(dut, wide, 1, 0, 0, first=True)
    many = replace(model(2, 2, 60, out_word=3), channels=60 * COLS - 1)
    await one_pass(dut, many, 2, 0, 0, first=False)


@cocotb.test()
async def other_passes_are_ignored(dut: Any) -> None:
    others: list[dict[str, int]] = [{"mode": FeedMode.SUM}, {"mode": FeedMode.WINDOW, "to_rows": 1}]
    for index, fields in enumerate(others):
        step = Pass(dut, packed_descriptor(out_w=1, chunks=1, tiles=1, last_pixels=1, **fields))
        await step.begin(index == 0)
        for _ in range(30):
            await step.settle()
            assert not int(dut.request.value) & 1 and not int(dut.done.value)
            await step.next()
