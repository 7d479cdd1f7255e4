"""The work that is compared: a 3x3 and a 1x1 convolution with random int8 data, and what each arithmetic makes of it.

Imports nothing but NumPy: NNgen's half runs in an environment of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

LAYERS = ("spatial", "point")


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution of stride 1 with zero padding to the same size, bias, a scale for each channel and ReLU.

    Real factor of channel c: `scale[c] * 2^-shift`.

    Attributes:
        weights: int8 [outputs, kernel, kernel, inputs], -127 .. 127.
        bias: int32 [outputs].
        scale: int8 [outputs], 64 .. 127.
        shift: right shift behind the multiplication by the scale.
    """

    weights: np.ndarray
    bias: np.ndarray
    scale: np.ndarray
    shift: int

    def sums(self, x: np.ndarray) -> np.ndarray:
        """Bias plus products: int64 [height, width, outputs] of int8 [height, width, inputs]."""
        size = self.weights.shape[1]
        side = size // 2
        padded = np.pad(x.astype(np.int64), ((side, side), (side, side), (0, 0)))
        total = np.zeros((*x.shape[:2], self.weights.shape[0]), np.int64) + self.bias
        for ky in range(size):
            for kx in range(size):
                tap = padded[ky : ky + x.shape[0], kx : kx + x.shape[1]]
                total += tap @ self.weights[:, ky, kx].astype(np.int64).T
        return total


@dataclass(frozen=True, eq=False)
class Block:
    """Input int8 [height, width, channels], -127 .. 127, and the two layers."""

    image: np.ndarray
    layers: tuple[Layer, Layer]

    @classmethod
    def random(cls, height: int, width: int, channels: tuple[int, int, int], seed: int) -> Block:
        """Of channels (in, between, out); the scales leave the results spread over the range of int8."""
        rng = np.random.default_rng(seed)

        def layer(kernel: int, inputs: int, outputs: int) -> Layer:
            shape = (outputs, kernel, kernel, inputs)
            # Standard deviation of a sum of products of uniform int8: 73.6^2 * sqrt(terms); a scale of 96 makes it about 48.
            shift = round(np.log2(73.6**2 * np.sqrt(kernel * kernel * inputs) * 96 / 48))
            return Layer(
                weights=rng.integers(-127, 128, shape).astype(np.int8),
                bias=rng.integers(-20000, 20001, outputs).astype(np.int32),
                scale=rng.integers(64, 128, outputs).astype(np.int8),
                shift=shift,
            )

        image = rng.integers(-127, 128, (height, width, channels[0])).astype(np.int8)
        return cls(image, (layer(3, channels[0], channels[1]), layer(1, channels[1], channels[2])))

    @property
    def macs(self) -> int:
        """Multiply-accumulates, those with padding included."""
        return sum(layer.weights.size for layer in self.layers) * self.image.shape[0] * self.image.shape[1]

    def save(self, path: Path) -> None:
        """As .npz."""
        entries: dict[str, Any] = {"image": self.image}
        for name, layer in zip(LAYERS, self.layers, strict=True):
            entries |= {f"{name}_{key}": np.asarray(value) for key, value in vars(layer).items()}
        np.savez(path, **entries)

    @classmethod
    def load(cls, path: Path) -> Block:
        """What `save` wrote."""
        with np.load(path) as entries:

            def layer(name: str) -> Layer:
                weights, bias, scale = (entries[f"{name}_{key}"] for key in ("weights", "bias", "scale"))
                return Layer(weights, bias, scale, int(entries[f"{name}_shift"]))

            first, second = map(layer, LAYERS)
            return cls(entries["image"], (first, second))


def nngen_result(block: Block) -> np.ndarray:
    """NNgen's arithmetic: one rounding, half away from zero, clamped to -127 .. 127, then ReLU; int8 [height, width, outputs]."""
    x = block.image
    for layer in block.layers:
        scaled = layer.sums(x) * layer.scale.astype(np.int64)
        half = 1 << (layer.shift - 1)
        rounded = (scaled + half - (scaled < 0)) >> layer.shift
        x = np.clip(rounded, 0, 127).astype(np.int8)
    return x
