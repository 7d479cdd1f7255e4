"""Operand fetch: which bytes of the second operand come, in which order and when."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hwgen.hw.isa.config import BANKS, WORD_BYTES
from hwgen.hw.isa.descriptor_fields import DescriptorFields
from hwgen.hw.output.crossbar import plain_words
from hwgen.hw.output.operand import START_CYCLES


def operand_pixels(d: DescriptorFields, rows: int) -> Iterator[tuple[int, int | None]]:
    """(chunk, output pixel) in the order of the array's segments; None for the pixels that the last tile lacks."""
    array = d.array
    for tile in range(array.tiles):
        for chunk in range(array.chunks):
            for r in range(rows):
                missing = tile == array.tiles - 1 and r >= array.last_pixels
                yield chunk, None if missing else tile * rows + r


def operand_bytes(d: DescriptorFields, memory: np.ndarray, chunk: int, pixel: int, cols: int) -> bytes:
    """The `cols` bytes that a chunk of a pixel wants."""
    y, x = (0, 0) if d.combine.still else divmod(pixel, d.fetch.out_w)
    pointer = d.operand.operand
    slot = (pointer.slot + y) % pointer.depth
    row = pointer.base + slot // BANKS * pointer.row_words
    word = row + x * d.operand.operand_pixel_words + d.operand.operand_word
    first = word * WORD_BYTES + chunk * cols
    return memory[slot % BANKS].view(np.uint8)[first : first + cols].tobytes()


def operand_segments(
    d: DescriptorFields, memory: np.ndarray, *, rows: int, cols: int, latency: int, start: int = 0
) -> list[tuple[int, int]]:
    """All segments of a pass (with `still` one for each chunk of a tile), when no read is refused and every segment is taken at once.

    Args:
        d: the descriptor.
        memory: little-endian uint64 [BANKS, words], the activation memory.
        rows: R.
        cols: C.
        latency: of the activation memory's port B.
        start: cycle of `start`.

    Returns:
        (cycle, bytes as an integer, byte 0 least significant) of every segment.
    """
    segments = []
    cycle = start + 1  # of the next read's turn
    for chunk, pixel in operand_pixels(d, rows):
        if pixel is None or (d.combine.still and pixel % rows):
            cycle += 1
            continue
        cycle += plain_words(cols)
        value = int.from_bytes(operand_bytes(d, memory, chunk, pixel, cols), "little")
        segments.append((cycle - 1 + latency + START_CYCLES, value))
    return segments
