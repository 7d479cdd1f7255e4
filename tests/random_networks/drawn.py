"""A random network in the making, and how its numbers are drawn.

Scales are a mantissa of 11 bits times a power of two, or made of such by operations that IEEE 754 rounds everywhere alike, so a seed
gives the same file on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from tests.support.tflite_net import Net

X = TypeVar("X")

EXTREME = 0.08
"""Share of scales that are far from what their values need."""

MOST_WORK = 25_000
"""Multiply-accumulates of an operator: the reference in scalar Python takes some milliseconds for them."""

MOST_ELEMENTS = 3_000
"""Of a tensor."""


class Drawn(Net):
    """A random network in the making.

    Attributes:
        made: tensors that may be read, in the order of their making.
        unread: those of them that nothing reads yet.
        uint8: whether its activations are uint8.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.rng = np.random.default_rng([seed, 1])
        self.made: list[int] = []
        self.unread: set[int] = set()
        self.uint8 = self.chance(0.06)

    # Numbers.

    def chance(self, share: float) -> bool:
        """True in so many cases."""
        return float(self.rng.random()) < share

    def between(self, low: int, high: int) -> int:
        """An integer, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, options: Sequence[X]) -> X:
        """One of them."""
        return options[self.between(0, len(options) - 1)]

    def power(self, low: int, high: int) -> float:
        """A real number of 2^low .. 2^(high + 1)."""
        return math.ldexp(1024 + self.between(0, 1023), self.between(low, high) - 10)

    def zero_point(self) -> int:
        """Of an int8 tensor; its ends are frequent."""
        return self.pick([-128, 127, 0, -1, *(self.between(-128, 127) for _ in range(4))])

    def near(self, natural: float, low: int = -2, high: int = 1) -> float:
        """A scale about that which suits the values, now and then a far one; float32."""
        far = self.power(-16, 24) if self.chance(EXTREME) else 1.0
        return float(np.float32(min(max(natural * self.power(low, high) * far, 2.0**-100), 2.0**100)))

    def quantisation(self, natural: float) -> tuple[float, int]:
        """Scale and zero point for an output."""
        return self.near(natural), self.zero_point()

    def activation(self) -> int:
        """A fused activation."""
        return self.pick([0, 0, 1, 2, 3])

    # Tensors.

    def tensor(self, shape: tuple[int, ...], scale: float = 0.05, zero: int = 0) -> int:
        """An activation; its zero point is counted as of int8."""
        kind = "UINT8" if self.uint8 else "INT8"
        return self.m.tensor(shape, scale, zero + 128 if self.uint8 else zero, kind=kind)

    def scale(self, tensor: int) -> tuple[float, int]:
        """Scale and zero point, the latter as of int8."""
        scale, zero = super().scale(tensor)
        return scale, zero - 128 if self.uint8 else zero

    def alike(self, x: int) -> list[int]:
        """Tensors with the height and width of another one."""
        return [other for other in self.made if self.shape(other)[:3] == self.shape(x)[:3]]

    def source(self) -> int:
        """What an operator reads: often what was made last, or what nobody has read."""
        last = self.made[-1]
        x = self.pick([last, last, self.pick(sorted(self.unread)) if self.unread else last, self.pick(self.made[-4:])])
        self.unread.discard(x)
        return x

    def add(self, *tensors: int) -> None:
        """Let further operators read these."""
        self.made += tensors
        self.unread.update(tensors)

    def requantised(self, x: int, quantisation: tuple[float, int]) -> int:
        """The same values with another scale and zero point, by a QUANTIZE unless they have them already."""
        if self.scale(x) == quantisation:
            return x
        return self.one("QUANTIZE", x, quantisation=quantisation)

    def constant_q(self, shape: tuple[int, ...], scale: float, zero: int) -> int:
        """A quantised constant of random values."""
        return self.m.tensor(shape, scale, zero, data=self.rng.integers(-128, 128, shape).astype(np.int8))
