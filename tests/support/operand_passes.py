"""Random passes with a second operand, as descriptor fields, and when the array gives their segments."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import BANKS, CoreConfig
from hwgen.hw.isa.descriptor import CombineOp
from hwgen.sim.elements.operand_reads import SEGMENT_GAP

Fields = dict[str, Any]

NARROW = (2, 3, 4, 5, 7, 10)
"""Widths of maps on which the operand fetch is rows ahead of the writer."""

DEPTH = 16
"""Row slots of the tensors."""


def operand_pass(rng: random.Random, config: CoreConfig, out_w: int, kind: str, distance: int) -> Fields:
    """A pass with an operand; fields before the array are left out.

    Args:
        rng: chooses what is left open.
        config: of the core.
        out_w: columns of the map.
        kind: "add", "still" or "merge".
        distance: banks from the operand's to the output's of the same row.
    """
    out_rows, chunks = rng.randrange(max(1, min(out_w, 7) - 1), min(out_w, 7) + 4), rng.randrange(1, 4)
    tiles, rest = divmod(out_rows * out_w, config.rows)
    words = ceil_div(2 * chunks * config.cols, 8) + 1
    slot, merge = rng.randrange(DEPTH), int(kind == "merge")

    def pointer(slot: int) -> dict[str, int]:
        row_words = out_w * words
        return {"slot": slot, "addr": slot // BANKS * row_words, "base": 0, "depth": DEPTH, "row_words": row_words}

    return {
        "out_rows": out_rows,
        "out_w": out_w,
        "tiles": tiles + (rest > 0),
        "last_pixels": rest or config.rows,
        "chunks": chunks,
        "output": pointer((slot + distance) % DEPTH),
        "out_pixel_words": words,
        "spread": merge,
        "odd": merge * rng.randrange(2),
        "merge": merge,
        "channels": chunks * config.cols - rng.randrange(config.cols),
        "operand": pointer(slot),
        "operand_pixel_words": words,
        "combine": CombineOp.NONE if merge else CombineOp.ADD,
        "still": int(kind == "still"),
    }


def narrow_passes(config: CoreConfig) -> Iterator[Fields]:
    """Every kind of pass that the core has, on every width and with every distance."""
    rng = random.Random(config.cols)
    for out_w in NARROW:
        for distance in range(BANKS):
            for kind in ("add", "merge", "still") if config.combine_lanes else ("merge",):
                yield operand_pass(rng, config, out_w, kind, distance)


def chunk_times(rng: random.Random, d: Fields, rows: int) -> list[int]:
    """Cycles in which the first segment of each chunk is offered: mostly as soon as the array can, the first one when pixels have come."""
    times, cycle = [], rng.randrange(40, 80)
    for _ in range(d["tiles"] * d["chunks"]):
        times.append(cycle)
        cycle += SEGMENT_GAP * rows + (rng.randrange(60) if rng.random() < 0.15 else 0)
    return times
