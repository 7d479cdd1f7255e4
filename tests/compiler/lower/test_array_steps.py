"""Loops over K in pairs of bytes: they read the same weights at the same bytes, whatever byte a loop begins at and however it strides."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.compiler.graph.window import Window
from hwgen.compiler.lower.array_steps import in_steps, sum_bits, weight_products
from hwgen.compiler.lower.passes import Buffer, LogicalPass, Lowered, Placement, View
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.descriptor import FeedMode, WindowOp


def loop_of(first_byte: int, inner: int, outer: int, stride: int, weights: np.ndarray | None = None) -> Lowered:
    """A network of one pass of 5 channels with such a loop."""
    if weights is None:
        weights = np.random.default_rng(1).integers(-128, 128, (5, inner * outer)).astype(np.int8)
    item = LogicalPass(
        *("conv", "y", FeedMode.TAP, WindowOp.MAX, False, View("x", 0, 200)),
        *(Window((1, 1), (1, 1), (0, 0, 0, 0)), 0, Placement("y"), 1, 1, len(weights)),
        first_byte=first_byte,
        inner=inner,
        outer=outer,
        outer_stride=stride,
        weights=weights,
    )
    return Lowered("n", {"x": Buffer("x", 1, 1, 25, 200)}, [item], "y", False, (1, 1, 200))


LOOPS = [
    *((first, inner, 1, 0) for first in range(8) for inner in (1, 2, 3, 8, 23)),
    *((first, 3, 4, stride) for first in (0, 1, 5) for stride in (8, 16, 6)),
    *((first, 5, 3, stride) for first in (0, 3) for stride in (5, 7, 29)),
]


@pytest.mark.parametrize("loop", LOOPS)
def test_same_bytes_same_weights(loop: tuple[int, int, int, int]) -> None:
    lowered = loop_of(*loop)
    assert in_steps(lowered, 1) is lowered
    (item,), (found,) = lowered.passes, in_steps(lowered, 2).passes
    assert item.weights is not None and found.weights is not None
    first, inner, outer, stride = loop
    wanted, read = np.zeros((5, 200), np.int64), np.zeros((5, 200), np.int64)
    for o in range(outer):
        for i in range(inner):
            wanted[:, first + o * stride + i] += item.weights[:, o * inner + i]
    for o in range(found.outer):
        for i in range(found.inner):
            at = 2 * (found.first_byte + o * found.outer_stride + i)
            step = 2 * (o * found.inner + i)
            read[:, at : at + 2] += found.weights[:, step : step + 2]
    np.testing.assert_array_equal(read, wanted)
    assert 2 * found.depth == found.weights.shape[1]
    assert not weight_products(item).any()
    if stride % 2 == 0:
        assert found.depth == outer * ceil_div(first % 2 + inner, 2)


def test_sums_fit() -> None:
    """The width holds the largest sums of any activations, the weights' products included."""
    weights = np.array([[127, -128, 127, -128, 127, -128], [1, 0, 0, 0, 0, 1]], np.int8)
    lowered = loop_of(1, 6, 1, 0, weights)
    (item,), (found,) = lowered.passes, in_steps(lowered, 2).passes
    assert weight_products(found).tolist() == [2 * -128 * 127, 0]  # pairs (0, 127), (-128, 127), (-128, 127), (-128, 0)
    largest = 128 * (3 * 127 + 3 * 128)
    assert sum_bits(found) == (largest + 2 * 127 * 128).bit_length() + 1 == 18
    assert sum_bits(item) == largest.bit_length() + 1
