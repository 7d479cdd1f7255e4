"""Random passes with a second operand, as descriptor fields, and when the array gives their segments."""

from __future__ import annotations

import random
from collections.abc import Iterator

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import BANKS, CoreConfig
from hwgen.hw.isa.descriptor import CombineOp
from hwgen.hw.isa.descriptor_fields import (
    ArrayFields,
    CombineFields,
    DescriptorFields,
    FetchFields,
    OperandFields,
    RowPointerFields,
    WriterFields,
)
from hwgen.sim.elements.operand_reads import SEGMENT_GAP

NARROW = (2, 3, 4, 5, 7, 10)
"""Widths of maps on which the operand fetch is rows ahead of the writer."""

DEPTH = 16
"""Row slots of the tensors."""


def operand_pass(rng: random.Random, config: CoreConfig, out_w: int, kind: str, distance: int) -> DescriptorFields:
    """A pass with an operand; what the fetch reads is left out.

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

    def pointer(slot: int) -> RowPointerFields:
        row_words = out_w * words
        return RowPointerFields(slot, slot // BANKS * row_words, 0, DEPTH, row_words)

    return DescriptorFields(
        fetch=FetchFields(out_rows=out_rows, out_w=out_w),
        array=ArrayFields(tiles=tiles + (rest > 0), last_pixels=rest or config.rows, chunks=chunks),
        writer=WriterFields(
            output=pointer((slot + distance) % DEPTH),
            out_pixel_words=words,
            spread=merge,
            odd=merge * rng.randrange(2),
            merge=merge,
            channels=chunks * config.cols - rng.randrange(config.cols),
        ),
        operand=OperandFields(operand=pointer(slot), operand_pixel_words=words),
        combine=CombineFields(
            combine=CombineOp.NONE if merge else CombineOp.ADD,
            still=int(kind == "still"),
        ),
    )


def narrow_passes(config: CoreConfig) -> Iterator[DescriptorFields]:
    """Every kind of pass that the core has, on every width and with every distance."""
    rng = random.Random(config.cols)
    for out_w in NARROW:
        for distance in range(BANKS):
            for kind in ("add", "merge", "still") if config.combine_lanes else ("merge",):
                yield operand_pass(rng, config, out_w, kind, distance)


def chunk_times(rng: random.Random, d: DescriptorFields, rows: int) -> list[int]:
    """Cycles in which the first segment of each chunk is offered: mostly as soon as the array can, the first one when pixels have come."""
    times, cycle = [], rng.randrange(40, 80)
    for _ in range(d.array.tiles * d.array.chunks):
        times.append(cycle)
        cycle += SEGMENT_GAP * rows + (rng.randrange(60) if rng.random() < 0.15 else 0)
    return times
