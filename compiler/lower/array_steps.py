"""The array's loop over K in the steps that a core takes: one byte of a pixel at a time, or two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.compiler.lower.passes import LogicalPass
from hwgen.hw.isa.ceil_div import ceil_div


@dataclass(frozen=True)
class StepLoop:
    """A pass's loop over K, counted in steps of `k_steps` bytes.

    Attributes:
        k_steps: bytes of a step.
        first: step of a pixel's words that it begins with.
        inner, outer: steps; K = outer * inner of them.
        stride: steps from one outer step to the next.
        head: bytes of the first step that are not the loop's.
        joined: it goes over everything between the first and the last byte, because its outer steps do not begin with whole steps.
    """

    k_steps: int
    first: int
    inner: int
    outer: int
    stride: int
    head: int
    joined: bool

    @property
    def depth(self) -> int:
        """K, steps of one sum of the array."""
        return self.inner * self.outer


def step_loop(item: LogicalPass, k_steps: int) -> StepLoop:
    """The loop of a pass; the bytes of a step are neighbours in a word, those that are not the pass's get weights of 0."""
    joined = item.outer > 1 and item.outer_stride % k_steps != 0
    inner = (item.outer - 1) * item.outer_stride + item.inner if joined else item.inner
    outer, stride = (1, 0) if joined else (item.outer, item.outer_stride)
    first, head = divmod(item.first_byte, k_steps)
    return StepLoop(k_steps, first, ceil_div(head + inner, k_steps), outer, stride // k_steps, head, joined)


def step_weights(item: LogicalPass, k_steps: int) -> np.ndarray:
    """Weights of a pass, int8 [channels, K, k_steps]."""
    assert item.weights is not None
    loop, channels = step_loop(item, k_steps), len(item.weights)
    given = item.weights.reshape(channels, item.outer, item.inner)
    found = np.zeros((channels, loop.outer, loop.inner * k_steps), np.int8)
    if loop.joined:
        for i in range(item.outer):
            found[:, 0, loop.head + i * item.outer_stride :][:, : item.inner] = given[:, i]
    else:
        found[:, :, loop.head : loop.head + item.inner] = given
    return found.reshape(channels, -1, k_steps)


def weight_products(item: LogicalPass, k_steps: int) -> np.ndarray:
    """What the array adds to the sums of every channel, int64 [channels]: with two steps a cycle the sum of the products of the weights
    of a step (`hwgen.hw.array.element.ProcessingElement`)."""
    if k_steps == 1:
        assert item.weights is not None
        return np.zeros(len(item.weights), np.int64)
    return step_weights(item, k_steps).astype(np.int64).prod(axis=2).sum(axis=1)


def sum_bits(item: LogicalPass, k_steps: int) -> int:
    """Signed width that holds all finished sums of the array of a pass; on their way they may wrap around."""
    weights = step_weights(item, k_steps).astype(np.int64)
    largest = (128 * np.abs(weights).sum(axis=(1, 2)) + np.abs(weight_products(item, k_steps))).max()
    return int(largest).bit_length() + 1
