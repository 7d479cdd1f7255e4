"""Sliding-window geometry, shared by convolutions and pools, float and int8."""

from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np


@dataclass(frozen=True)
class Window:
    """Geometry of a sliding window: sizes, strides and dilation as (vertical, horizontal)."""

    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)  # top, bottom, left, right; negative: cut off
    dilation: tuple[int, int] = (1, 1)

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the output of a `height` x `width` input (0 or less: the window does not fit)."""
        top, bottom, left, right = self.padding
        span_y, span_x = self.span
        return (
            (height + top + bottom - span_y) // self.stride[0] + 1,
            (width + left + right - span_x) // self.stride[1] + 1,
        )

    @cached_property
    def span(self) -> tuple[int, int]:
        """Rows and columns of the input that the kernel reaches over."""
        return (self.kernel[0] - 1) * self.dilation[0] + 1, (self.kernel[1] - 1) * self.dilation[1] + 1

    @property
    def trivial(self) -> bool:
        """A 1x1 window, stride 1, no padding."""
        return self.kernel == (1, 1) and self.stride == (1, 1) and self.padding == (0, 0, 0, 0)

    def taps(self, x: np.ndarray, fill: float) -> list[np.ndarray]:
        """The input elements under each kernel position, position by position in row-major order.

        `x` is [..., height, width, channels]; each result is [..., rows, columns, channels] of the same dtype, with
        `fill` where the position lies outside the input.
        """
        rows, columns = self.output_size(x.shape[-3], x.shape[-2])
        top, bottom, left, right = self.padding
        if min(self.padding) < 0:  # what is cut off
            x = x[..., max(0, -top) : x.shape[-3] - max(0, -bottom), max(0, -left) : x.shape[-2] - max(0, -right), :]
            top, bottom, left, right = (max(0, side) for side in self.padding)
        if any(self.padding):
            widths = [(0, 0)] * (x.ndim - 3) + [(top, bottom), (left, right), (0, 0)]
            padded = np.pad(x, widths, constant_values=fill)
        else:
            padded = x
        (stride_y, stride_x), (step_y, step_x) = self.stride, self.dilation
        return [
            padded[
                ...,
                ky * step_y : ky * step_y + (rows - 1) * stride_y + 1 : stride_y,
                kx * step_x : kx * step_x + (columns - 1) * stride_x + 1 : stride_x,
                :,
            ]
            for ky in range(self.kernel[0])
            for kx in range(self.kernel[1])
        ]

    def reduced(self, x: np.ndarray, fill: float, function: np.ufunc) -> np.ndarray:
        """`function`, np.add or np.maximum, over all elements under the kernel: [..., rows, columns, channels] of x's dtype.

        `x` and `fill` as in `taps`.  Along one axis and then the other: a kernel's cost is its height and width, not its area, and
        the memory is that of three maps.
        """
        for window in self._axes:
            x = reduce(function, window.taps(x, fill))
        return x

    def valid(self, height: int, width: int) -> np.ndarray:
        """How many elements of a `height` x `width` input each output's kernel covers, int64 [rows, columns, 1]."""
        rows, columns = self._axes
        inside = (np.ones((height, 1, 1), np.int64), np.ones((1, width, 1), np.int64))
        return reduce(np.add, rows.taps(inside[0], 0)) * reduce(np.add, columns.taps(inside[1], 0))

    @property
    def _axes(self) -> tuple["Window", "Window"]:
        """The window along the rows, and along the columns."""
        top, bottom, left, right = self.padding
        return (
            Window((self.kernel[0], 1), (self.stride[0], 1), (top, bottom, 0, 0), (self.dilation[0], 1)),
            Window((1, self.kernel[1]), (1, self.stride[1]), (0, 0, left, right), (1, self.dilation[1])),
        )
