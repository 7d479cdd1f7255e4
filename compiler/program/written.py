"""What a pass writes to the activation memory, as part of a tensor of the int8 graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hwgen.compiler.tiling.memory import Layout
from hwgen.compiler.tiling.stripes import Step
from hwgen.hw.isa.config import WORD_BYTES


@dataclass(frozen=True)
class Written:
    """What a pass writes of one tensor of the int8 graph.

    Channel `first_channel + i` (0 <= i < channels) of rows `first_row .. first_row + rows - 1` of `tensor` is byte `byte + step * i` of
    the pixels at `layout`: pixel x of row y starts at word `layout.locate(y)[1] + x * layout.pixel_words` of bank
    `layout.locate(y)[0]`. Of the columns every `column_step`-th is written, from `first_column` on.
    Of a batch, row y is row `above + y` of all frames' tensors one below the other.
    """

    tensor: str
    first_row: int
    rows: int
    first_channel: int
    channels: int
    layout: Layout
    byte: int
    step: int
    first_column: int = 0
    column_step: int = 1
    above: int = 0

    def of(self, tensor: np.ndarray) -> np.ndarray:
        """These values of the whole tensor [height, width, channels]."""
        first = self.above + self.first_row
        rows = slice(first, first + self.rows)
        channels = slice(self.first_channel, self.first_channel + self.channels)
        return tensor[rows, self.first_column :: self.column_step, channels]

    def read(self, memory: np.ndarray, width: int) -> np.ndarray:
        """These values, `width` columns of them, out of a memory [banks, depth, 8]: [rows, width, channels] of the same type."""
        pixel = self.layout.pixel_words
        found = np.empty((self.rows, width, self.channels), memory.dtype)
        columns = slice(self.first_column, None, self.column_step)
        for i in range(self.rows):
            bank, addr = self.layout.locate(self.first_row + i)
            row = memory[bank, addr : addr + width * self.column_step * pixel].reshape(-1, pixel * WORD_BYTES)
            found[i] = row[columns, self.byte : self.byte + self.step * self.channels : self.step]
        return found


def written_by(step: Step, layouts: Mapping[str, Layout]) -> list[Written]:
    """What a step writes; nothing if it is the sum of some stripes alone, and of a merge the second operand too."""
    item = step.source
    if not step.complete:
        return []
    place, past = item.output, step.output_rows
    rows, above = (past.start, past.stop - past.start), item.above - item.output.row
    first = place.byte + place.step * step.first_channel
    layout = layouts[place.buffer]
    channel = item.first_channel + step.first_channel
    columns = place.pixel, place.pixels
    found = [Written(item.tensor, *rows, channel, step.channels, layout, first, place.step, *columns, above)]
    if item.identity is not None:
        other = first + 1 - 2 * place.byte
        found.append(
            Written(item.identity, *rows, step.first_channel, step.channels, layout, other, place.step, above=above)
        )
    return found
