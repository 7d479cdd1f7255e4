"""What uint8 kernels compute otherwise than int8 ones: averages and rescaled concatenations look at the raw values."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from hwgen.compiler.frontend import tflite
from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.int8.nodes import QAvgPool, QConv, QMean
from hwgen.errors import ModelError, UnsupportedOpError
from hwgen.sim import golden
from tests.support.make_tflite import SAME, VALID, Maker


def average(size: tuple[int, int], kernel: tuple[int, int], *, stride: int = 1, padding: int = VALID) -> bytes:
    m = Maker()
    out = [
        math.ceil(n / stride) if padding == SAME else (n - k) // stride + 1 for n, k in zip(size, kernel, strict=True)
    ]
    x, y = (m.tensor((1, *shape, 30), 0.1, 131, kind="UINT8") for shape in (size, out))
    options = {"StrideH": stride, "StrideW": stride, "FilterHeight": kernel[0], "FilterWidth": kernel[1]}
    m.operator("AVERAGE_POOL_2D", [x], [y], Padding=padding, **options)
    return m.finish([x], [y])


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "kind"),
    [
        ((6, 6), (2, 2), 2, QConv),
        ((6, 6), (3, 3), 1, QAvgPool),
        ((6, 9), (2, 3), 1, QConv),
        ((8, 8), (8, 8), 1, QMean),
        ((6, 6), (6, 6), 1, QConv),
        ((7, 7), (7, 7), 1, QAvgPool),
    ],
)
def test_halves_are_rounded_up(
    size: tuple[int, int], kernel: tuple[int, int], stride: int, kind: type[QConv | QMean | QAvgPool]
) -> None:
    """On either side of the int8 zero, where int8 kernels round away from it."""
    graph = tflite.parse(average(size, kernel, stride=stride), "m.tflite")
    assert [type(node) for node in graph.nodes] == [kind]
    rng = np.random.default_rng(0)
    for middle in (0, 60, 127, 128, 200, 255):
        frame = np.clip(middle + rng.integers(-3, 4, (1, *size, 30)), 0, 255).astype(np.uint8)
        windows = np.lib.stride_tricks.sliding_window_view(frame[0].astype(int), kernel, axis=(0, 1))[
            ::stride, ::stride
        ]
        count = math.prod(kernel)
        expected = (windows.sum(axis=(3, 4)) + count // 2) // count
        np.testing.assert_array_equal(golden.predict(graph, frame)[0], expected)


@pytest.mark.parametrize("count", [*range(2, 130, 2), 256, 1000, 2024, 2046, 2048])
def test_half_up_multiplier_is_exact_for_every_sum(count: int) -> None:
    sums = np.arange(-255 * count, 255 * count + 1)  # less their zero point
    result = arithmetic.scale_by(2 * sums + 1, arithmetic.half_up_multiplier(count), 0)
    np.testing.assert_array_equal(result, (sums + count // 2) // count)


def test_half_up_multiplier_has_its_limits() -> None:
    for count in (0, 3, 2050):
        with pytest.raises(ModelError, match=f"an average of {count} uint8 elements; allowed are even numbers"):
            arithmetic.half_up_multiplier(count)


def test_padded_averages_are_refused() -> None:
    """Windows of one size with an odd number of elements each have no halves; others have."""
    with pytest.raises(
        UnsupportedOpError, match=r"average_pool_2d_0 \(to 't1'\): a uint8 average with padding, .* VALID"
    ):
        tflite.parse(average((6, 6), (3, 3), padding=SAME), "m.tflite")
    tflite.parse(average((6, 6), (1, 1), padding=SAME), "m.tflite")


def test_concatenation_of_other_scales() -> None:
    """In float32 on the values as they are: a zero point of 128 less rounds otherwise at some."""
    q = np.arange(256)
    scales = [np.float32(value) for value in (0.1, 3.0, 0.3, 0.0235)]
    for one, other, zero in itertools.product(scales, scales, (52, 83, 200)):
        if one == other:
            continue
        m = Maker()
        x = m.tensor((1, 1, 256, 1), float(one), zero, kind="UINT8")
        y = m.tensor((1, 1, 256, 2), float(other), 83, kind="UINT8")
        m.operator("CONCATENATION", [x, x], [y], Axis=3)
        graph = tflite.parse(m.finish([x], [y]), "m.tflite")
        factor = one * (np.float32(1) / other)
        real = q.astype(np.float32) * factor + np.float32(-zero) * factor
        expected = np.clip(np.sign(real) * np.floor(np.abs(real) + np.float32(0.5)) + 83, 0, 255)
        found = golden.predict(graph, q.astype(np.uint8).reshape(1, 1, 256, 1))
        np.testing.assert_array_equal(found[0, 0, :, 0], expected)
