"""A convolution as straight loops over Python integers."""

from __future__ import annotations

import itertools

import numpy as np

from hwgen.compiler.int8.nodes import QConv
from tests.support.double_rounding import double_rounding


def slow_conv(node: QConv, x: np.ndarray) -> np.ndarray:
    """Equations 3, 6 and 8 element by element: no folded zero point, no matrix product, no one-add form."""
    window = node.window
    rows, columns = window.output_size(*x.shape[:2])
    out = np.zeros((rows, columns, node.out_channels), dtype=np.int64)
    per_group, depth = node.out_channels // node.groups, node.weights.shape[3]
    for y, column, c in itertools.product(range(rows), range(columns), range(node.out_channels)):
        acc = int(node.bias[c])
        for ky, kx, k in itertools.product(range(window.kernel[0]), range(window.kernel[1]), range(depth)):
            iy = y * window.stride[0] + ky * window.dilation[0] - window.padding[0]
            ix = column * window.stride[1] + kx * window.dilation[1] - window.padding[2]
            if 0 <= iy < x.shape[0] and 0 <= ix < x.shape[1]:
                acc += int(node.weights[c, ky, kx, k]) * (
                    int(x[iy, ix, c // per_group * depth + k]) - node.input_zero_point
                )
        scaled = double_rounding(acc, int(node.multiplier[c]), int(node.shift[c])) + node.output_zero_point
        out[y, column, c] = min(max(scaled, node.act_min), node.act_max)
    return out
