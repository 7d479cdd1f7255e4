"""cocotb tests of `hw/array/pixel_ring.py`: every byte from the first cycle in which it may be read, `row_done` to the cycle."""

from __future__ import annotations

import random as _random
from typing import Any

import cocotb

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.descriptor import FeedMode
from hwgen.sim.elements.pixel_ring import READABLE, Place, places, row_done_cycles
from hwgen.sim.harness.streams import Pattern, never, random
from tests.support.passes import Pass, bench_config, bench_number, packed_descriptor

CONFIG = bench_config()
ROWS, LANES, LATENCY = CONFIG.rows, CONFIG.window_lanes, bench_number("LATENCY")
HALF_WORDS = LANES == 4


def shapes() -> list[dict[str, int]]:
    """Passes: one pixel, columns of one pixel, rows about as long as a tile and longer, one slot and many."""
    found = []
    sizes = [(1, 1), (5, 1), (1, ROWS), (3, ROWS - 1), (3, ROWS + 1), (2, 3 * ROWS + 2), (7, 3)]
    for index, (out_rows, out_w) in enumerate(sizes):
        for tap in (True, False):
            units = (1, 2, 5, 4, 3, 6, 7)[(index + tap) % 7]
            ring_words = ceil_div(units, 2) if HALF_WORDS and not tap else units
            slots = (1, 3, 2, 4, 5)[index % 5]
            found.append(
                {
                    "tap": tap,
                    "out_rows": out_rows,
                    "out_w": out_w,
                    "units": units,
                    "ring_words": ring_words,
                    "ring_slots": slots,
                }
            )
    found.append(
        {
            "tap": True,
            "out_rows": 2,
            "out_w": ROWS,
            "units": CONFIG.ring_depth // 2,
            "ring_words": CONFIG.ring_depth // 2,
            "ring_slots": 2,
        }
    )
    return found


class Memories:
    """Content of the R memories as reads see it, half word by half word, with all that was written there."""

    def __init__(self) -> None:
        self.history: dict[tuple[int, int, int], list[tuple[int, int]]] = {}

    def write(self, visible: int, place: Place, value: int) -> None:
        """Store `value` (64 bits) at `place`; array row r may read it from cycle `visible` on."""
        for half in range(2):
            if place.halves >> half & 1:
                self.history.setdefault((place.row, place.word, half), []).append((visible, value))

    def read(self, row: int, address: int, cycle: int) -> int | None:
        """Byte that array row `row` reads in `cycle`, None if it was never written or is just being written."""
        word, byte = divmod(address, 8)
        for visible, value in reversed(self.history.get((row, word, byte // 4), [])):
            if visible == cycle + 1:
                return None
            if visible <= cycle:
                return value >> 8 * byte & 255
        return None


async def one_pass(dut: Any, shape: dict[str, int], idle: Pattern, seed: int, first: bool) -> int:
    """Run a pass; reads random addresses all the time. Returns how many bytes were compared."""
    generator = _random.Random(seed)
    tap = shape["tap"]
    due = places(rows=ROWS, half_words=HALF_WORDS and not tap, **{k: v for k, v in shape.items() if k != "tap"})
    descriptor = packed_descriptor(
        mode=FeedMode.TAP if tap else FeedMode.WINDOW,
        out_rows=shape["out_rows"],
        out_w=shape["out_w"],
        # A TAP pass counts the words of the ring, whatever the groups of one tap.
        groups=generator.randrange(1, 9) if tap else shape["units"],
        ring_words=shape["ring_words"],
        ring_slots=shape["ring_slots"],
        ring_pixels=shape["ring_slots"] * ROWS,
    )
    bits = 64 if tap else 8 * LANES
    step = Pass(dut, descriptor)
    await step.begin(first)
    memories, idles = Memories(), idle()
    beats: list[int] = []
    done: list[int] = []
    addresses: list[int] = []
    compared = 0
    end = None
    while end is None or step.cycle < end:
        sent = len(beats) < len(due) and step.cycle >= 1 and not next(idles)
        value = generator.getrandbits(bits)
        word_valid, half_valid = (int(sent), generator.getrandbits(1)) if tap else (generator.getrandbits(1), int(sent))
        dut.i_word__valid.value, dut.i_half__valid.value = word_valid, half_valid
        dut.i_word__payload.value = value if tap else generator.getrandbits(64)
        dut.i_half__payload.value = (
            generator.getrandbits(8 * LANES + 1) if tap else value | generator.getrandbits(1) << bits
        )
        if sent:
            place = due[len(beats)]
            beats.append(step.cycle)
            wide = value if bits == 64 else value << 32 | value
            memories.write(step.cycle + READABLE, place, wide)
            if len(beats) == len(due):
                end = step.cycle + 40 + min(8 * shape["ring_words"] * shape["ring_slots"], 600) + ROWS
        # After the last beat all addresses of a small pass, before that what was written a few beats ago.
        if len(beats) == len(due):
            address = 13 * step.cycle % (8 * shape["ring_words"] * shape["ring_slots"])
        else:
            near = due[max(0, len(beats) - 1 - generator.randrange(3))]
            address = 8 * near.word + generator.randrange(8)
        addresses.append(address)
        dut.read_addr.value = address
        await step.settle()
        assert int(dut.i_word__ready.value) and int(dut.i_half__ready.value), "an input is not ready"
        if int(dut.row_done.value):
            done.append(step.cycle)
        bytes_out = int(dut.a.value)
        for row in range(ROWS):
            issued = step.cycle - LATENCY - row
            if issued >= 0:
                want = memories.read(row, addresses[issued], issued + row)
                if want is not None:
                    got = bytes_out >> 8 * row & 255
                    assert got == want, (
                        f"cycle {step.cycle}, row {row}: read {got:#x} at {addresses[issued]}, expected {want:#x}"
                    )
                    compared += 1
        await step.next()
    dut.i_word__valid.value, dut.i_half__valid.value = 0, 0
    assert done == row_done_cycles(beats, shape["units"] * shape["out_w"])
    return compared


@cocotb.test()
async def exact(dut: Any) -> None:
    for index, shape in enumerate(shapes()):
        assert await one_pass(dut, shape, never, index, first=index == 0) > 0, "nothing was compared"


@cocotb.test()
@cocotb.parametrize(idle=[random(1, 0.3), random(2, 0.8)])
async def gaps(dut: Any, idle: Any) -> None:
    for index, shape in enumerate(shapes()[:-1]):
        assert await one_pass(dut, shape, idle, 50 + index, first=index == 0) > 0, "nothing was compared"


@cocotb.test()
async def other_passes_are_ignored(dut: Any) -> None:
    others: list[dict[str, int]] = [{"mode": FeedMode.SUM}, {"mode": FeedMode.WINDOW, "to_rows": 1}]
    for index, fields in enumerate(others):
        step = Pass(dut, packed_descriptor(out_rows=1, out_w=1, groups=1, ring_words=1, ring_slots=1, **fields))
        await step.begin(index == 0)
        for _ in range(30):
            dut.i_word__valid.value = dut.i_half__valid.value = int(step.cycle >= 2)
            await step.settle()
            assert not int(dut.row_done.value)
            await step.next()
        dut.i_word__valid.value = dut.i_half__valid.value = 0
