"""The passes for an array that takes two steps of K a cycle: their loops over K count pairs of bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwgen.compiler.lower.passes import LogicalPass, Lowered
from hwgen.hw.isa.ceil_div import ceil_div


def in_steps(lowered: Lowered, k_steps: int) -> Lowered:
    """The same network for an array of so many steps a cycle; `lowered` is for one step."""
    if k_steps == 1:
        return lowered
    return replace(lowered, passes=[_in_steps(item, k_steps) for item in lowered.passes], k_steps=k_steps)


def _in_steps(item: LogicalPass, k_steps: int) -> LogicalPass:
    """The bytes of a step are neighbours in a word; those that are not the pass's get weights of 0.

    Where outer steps would not begin with a whole step, one loop goes over everything between the first byte and the last, however much
    that is: grouped convolutions behind a channel shuffle may take longer so.
    """
    if item.weights is None:
        return item
    joined = item.outer > 1 and item.outer_stride % k_steps != 0
    inner = (item.outer - 1) * item.outer_stride + item.inner if joined else item.inner
    outer, stride = (1, 0) if joined else (item.outer, item.outer_stride)
    first, head = divmod(item.first_byte, k_steps)
    steps = ceil_div(head + inner, k_steps)
    channels = len(item.weights)
    given = item.weights.reshape(channels, item.outer, item.inner)
    weights = np.zeros((channels, outer, steps * k_steps), np.int8)
    if joined:
        for i in range(item.outer):
            weights[:, 0, head + i * item.outer_stride :][:, : item.inner] = given[:, i]
    else:
        weights[:, :, head : head + inner] = given
    return replace(
        item,
        first_byte=first,
        inner=steps,
        outer=outer,
        outer_stride=stride // k_steps,
        weights=weights.reshape(channels, -1),
        k_steps=k_steps,
    )


def weight_products(item: LogicalPass) -> np.ndarray:
    """What the array adds to the sums of every channel, int64 [channels]: with two steps a cycle the sum of the products of the weights
    of a step (`hwgen.hw.array.element.ProcessingElement`)."""
    assert item.weights is not None
    if item.k_steps == 1:
        return np.zeros(len(item.weights), np.int64)
    pairs = item.weights.reshape(len(item.weights), -1, item.k_steps)
    return pairs.astype(np.int64).prod(axis=2).sum(axis=1)


def sum_bits(item: LogicalPass) -> int:
    """Signed width that holds all finished sums of the array of a pass; on their way they may wrap around."""
    assert item.weights is not None
    largest = 128 * np.abs(item.weights.astype(np.int64)).sum(axis=1) + np.abs(weight_products(item))
    return int(largest.max()).bit_length() + 1
