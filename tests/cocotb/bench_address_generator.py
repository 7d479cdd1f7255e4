"""Address generators of the fetch against plain nested loops: every beat and its rows, at any pace, and the first cycle of each."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge, Timer

from hwgen.hw.fetch.address_generator import Beat
from hwgen.hw.fetch.four_rows import WINDOW_ROWS, RowPlaces
from hwgen.hw.isa.config import BANKS, WORD_BYTES
from hwgen.hw.isa.descriptor import FeedMode
from hwgen.hw.isa.descriptor_fields import RowPointerFields
from hwgen.sim.harness.streams import Pattern, every, never, random, reset
from tests.support.fetch_loops import LoopBeat, loop_beats, random_pass, row_place
from tests.support.passes import bench_config, packed_descriptor

CONFIG = bench_config()
STEPPED = CONFIG.row_steps


def expected_beat(d: dict[str, Any], beat: LoopBeat) -> dict[str, int]:
    """Fields of `Beat`; those that have no meaning in the mode are left out."""
    mode = FeedMode(d["mode"])
    word, byte = divmod(beat.group * (WORD_BYTES if mode == FeedMode.TAP else CONFIG.window_lanes), WORD_BYTES)
    fields = {
        "offset": (d["first_word"] + beat.column * d["pixel_words"] + word) % (1 << 14),
        "column": beat.column,
        "last": beat.place["last"],
    }
    if mode == FeedMode.TAP:
        return fields | {"ky": beat.tap_row, "start": 0, "emit": 0}
    emit = beat.emit if mode == FeedMode.WINDOW else beat.place["group_end"]
    fields |= {"odd": int(byte != 0), "start": beat.place["subgroup_first"], "emit": int(emit)}
    return fields | {name: beat.place[name] for name in ("opens", "closes")}


def check_rows(d: dict[str, Any], y: int, value: int, context: str) -> None:
    """The places of rows y .. y + 2, and of the one below them, which has the fourth bank."""
    places = RowPlaces.from_bits(value)
    for i in range(BANKS):
        bank, address = row_place(d, y + i)
        assert (places.bank + i) % BANKS == bank, f"bank of row {y} + {i}; {context}"
        assert places.addrs[bank] == address, f"address of row {y} + {i}; {context}"
    outside = sum((not 0 <= y + i < d["in_h"]) << i for i in range(WINDOW_ROWS))
    assert places.outside == outside, f"rows outside at {y}: {places.outside:#x}; {context}"


def rows_gap(d: dict[str, Any], earlier: LoopBeat, beat: LoopBeat) -> int:
    """Cycles that the places of new rows take: three and one for each row after the first."""
    if d["mode"] == FeedMode.SUM:
        return 3
    if beat.place["row_first"]:
        return int(d["stride_y"]) + 2
    return int(d["tap_rows"]) + 2 if beat.y > earlier.y else 3


async def run(dut: Any, d: dict[str, Any], idle: Pattern) -> int:
    """One pass; `idle` says when a beat that is offered does not have its turn. Returns how often rows were waited for."""
    dut.descriptor.value, dut.issue.value = packed_descriptor(**d), 0
    await RisingEdge(dut.clk)
    dut.restart.value = 1
    await RisingEdge(dut.clk)
    dut.restart.value, dut.begin.value = 0, 1
    await RisingEdge(dut.clk)
    dut.begin.value = 0
    idles, cycle, waited = idle(), 0, 0
    due, rows_taken, earlier = 0, 0, None
    for index, beat in enumerate(loop_beats(d, STEPPED)):
        context = f"beat {index} of {d}"
        if beat.place["rows_first"] and earlier is not None:
            ready = rows_taken + rows_gap(d, earlier, beat)
            waited += ready > due
            due = max(due, ready)
        while True:
            await Timer(
                1, "ns"
            )  # outputs do not depend on `issue`, so that it can be driven behind them in their cycle
            offered = int(dut.offered.value)
            assert offered == (cycle >= due), f"offered is {offered} in cycle {cycle}, not from {due} on; {context}"
            if offered:
                break
            await RisingEdge(dut.clk)
            cycle += 1
        got = Beat.from_bits(int(dut.beat.value))
        for name, value in expected_beat(d, beat).items():
            assert got[name] == value, f"{name} is {got[name]}, not {value}; {context}"
        for name in ("row_first", "rows_first"):
            assert int(getattr(dut, name).value) == beat.place[name], f"{name}; {context}"
        if beat.place["rows_first"]:
            check_rows(d, beat.y, int(dut.rows.value), context)
        while next(idles):
            await RisingEdge(dut.clk)
            cycle += 1
            await Timer(1, "ns")
            assert int(dut.offered.value) == 1, f"an offer was taken back; {context}"
        dut.issue.value = 1
        if beat.place["rows_first"]:
            rows_taken, earlier = cycle, beat
        await RisingEdge(dut.clk)
        dut.issue.value = 0
        cycle += 1
        due = cycle
    for _ in range(5):
        await Timer(1, "ns")
        assert int(dut.offered.value) == 0, f"a beat behind the last one of {d}"
        await RisingEdge(dut.clk)
    return waited


@cocotb.test()
@cocotb.parametrize(mode=list(FeedMode), idle=[never, every(3), random(1, 0.7)])
async def beats_in_order(dut: Any, mode: FeedMode, idle: Pattern) -> None:
    dut.descriptor.value = dut.restart.value = dut.begin.value = dut.issue.value = 0
    await reset(dut)
    rng = np.random.default_rng([5, mode])
    waited = 0
    for number in range(16):
        d = random_pass(rng, mode, STEPPED, CONFIG.shared_taps and number % 4 != 3)
        if mode == FeedMode.TAP and number % 2:  # so few beats that the rows' places are what they wait for
            d |= {"kernel_h": 1, "kernel_w": 1, "groups": 1, "out_w": int(rng.integers(1, 4))}
            d["columns"] = (d["out_w"] - 1) * d["stride_x"] + 1
        waited += await run(dut, d, idle)
    assert waited or idle is not never


@cocotb.test()
async def ends_of_the_fields(dut: Any) -> None:
    """Wide pixels, far left and above the tensor; the last row of the highest tensor; the last column of a wide one."""
    dut.descriptor.value = dut.restart.value = dut.begin.value = dut.issue.value = 0
    await reset(dut)
    rng = np.random.default_rng(6)
    one = {
        **random_pass(rng, FeedMode.TAP, STEPPED, CONFIG.shared_taps),
        "out_rows": 2,
        "groups": 2,
        "kernel_h": 1,
        "kernel_w": 2,
    }
    pointer = RowPointerFields(slot=3, addr=700, base=700, depth=4, row_words=6 * 511)
    far = {"in_y": -500, "in_x": -16, "in_h": 9, "in_w": 6, "pixel_words": 511, "first_word": 511, "input": pointer}
    low = {"in_y": 1020, "in_x": 0, "in_h": 1023, "in_w": 2, "stride_y": 3}
    long = {"in_y": 0, "in_x": -1, "in_w": 1023, "out_w": 1000, "out_rows": 1, "stride_x": 1}
    for fields in (far, low, long):
        d = {**one, **fields}
        d["columns"] = (d["out_w"] - 1) * d["stride_x"] + d["kernel_w"]
        if STEPPED:
            d["tap_words"] = d["tap_columns"] * d["pixel_words"]
        await run(dut, d, never)
