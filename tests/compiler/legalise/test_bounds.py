"""What would grow without bounds while it is rewritten is refused by its name, or left to be refused."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QAvgPool, QConv, QMaxPool, QNode, QShuffle, QTensor, Shape
from hwgen.compiler.legalise import legalise
from hwgen.compiler.legalise.rewriter import identity
from hwgen.compiler.lower.lower import lower
from hwgen.errors import UnsupportedOpError


def graph_of(node: QNode, shape: Shape, out: Shape) -> QGraph:
    tensors = {name: QTensor(name, size, 0.1, 0) for name, size in (("x", shape), ("y", out))}
    graph = QGraph("g", tensors, [node], "x", "y")
    graph.verify()
    return graph


def refused(graph: QGraph) -> str:
    tracemalloc.start()
    try:
        with pytest.raises(UnsupportedOpError) as caught:
            lower(legalise(graph))
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()
    return str(caught.value)


def test_channels_that_move_without_a_layer() -> None:
    """As a convolution they would have 64 MB of weights."""
    shape = (1, 1, 1 << 13)
    assert refused(graph_of(QShuffle("mix", "x", "y", 2), shape, shape)) == (
        "mix: it moves 8,192 channels; nearest: at most 4,096"
    )


def test_groups_that_become_one() -> None:
    """16,358 channels in groups of two: 8,179 is a prime."""
    groups, channels = 8179, 16358
    plain = identity("c", QTensor("x", (1, 1, channels), 0.1, 0), QTensor("y", (1, 1, channels), 0.1, 0))
    conv = replace(plain, weights=np.ones((channels, 1, 1, 2), np.int8), groups=groups)
    assert isinstance(conv, QConv)
    assert refused(graph_of(conv, (1, 1, channels), (1, 1, channels))).startswith(
        "c: 8,179 groups of 2 input and 2 output channels; nearest: fewer channels"
    )


def test_a_maximum_over_a_large_window() -> None:
    """A chain of pools takes two off the kernel with each."""
    graph = graph_of(QMaxPool("m", "x", "y", Window((601, 1))), (700, 4, 8), (100, 4, 8))
    assert len(legalise(graph).nodes) == 1
    assert "m: a pool of (601, 1) with stride (1, 1); nearest: stride 1 to 7, 256 rows and columns" in refused(graph)
    assert len(legalise(graph_of(QMaxPool("m", "x", "y", Window((255, 1))), (300, 4, 8), (46, 4, 8))).nodes) == 127


def test_a_mean_that_no_multiplier_gives_exactly() -> None:
    """Of a window as large as the map; told before any array of its sums is made."""
    graph = graph_of(QAvgPool("a", "x", "y", Window((600, 600))), (600, 600, 1), (1, 1, 1))
    assert (
        "a: a mean of 600 x 600 elements that is exact to the bit; nearest: a mean over the whole map (MEAN)"
        in refused(graph)
    )
