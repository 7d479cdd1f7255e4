"""How the image lies in the activation memory when the host writes it there: columns, and rows, folded into a pixel.

The bytes of a kernel's columns stand together in one memory pixel, once for every output column, and so may several rows. Then the first
convolution reads a word or two per kernel row instead of one for every tap, and an image of one channel does not take a whole word a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QConv
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WORD_BYTES


@dataclass(frozen=True)
class ImageFold:
    """Memory pixel (y, x) holds channel c of image row `first_row + y * row_step + i`, column `first_column + x * column_step + j`
    in byte `(i * columns + j) * channels + c`, for 0 <= i < rows, 0 <= j < columns; `fill` where the image has no such pixel.

    Attributes:
        rows, row_step, first_row, columns, column_step, first_column, channels, fill: see above.
        height, width: memory pixels.
        window: of the convolution on memory pixels.
    """

    rows: int
    row_step: int
    first_row: int
    columns: int
    column_step: int
    first_column: int
    channels: int
    fill: int
    height: int
    width: int
    window: Window

    @property
    def bytes(self) -> int:
        """Bytes in use of a memory pixel."""
        return self.rows * self.columns * self.channels

    @property
    def pixel_words(self) -> int:
        return ceil_div(self.bytes, WORD_BYTES)

    @property
    def reads(self) -> int:
        """Words that the convolution reads for an output pixel."""
        return self.window.kernel[0] * self.pixel_words

    @property
    def words(self) -> int:
        """Words of the whole image."""
        return self.height * self.width * self.pixel_words

    def arrange(self, image: np.ndarray) -> np.ndarray:
        """An image int8 [height, width, channels] as the bytes of memory rows, uint8 [height, width * pixel_words * 8]."""
        pixels = np.zeros((self.height, self.width, self.pixel_words * WORD_BYTES), np.int8)
        y = self.first_row + self.row_step * np.arange(self.height)[:, None] + np.arange(self.rows)
        x = self.first_column + self.column_step * np.arange(self.width)[:, None] + np.arange(self.columns)
        inside_y, inside_x = (y >= 0) & (y < image.shape[0]), (x >= 0) & (x < image.shape[1])
        taken = image[np.where(inside_y, y, 0)[:, None, :, None], np.where(inside_x, x, 0)[None, :, None, :]]
        valid = inside_y[:, None, :, None] & inside_x[None, :, None, :]
        taken = np.where(valid[..., None], taken, np.int8(self.fill))
        pixels[:, :, : self.bytes] = taken.reshape(self.height, self.width, self.bytes)
        return pixels.reshape(self.height, -1).view(np.uint8)

    def matrix(self, conv: QConv) -> np.ndarray:
        """The convolution's weights int8 [out channels, kernel rows on memory pixels * bytes]."""
        count, kernel_h = len(conv.weights), self.window.kernel[0]
        padded = np.zeros((count, kernel_h * self.rows, self.columns, self.channels), np.int8)
        padded[:, : conv.window.kernel[0]] = conv.weights
        return padded.reshape(count, -1)


def image_folds(graph: QGraph, max_rows: int) -> list[ImageFold]:
    """Ways to fold the image of a network whose only reader is a convolution with at most `max_rows` kernel rows left: fewest reads
    first, then fewest words. Empty if it has another reader.
    """
    readers = graph.consumers(graph.input)
    if len(readers) != 1 or not isinstance(conv := readers[0], QConv) or conv.depthwise or conv.groups != 1:
        return []
    if graph.input == graph.output or conv.window.dilation != (1, 1):
        return []
    out = graph.tensors[conv.output]
    image = graph.tensors[graph.input]
    (kernel_h, kernel_w), (stride_y, stride_x) = conv.window.kernel, conv.window.stride
    top, bottom, left, _ = conv.window.padding
    found = []
    for rows in sorted({1, min(stride_y, kernel_h), kernel_h}):
        # With a stride's rows in a pixel the window goes on by one memory row, with one row in a pixel by the stride.
        kernel = ceil_div(kernel_h, rows)
        if rows == 1:
            height, step, first = image.height, 1, 0
            window = Window((kernel, 1), (stride_y, 1), (top, bottom, 0, 0))
        elif rows in (stride_y, kernel_h):
            height, step, first = out.height + kernel - 1, stride_y, -top
            window = Window((kernel, 1), (1, 1))
        else:
            continue
        if kernel <= max_rows:
            found.append(
                ImageFold(
                    rows=rows,
                    row_step=step,
                    first_row=first,
                    columns=kernel_w,
                    column_step=stride_x,
                    first_column=-left,
                    channels=image.channels,
                    fill=conv.input_zero_point,
                    height=height,
                    width=out.width,
                    window=window,
                )
            )
    return sorted(found, key=lambda fold: (fold.reads, fold.words))
