"""Loops over K in pairs of bytes: they read the same weights at the same bytes, whatever byte a loop begins at and however it strides."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hwgen.compiler.lower.array_steps import step_loop, step_weights, sum_bits, weight_products
from hwgen.hw.isa.ceil_div import ceil_div


def loop_of(first_byte: int, inner: int, outer: int, stride: int, seed: int = 1) -> Any:
    """A pass of 5 channels with such a loop."""
    weights = np.random.default_rng(seed).integers(-128, 128, (5, inner * outer)).astype(np.int8)
    return SimpleNamespace(first_byte=first_byte, inner=inner, outer=outer, outer_stride=stride, weights=weights)


LOOPS = [
    *((first, inner, 1, 0) for first in range(8) for inner in (1, 2, 3, 8, 23)),
    *((first, 3, 4, stride) for first in (0, 1, 5) for stride in (8, 16, 6)),
    *((first, 5, 3, stride) for first in (0, 3) for stride in (5, 7, 29)),
]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("k_steps", [1, 2])
def test_same_bytes_same_weights(loop: tuple[int, int, int, int], k_steps: int) -> None:
    item = loop_of(*loop)
    first, inner, outer, stride = loop
    found, weights = step_loop(item, k_steps), step_weights(item, k_steps)
    wanted = np.zeros((5, 200), np.int64)
    for o in range(outer):
        for i in range(inner):
            wanted[:, first + o * stride + i] += item.weights[:, o * inner + i]
    read = np.zeros_like(wanted)
    for o in range(found.outer):
        for i in range(found.inner):
            at = k_steps * (found.first + o * found.stride + i)
            read[:, at : at + k_steps] += weights[:, o * found.inner + i]
    np.testing.assert_array_equal(read, wanted)
    assert found.depth == weights.shape[1] and weights.shape[2] == k_steps
    if k_steps == 1:
        np.testing.assert_array_equal(weights[:, :, 0], item.weights)
        assert not weight_products(item, 1).any()
    elif not found.joined:
        assert found.depth == outer * ceil_div(first % 2 + inner, 2)


def test_sums_fit() -> None:
    """The width holds the largest sums of any activations, weights' products included; a bit less does not."""
    item = loop_of(1, 6, 1, 0)
    item.weights = np.array([[127, -128, 127, -128, 127, -128], [1, 0, 0, 0, 0, 1]], np.int8)
    products = weight_products(item, 2)
    assert products.tolist() == [2 * -128 * 127, 0]  # pairs (0, 127), (-128, 127), (-128, 127), (-128, 0)
    largest = 128 * (3 * 127 + 3 * 128) + 2 * 127 * 128
    assert sum_bits(item, 2) == largest.bit_length() + 1 == 18
    assert sum_bits(item, 1) == (128 * (3 * 127 + 3 * 128)).bit_length() + 1
