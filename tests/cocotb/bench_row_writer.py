"""cocotb tests for `tests/hw/output/test_row_writer.py`: every write request and `done` to the cycle."""

from __future__ import annotations

import random as _random
from typing import Any

import cocotb

from hwgen.hw.isa.descriptor import FeedMode
from hwgen.hw.isa.descriptor_fields import RowPointerFields
from hwgen.sim.elements.row_writer import row_requests
from hwgen.sim.elements.writer import Request
from hwgen.sim.harness.streams import Pattern, never, random
from tests.support.passes import Pass, bench_config, bench_number, packed_descriptor
from tests.support.write_requests import write_request

CONFIG = bench_config()
LANES, WRITE_TO_READ = CONFIG.window_lanes, bench_number("WRITE_TO_READ")

SHAPES = [
    {"out_rows": out_rows, "out_w": out_w, "groups": groups, "pool": pool}
    for pool in (False, True)
    for out_rows, out_w, groups in ((1, 1, 1), (1, 1, 5), (5, 1, 2), (11, 3, 3), (2, 7, 1), (3, 4, 8))
]


async def one_pass(dut: Any, shape: dict[str, Any], idle: Pattern, seed: int, first: bool) -> None:
    generator = _random.Random(seed)
    pool, groups, out_w = shape["pool"], shape["groups"], shape["out_w"]
    pixel_words = 2 + groups * LANES // 8
    place = {"out_w": out_w, "out_pixel_words": pixel_words, "out_word": seed % 3}
    row_words = out_w * pixel_words
    slot, base, depth = seed % 4, (0, 50)[seed % 2], 4 + 4 * (seed % 2)
    descriptor = packed_descriptor(
        mode=FeedMode.SUM if pool else FeedMode.WINDOW,
        to_rows=0 if pool else 1,
        output=RowPointerFields(slot, base + slot // 4 * row_words, base, depth, row_words),
        groups=groups,
        out_rows=shape["out_rows"],
        channels=1,
        **place,
    )
    count = groups if pool else shape["out_rows"] * groups * out_w
    values = [generator.randbytes(LANES) for _ in range(count)]
    step = Pass(dut, descriptor)
    await step.begin(first)
    idles = idle()
    beats: list[tuple[int, bytes]] = []
    got: list[Request] = []
    done: list[int] = []
    end = None
    while end is None or step.cycle < end:
        sent = len(beats) < count and step.cycle >= 1 and not next(idles)
        dut.i__valid.value = int(sent)
        if sent:
            last = len(beats) == count - 1
            dut.i__payload.value = int.from_bytes(values[len(beats)], "little") | last << 8 * LANES
            beats.append((step.cycle, values[len(beats)]))
            if last:
                end = step.cycle + WRITE_TO_READ + 10
        else:
            dut.i__payload.value = generator.getrandbits(8 * LANES + 1)
        await step.settle()
        assert int(dut.i__ready.value), "not ready"
        request = write_request(int(dut.request.value), step.cycle)
        if request is not None:
            got.append(request)
        if int(dut.done.value):
            done.append(step.cycle)
        await step.next()
    pointer = {"slot": slot, "base": base, "depth": depth, "row_words": row_words}
    assert got == row_requests(beats, lanes=LANES, pool=pool, groups=groups, **place, **pointer)
    assert done == [got[-1].cycle + WRITE_TO_READ]


@cocotb.test()
@cocotb.parametrize(idle=[never, random(1, 0.3), random(2, 0.9)])
async def passes(dut: Any, idle: Any) -> None:
    for index, shape in enumerate(SHAPES):
        await one_pass(dut, shape, idle, index, first=index == 0)


@cocotb.test()
async def passes_through_the_array_are_ignored(dut: Any) -> None:
    for index, mode in enumerate((FeedMode.TAP, FeedMode.WINDOW)):
        step = Pass(dut, packed_descriptor(mode=mode, groups=1, out_w=1, out_rows=1))
        await step.begin(index == 0)
        dut.i__payload.value = 1 << 8 * LANES
        for _ in range(20):
            dut.i__valid.value = 1
            await step.settle()
            assert not int(dut.request.value) & 1 and not int(dut.done.value)
            await step.next()
        dut.i__valid.value = 0
