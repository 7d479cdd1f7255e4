"""Requantisers whose clamp is as narrow as equation 9 allows: accumulators at both ends of its proof and beyond, through the RTL."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from pathlib import Path

import numpy as np
import pytest

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QConv, QTensor
from hwgen.sim import golden
from tests.support.small_machine import CONFIG, Small

INPUT_ZERO = 3
SIDE = 7
"""Of the depthwise kernel: fewer taps do not fill the window's clamp."""


class Ends:
    """A convolution of four channels, each with another reason why a clamp to `bits` changes nothing, and pixels that try them.

    Attributes:
        low, high: the numbers of `bits` bits.
        weights: int8 [channels, inputs]; every other one is negative.
        least: each channel's least accumulator.
        pixels: int8 [pixels, inputs].
    """

    def __init__(self, bits: int, inputs: int) -> None:
        self.low, self.high = -(1 << bits - 1), (1 << bits - 1) - 1
        shift = bits - 8
        to_low = 255 << 23, shift  # `low` gives -127.5, hence -128, the next one -127; `high` gives 127
        to_high = (
            ceil((253 << 22 + bits) / self.high),
            shift,
        )  # `high` gives 126.5, hence 127, the one before 126; `low` above -128
        within = 1 << 30, shift  # at most 64
        self._heavy = [127] * (inputs - 1) + [1]
        span, sum_of_light = 255 * sum(self._heavy), (self.high - self.low) // 255
        light = [sum_of_light // inputs + (i < sum_of_light % inputs) for i in range(inputs)]
        magnitudes = [self._heavy, self._heavy, self._heavy, light]
        signs = np.array([-1 if i % 2 else 1 for i in range(inputs)], np.int8)
        self.weights = np.array(magnitudes, np.int8) * signs
        self.least = np.array(
            [
                self.low,  # no accumulator below, the limit above
                self.high - span,  # the limit below, no accumulator above
                self.low - 50_000,  # both limits
                self.low,  # no accumulator below, none above
            ]
        )
        self.multiplier, self.shift = np.array([to_high, to_low, to_low, within], np.int64).T
        steps = {end - least + beside for least in self.least for end in (self.low, self.high) for beside in (-1, 0, 1)}
        self.pixels = np.array([self._pixel(int(one)) for one in sorted(steps) if 0 <= one <= span], np.int8)

    def _pixel(self, steps: int) -> list[int]:
        """Inputs that take a heavy channel's accumulator so many steps above its least value."""
        found = []
        for i, weight in enumerate(self._heavy):
            distance = min(255, steps // weight)
            steps -= weight * distance
            found.append(127 - distance if i % 2 else distance - 128)
        return found

    def conv(self, weights: np.ndarray, window: Window, groups: int) -> QConv:
        """The convolution with `weights`, int8 [channels, rows, columns, inputs], in this arrangement."""
        from_zero = arithmetic.accumulator_bounds(weights, np.zeros(len(weights), np.int64))[0]
        bias = self.least - from_zero + INPUT_ZERO * self.weights.sum(axis=1, dtype=np.int64)
        factors = self.multiplier, self.shift
        return QConv(
            "conv", "x", "y", weights, bias.astype(np.int32), *factors, window, groups, INPUT_ZERO, 0, -128, 127
        )

    def results(self, low: int, high: int) -> np.ndarray:
        """Of all pixels, int64 [pixels, channels], with accumulators saturated to `low` .. `high`."""
        acc = self.pixels.astype(np.int64) @ self.weights.T.astype(np.int64)
        acc += self.least - (self.weights * np.where(self.weights > 0, -128, 127).astype(np.int64)).sum(axis=1)
        return arithmetic.requantise(np.clip(acc, low, high), self.multiplier, self.shift, 0, -128, 127)


def through_array() -> tuple[Ends, int, QConv, np.ndarray]:
    """A pointwise convolution; a row of pixels."""
    ends = Ends(CONFIG.array_clamp_bits, 80)
    return ends, CONFIG.array_clamp_bits, ends.conv(ends.weights[:, None, None, :], Window(), 1), ends.pixels[None]


def through_window() -> tuple[Ends, int, QConv, np.ndarray]:
    """A depthwise convolution; for each pixel a kernel's rows and columns, the same in all channels."""
    ends = Ends(CONFIG.window_clamp_bits, SIDE * SIDE)
    channels = len(ends.weights)
    patches = ends.pixels.reshape(-1, SIDE, SIDE).transpose(1, 0, 2).reshape(SIDE, -1, 1)
    node = ends.conv(ends.weights.reshape(channels, SIDE, SIDE, 1), Window((SIDE, SIDE), (SIDE, SIDE)), channels)
    return ends, CONFIG.window_clamp_bits, node, np.repeat(patches, channels, axis=2)


@pytest.mark.parametrize("made", [through_array, through_window])
def test_both_ends_of_the_proof(made: Callable[[], tuple[Ends, int, QConv, np.ndarray]], bench_dir: Path) -> None:
    ends, bits, node, image = made()
    assert (node.clamp_bits == bits).all()
    exact = ends.results(-(1 << 31), (1 << 31) - 1)
    np.testing.assert_array_equal(ends.results(ends.low, ends.high), exact)
    # One number less at either end is one too few, where a limit or the accumulators' own range is met just there.
    assert (ends.results(ends.low + 1, ends.high) != exact).any(axis=0).tolist() == [False, True, True, False]
    assert (ends.results(ends.low, ends.high - 1) != exact).any(axis=0).tolist() == [True, False, False, False]

    tensors = [QTensor("x", image.shape, 0.05, INPUT_ZERO), QTensor("y", (1, *exact.shape), 0.05, 0)]
    small = Small.of_graph(QGraph("ends", {tensor.name: tensor for tensor in tensors}, [node], "x", "y"))
    np.testing.assert_array_equal(golden.run(small.legal, image)["y"][0], exact)
    small.simulate(image, bench_dir)
