"""The beats of a pass by plain nested loops, each with its place among them: what the parts of the fetch are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from hwgen.hw.isa.config import BANKS
from hwgen.hw.isa.descriptor import FeedMode
from hwgen.hw.isa.descriptor_fields import RowPointerFields


@dataclass(frozen=True)
class LoopBeat:
    """One beat.

    Attributes:
        y: first of the input rows that it reads.
        tap_row: TAP without row steps: which of the rows it reads, counted from `y`.
        column: of the input, possibly outside.
        group: word (TAP) or subgroup.
        emit: WINDOW: an output is due with it.
        place: fields of `hwgen.hw.fetch.beat_loops.BeatPlace`.
    """

    y: int
    tap_row: int
    column: int
    group: int
    emit: bool
    place: dict[str, int]


def _turns(d: Mapping[str, Any], stepped: bool) -> Iterator[tuple[int, int, int, int, int]]:
    """(row, group, ky, kx, x) in order."""
    mode = FeedMode(d["mode"])
    rows, groups, xs = (range(d[name]) for name in ("out_rows", "groups", "out_w"))
    if d.get("shared"):
        for row, ky, group, x in product(rows, range(d["kernel_h"]), groups, range(d["columns"])):
            yield row, group, ky, 0, x
    elif mode == FeedMode.TAP:
        for row, ky, kx, group, x in product(rows, range(d["kernel_h"]), range(d["kernel_w"]), groups, xs):
            yield row, group, ky, kx, x
    elif mode == FeedMode.WINDOW:
        counts = (d["blocks_h"], d["blocks_w"]) if stepped else (1, 1)
        for row, group, ky, kx, x in product(rows, groups, *map(range, counts), range(d["columns"])):
            yield row, group, ky, kx, x
    else:
        for group, row, x in product(groups, rows, xs):
            yield row, group, 0, 0, x


def loop_beats(d: Mapping[str, Any], stepped: bool) -> list[LoopBeat]:
    """All beats of a pass with the fields `d` of a descriptor; `stepped`: of a core with row steps."""
    mode = FeedMode(d["mode"])
    tap, is_sum, window = (mode == one for one in (FeedMode.TAP, FeedMode.SUM, FeedMode.WINDOW))
    turns = list(_turns(d, stepped))
    tap_rows, tap_columns = (d["tap_rows"], d["tap_columns"]) if stepped else (1, 1)
    last = {name: max(turn[i] for turn in turns) for i, name in enumerate(("row", "group", "ky", "kx", "x"))}
    beats: list[LoopBeat] = []
    before: tuple[int, int, int, int, int] | None = None
    for index, turn in enumerate(turns):
        row, group, ky, kx, x = turn
        after = turns[index + 1] if index + 1 < len(turns) else None
        new = [before is None or before[i] != turn[i] for i in range(5)]  # row, group, ky, kx
        ends = [after is None or after[i] != turn[i] for i in range(5)]
        new_row = new[0] or (is_sum and new[1])
        x_last = x == last["x"]
        group_end = x_last and (tap or (row == last["row"] if is_sum else ends[0] or ends[1]))
        place = {
            "x_last": x_last,
            "group_last": group == last["group"],
            "kx_last": kx == last["kx"],
            "ky_last": ky == last["ky"],
            "row_last": row == last["row"],
            "group_end": group_end,
            "tap_end": x_last and group == last["group"] and not is_sum,
            "last": after is None,
            "row_first": new_row,
            "rows_first": new_row or (stepped and (new[2] or (window and new[1]))),
            "subgroup_first": not tap and (before is None or any(new[i] for i in ((1,) if is_sum else (0, 1, 2, 3)))),
            "opens": ky == kx == 0,
            "closes": ky == last["ky"] and kx == last["kx"],
        }
        stride_y, stride_x = (1, 1) if is_sum else (d["stride_y"], d["stride_x"] if tap and not d.get("shared") else 1)
        y = d["in_y"] + row * stride_y + (ky * tap_rows if stepped else 0)
        column = d["in_x"] + x * stride_x + kx * tap_columns
        whole = x - d["kernel_w"] + 1
        emit = window and whole >= 0 and whole % d["stride_x"] == 0
        tap_row = ky if tap and not stepped else 0
        beats.append(LoopBeat(y, tap_row, column, group, emit, {name: int(value) for name, value in place.items()}))
        before = turn
    return beats


def row_place(d: Mapping[str, Any], y: int) -> tuple[int, int]:
    """Bank and word address of input row y (also of one outside the tensor), by the formula of docs/architecture.md."""
    pointer = d["input"]
    slot = (pointer.slot + y - d["in_y"]) % pointer.depth
    return slot % BANKS, (pointer.base + slot // BANKS * pointer.row_words) % (1 << 14)


def row_pointer(rng: np.random.Generator, row_words: int, words: int = 1 << 14) -> RowPointerFields:
    """A random row pointer of a tensor that fits `words` words of a bank."""
    depth = BANKS * int(rng.integers(1, max(2, min(6, words // row_words - 1))))
    slot, base = int(rng.integers(depth)), int(rng.integers(words - depth // BANKS * row_words))
    return RowPointerFields(slot, base + slot // BANKS * row_words, base, depth, row_words)


def random_pass(rng: np.random.Generator, mode: FeedMode, stepped: bool, shared: bool = False) -> dict[str, Any]:
    """Fields of a small pass, sizes from 1 on; `shared`: taps of TAP are shared."""

    def draw(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    d: dict[str, Any] = {
        "mode": int(mode),
        "in_h": draw(1, 9),
        "in_w": draw(1, 9),
        "pixel_words": draw(1, 6),
        "first_word": draw(0, 5),
        "groups": draw(1, 4),
        "out_rows": draw(1, 5),
        "out_w": draw(1, 5),
        "stride_y": draw(1, 3),
        "stride_x": draw(1, 3),
        "kernel_h": draw(1, 3),
        "kernel_w": draw(1, 7 if mode == FeedMode.TAP else 3),
    }
    if stepped:
        largest = 15 if mode == FeedMode.TAP and d["groups"] == 1 else 3
        d |= {"kernel_h": draw(1, largest), "kernel_w": draw(1, min(largest, 4))}
        d |= {"stride_y": draw(1, 7), "stride_x": draw(1, 7), "blocks_h": draw(1, 3), "blocks_w": draw(1, 3)}
        d |= {"tap_rows": draw(1, 15), "tap_columns": 1 if shared else draw(1, 15)}
        d["tap_words"] = d["tap_columns"] * d["pixel_words"]
    if shared and mode == FeedMode.TAP:
        d["shared"] = 1
    if mode == FeedMode.SUM:
        d |= {"in_y": 0, "in_x": 0, "out_rows": d["in_h"], "out_w": d["in_w"]}
    else:
        d |= {"in_y": draw(-d["kernel_h"], d["in_h"]), "in_x": draw(-min(d["kernel_w"], 16), 2)}
    d["columns"] = (d["out_w"] - 1) * d["stride_x"] + d["kernel_w"]
    d["input"] = row_pointer(rng, d["in_w"] * d["pixel_words"])
    return d
