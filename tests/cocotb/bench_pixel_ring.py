"""cocotb tests of `hw/array/pixel_ring.py`: every byte from the first cycle in which it may be read, `row_done` to the cycle."""

from __future__ import annotations

import random as _random
from dataclasses import dataclass
from typing import Any

import cocotb

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.descriptor import FeedMode
from hwgen.sim.elements.pixel_ring import READABLE, Place, places, row_done_cycles, shared_places
from hwgen.sim.harness.streams import Pattern, never, random
from tests.support.passes import Pass, bench_config, bench_number, packed_descriptor

CONFIG = bench_config()
ROWS, LANES, STEPS, LATENCY = CONFIG.rows, CONFIG.window_lanes, CONFIG.k_steps, bench_number("LATENCY")
HALF_WORDS = LANES == 4


@dataclass(frozen=True)
class Shape:
    """A pass.

    Attributes:
        tap: it is of FeedMode.TAP.
        places: of every beat, in the order of arrival.
        beats_per_row: of an output row.
        ring_words, ring_slots: as in the descriptor.
        fields: all of the descriptor.
    """

    tap: bool
    places: list[list[Place]]
    beats_per_row: int
    ring_words: int
    ring_slots: int
    fields: dict[str, int]


def one_by_one(tap: bool, out_rows: int, out_w: int, units: int, slots: int) -> Shape:
    """A beat is one pixel's."""
    words = ceil_div(units, 2) if HALF_WORDS and not tap else units
    fields = {
        "mode": FeedMode.TAP if tap else FeedMode.WINDOW,
        "out_rows": out_rows,
        "out_w": out_w,
        # A TAP pass counts the words of the ring, whatever the groups of one tap.
        "groups": 1 + (out_rows + out_w) % 8 if tap else units,
        "ring_words": words,
        "ring_slots": slots,
    }
    found = places(
        rows=ROWS,
        half_words=HALF_WORDS and not tap,
        out_rows=out_rows,
        out_w=out_w,
        units=units,
        ring_words=words,
        ring_slots=slots,
    )
    return Shape(tap, [[place] for place in found], units * out_w, words, slots, fields)


def shared(out_rows: int, out_w: int, kernel: tuple[int, int], stride_x: int, groups: int, slots: int) -> Shape:
    """A beat is that of all pixels whose taps read its column."""
    words, columns = kernel[0] * kernel[1] * groups, (out_w - 1) * stride_x + kernel[1]
    fields = {
        "mode": FeedMode.TAP,
        "shared": 1,
        "out_rows": out_rows,
        "out_w": out_w,
        "kernel_h": kernel[0],
        "kernel_w": kernel[1],
        "stride_x": stride_x,
        "columns": columns,
        "groups": groups,
        "ring_words": words,
        "ring_slots": slots,
        "tap_row_step": (kernel[1] - 1) * groups + 1,
    }
    found = shared_places(
        rows=ROWS,
        out_rows=out_rows,
        out_w=out_w,
        kernel=kernel,
        stride_x=stride_x,
        groups=groups,
        ring_words=words,
        ring_slots=slots,
    )
    return Shape(True, found, kernel[0] * groups * columns, words, slots, fields)


def shapes() -> list[Shape]:
    """Passes: one pixel, columns of one pixel, rows about as long as a tile and longer, one slot and many."""
    found = []
    sizes = [(1, 1), (5, 1), (1, ROWS), (3, ROWS - 1), (3, ROWS + 1), (2, 3 * ROWS + 2), (7, 3)]
    for index, (out_rows, out_w) in enumerate(sizes):
        for tap in (True, False):
            units = (1, 2, 5, 4, 3, 6, 7)[(index + tap) % 7]
            found.append(one_by_one(tap, out_rows, out_w, units, (1, 3, 2, 4, 5)[index % 5]))
        if CONFIG.shared_taps:
            # Kernels from one column to as many as the array's rows can take, gaps between the columns of pixels too.
            kernels = [((3, 3), 1), ((3, 3), 2), ((1, 2), 1), ((2, 7), 3), ((3, 1), 1), ((2, 2), 3), ((3, ROWS), 1)]
            for number in (index, index + 3):
                kernel, stride = kernels[number % 7]
                kernel = kernel[0], min(kernel[1], ROWS * stride)
                found.append(shared(out_rows, out_w, kernel, stride, (1, 2, 3)[number % 3], 2 + number % 3))
    found.append(one_by_one(True, 2, ROWS, CONFIG.ring_depth // 2, 2))
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


async def one_pass(dut: Any, shape: Shape, idle: Pattern, seed: int, first: bool) -> int:
    """Run a pass; reads random addresses all the time. Returns how many bytes were compared."""
    generator = _random.Random(seed)
    tap, due, words = shape.tap, shape.places, shape.ring_words * shape.ring_slots
    descriptor = packed_descriptor(**shape.fields, ring_pixels=shape.ring_slots * ROWS)
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
            wide = value if bits == 64 else value << 32 | value
            for place in due[len(beats)]:
                memories.write(step.cycle + READABLE, place, wide)
            beats.append(step.cycle)
            if len(beats) == len(due):
                end = step.cycle + 40 + min(8 * words, 600) + ROWS
        # After the last beat all addresses of a small pass, before that what was written a few beats ago.
        if len(beats) == len(due):
            address = 13 * step.cycle % (8 * words)
        else:
            near = due[max(0, len(beats) - 1 - generator.randrange(3))] or [Place(0, 0, 3)]
            address = 8 * generator.choice(near).word + generator.randrange(8)
        address -= address % STEPS
        addresses.append(address)
        dut.read_addr.value = address // STEPS
        await step.settle()
        assert int(dut.i_word__ready.value) and int(dut.i_half__ready.value), "an input is not ready"
        if int(dut.row_done.value):
            done.append(step.cycle)
        bytes_out = int(dut.a.value)
        for row in range(ROWS):
            issued = step.cycle - LATENCY - row
            if issued >= 0:
                for address in range(addresses[issued], addresses[issued] + STEPS):
                    want = memories.read(row, address, issued + row)
                    got = bytes_out >> 8 * (row * STEPS + address % STEPS) & 255
                    assert want in (None, got), (
                        f"cycle {step.cycle}, row {row}: read {got:#x} at {address}, not {want:#x}"
                    )
                    compared += want is not None
        await step.next()
    dut.i_word__valid.value, dut.i_half__valid.value = 0, 0
    assert done == row_done_cycles(beats, shape.beats_per_row)
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
