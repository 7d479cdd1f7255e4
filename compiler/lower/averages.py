"""Local average pools: how the window divides by the number of valid elements (docs/arithmetic.md, equation 12)."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

from hwgen.compiler.graph.window import Window

_MOST_SCALE = 63  # `average_scale` has 6 bits


@dataclass(frozen=True)
class Averages:
    """A sum of c valid elements times its scale, divided by `divisor`, is the mean of the c elements.

    Attributes:
        divisor: the same for all output pixels.
        scales: `divisor` / c, by {columns cut, rows cut}.
    """

    divisor: int
    scales: tuple[int, int, int, int]


def averages(window: Window, height: int, width: int) -> Averages | None:
    """Divisor and scales of a pool over a `height` x `width` input; None where rows, or columns, are cut in more than one way, so that
    the two flags do not tell the number of valid elements.
    """
    rows, columns = window.output_size(height, width)
    top, _, left, _ = window.padding
    counts_y = _counts(window.kernel[0], window.stride[0], top, height, rows)
    counts_x = _counts(window.kernel[1], window.stride[1], left, width, columns)
    if counts_y is None or counts_x is None:
        return None
    counts = [counts_y[cut_y] * counts_x[cut_x] for cut_x in (0, 1) for cut_y in (0, 1)]
    divisor = lcm(*counts)
    scales = (divisor // counts[0], divisor // counts[1], divisor // counts[2], divisor // counts[3])
    return Averages(divisor, scales) if max(scales) <= _MOST_SCALE else None


def _counts(kernel: int, stride: int, before: int, size: int, outputs: int) -> tuple[int, int] | None:
    """Valid elements along one axis of windows that are whole, and of those that are cut (the same, if none is)."""
    found = {
        min(size, first + kernel) - max(0, first) for first in range(-before, -before + outputs * stride, stride)
    } - {kernel}
    if len(found) > 1 or (found and min(found) < 1):
        return None
    return kernel, found.pop() if found else kernel
