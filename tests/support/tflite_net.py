"""A TensorFlow Lite network in the making, operator by operator."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwgen.hw.isa.ceil_div import ceil_div
from tests.support.make_tflite import ACTIVATIONS, SAME, Maker

SCALE, ZERO = 0.05, -3


class Net:
    """A network in the making: every method adds an operator and gives the index of its output."""

    def __init__(self, seed: int = 0) -> None:
        self.m, self.rng = Maker(), np.random.default_rng(seed)

    def tensor(self, shape: tuple[int, ...], scale: float = SCALE, zero: int = ZERO) -> int:
        """An activation."""
        return self.m.tensor(shape, float(np.float32(scale)), zero)

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Shape of a tensor."""
        return tuple(self.m.tensors[tensor]["shape"])

    def scale(self, tensor: int) -> tuple[float, int]:
        """Scale and zero point of a tensor."""
        return float(self.m.tensors[tensor]["scales"][0]), int(self.m.tensors[tensor]["zero_points"][0])

    def conv(
        self,
        x: int,
        channels: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        padding: int = SAME,
        **more: Any,
    ) -> int:
        """CONV_2D."""
        depth = self.shape(x)[3] // groups
        return self._convolution("CONV_2D", x, (channels, kernel, kernel, depth), 0, channels, stride, padding, more)

    def depthwise(self, x: int, kernel: int = 3, *, stride: int = 1, multiplier: int = 1, **more: Any) -> int:
        """DEPTHWISE_CONV_2D."""
        channels = self.shape(x)[3] * multiplier
        more["DepthMultiplier"] = multiplier
        return self._convolution("DEPTHWISE_CONV_2D", x, (1, kernel, kernel, channels), 3, channels, stride, SAME, more)

    def _convolution(
        self,
        op: str,
        x: int,
        shape: tuple[int, ...],
        axis: int,
        channels: int,
        stride: int,
        padding: int,
        more: dict[str, Any],
    ) -> int:
        scale, _ = self.scale(x)
        out_scale, zero = more.pop("quantisation", (SCALE, ZERO))
        terms = np.prod(shape) / channels
        weights = self.rng.integers(-127, 128, shape).astype(np.int8)
        weights_scale = more.pop("weights_scale", None) or float(np.float32(out_scale / (scale * 60 * np.sqrt(terms))))
        bias = self.rng.integers(-2000, 2000, channels).astype(np.int32)
        w = self.m.tensor(shape, [weights_scale] * channels, data=weights, axis=axis)
        c = self.m.tensor((channels,), [scale * weights_scale] * channels, data=bias)
        height, width = self.shape(x)[1:3]
        cut = 0 if padding == SAME else shape[1] - 1
        out = self.tensor((1, ceil_div(height - cut, stride), ceil_div(width - cut, stride), channels), out_scale, zero)
        activation = ACTIVATIONS[more.pop("activation", "NONE")]
        options = {"DilationHFactor": 1, "DilationWFactor": 1, "FusedActivationFunction": activation, **more}
        self.m.operator(op, [x, w, c], [out], Padding=padding, StrideH=stride, StrideW=stride, **options)
        return out

    def one(self, op: str, x: int, shape: tuple[int, ...] | None = None, **options: Any) -> int:
        """An operator of one input; the output keeps the quantisation unless `quantisation` is given."""
        quantisation = options.pop("quantisation", self.scale(x))
        constants = [self.m.constant(values) for values in options.pop("constants", [])]
        out = self.tensor(shape or self.shape(x), *quantisation)
        self.m.operator(op, [x, *constants], [out], **options)
        return out

    def two(self, op: str, x: int, y: int, quantisation: tuple[float, int], **options: Any) -> int:
        """An operator of two operands."""
        out = self.tensor(self.shape(x), *quantisation)
        self.m.operator(op, [x, y], [out], **options)
        return out

    def join(self, *parts: int) -> int:
        """CONCATENATION of channels."""
        shape = (*self.shape(parts[0])[:3], sum(self.shape(part)[3] for part in parts))
        out = self.tensor(shape, *self.scale(parts[0]))
        self.m.operator("CONCATENATION", list(parts), [out], Axis=3)
        return out

    def split(self, x: int, *sizes: int) -> list[int]:
        """SPLIT_V of channels."""
        ends = [self.tensor((*self.shape(x)[:3], size), *self.scale(x)) for size in sizes]
        self.m.operator("SPLIT_V", [x, self.m.constant(sizes), self.m.constant(3)], ends, NumSplits=len(sizes))
        return ends

    def shuffle(self, x: int, groups: int) -> int:
        """RESHAPE, TRANSPOSE, RESHAPE."""
        _, height, width, channels = self.shape(x)
        split = self.one("RESHAPE", x, (1, height, width, groups, channels // groups))
        moved = self.one(
            "TRANSPOSE", split, (1, height, width, channels // groups, groups), constants=[[0, 1, 2, 4, 3]]
        )
        return self.one("RESHAPE", moved, (1, height, width, channels))

    def head(self, x: int, classes: int) -> int:
        """MEAN, FULLY_CONNECTED, SOFTMAX."""
        channels = self.shape(x)[3]
        pooled = self.one("MEAN", x, (1, channels), constants=[[1, 2]], KeepDims=False, quantisation=(0.03, 5))
        return self.one("SOFTMAX", self.dense(pooled, classes), quantisation=(1 / 256, -128), Beta=1.0)

    def dense(self, x: int, units: int) -> int:
        """FULLY_CONNECTED."""
        depth = int(np.prod(self.shape(x)))
        scale, _ = self.scale(x)
        weights = self.rng.integers(-127, 128, (units, depth)).astype(np.int8)
        weights_scale = float(np.float32(SCALE / (scale * 60 * np.sqrt(depth))))
        w = self.m.tensor((units, depth), weights_scale, data=weights)
        c = self.m.tensor((units,), scale * weights_scale, data=self.rng.integers(-900, 900, units).astype(np.int32))
        out = self.tensor((1, units))
        self.m.operator("FULLY_CONNECTED", [x, w, c], [out])
        return out
