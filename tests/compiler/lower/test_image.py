"""Folded images: reading them as the machine does gives the convolution's sums."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.nodes import QConv, QTensor
from hwgen.compiler.lower.image import ImageFold, image_folds


def conv(rng: np.random.Generator, window: Window, channels: int, outputs: int) -> QConv:
    return QConv(
        name="conv",
        input="image",
        output="out",
        weights=rng.integers(-127, 128, (outputs, *window.kernel, channels)).astype(np.int8),
        bias=np.zeros(outputs, np.int32),
        multiplier=np.full(outputs, 1 << 30),
        shift=np.full(outputs, 3),
        window=window,
        groups=1,
        input_zero_point=-7,
        output_zero_point=0,
        act_min=-128,
        act_max=127,
    )


def graph_of(node: QConv, shape: tuple[int, int, int]) -> Any:
    """As much of a graph as folding looks at."""
    out = (*node.window.output_size(shape[0], shape[1]), len(node.weights))
    return SimpleNamespace(
        input="image",
        output="end",
        tensors={"image": QTensor("image", shape, 1.0, -7), "out": QTensor("out", out, 1.0, 0)},
        consumers=lambda name: [node],
    )


def sums(fold: ImageFold, node: QConv, image: np.ndarray) -> np.ndarray:
    """The convolution by the fetch's order: taps of memory rows, padded with the zero point, times the matrix."""
    height = fold.height
    memory = fold.arrange(image).view(np.int8).reshape(height, fold.width, -1)[:, :, : fold.bytes]
    taps = fold.window.taps(memory, node.input_zero_point)
    columns = np.concatenate(taps, axis=-1).astype(np.int64)
    return np.asarray(columns @ fold.matrix(node).astype(np.int64).T)


@pytest.mark.parametrize("seed", range(60))
def test_every_fold_computes_the_convolution(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kernel = (int(rng.integers(1, 11)), int(rng.integers(1, 6)))
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    top, bottom, left, right = (int(rng.integers(0, extent)) for extent in (kernel[0], kernel[0], kernel[1], kernel[1]))
    shape = (int(rng.integers(10, 16)), int(rng.integers(6, 12)), int(rng.integers(1, 5)))
    node = conv(rng, Window(kernel, stride, (top, bottom, left, right)), shape[2], 5)
    image = rng.integers(-128, 128, shape).astype(np.int8)
    expected = np.concatenate(node.window.taps(image, -7), axis=-1).astype(np.int64)
    expected = expected @ node.weights.reshape(5, -1).astype(np.int64).T
    folds = image_folds(graph_of(node, shape), 10)
    assert len(folds) == len({1, min(stride[0], kernel[0]), kernel[0]})
    for fold in folds:
        assert np.array_equal(sums(fold, node, image), expected), fold
    few = image_folds(graph_of(node, shape), 3)
    assert few and all(fold.window.kernel[0] <= 3 for fold in few)
    assert [fold.reads for fold in folds] == sorted(fold.reads for fold in folds)


def test_no_fold() -> None:
    rng = np.random.default_rng(0)
    node = conv(rng, Window((3, 3), (1, 1), (2, 2, 2, 2), (2, 2)), 1, 4)
    assert image_folds(graph_of(node, (9, 9, 1)), 3) == [], "dilation"
    graph = graph_of(conv(rng, Window((3, 3)), 1, 4), (9, 9, 1))
    graph.consumers = lambda name: []
    assert image_folds(graph, 3) == [], "two readers or none"
