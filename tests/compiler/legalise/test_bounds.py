"""What would grow without bounds while it is rewritten is refused by its name, or left to be refused."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QAvgPool, QConcat, QConv, QMaxPool, QMean, QNode, QPad, QShuffle, QTensor, Shape
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


def test_channels_that_lie_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of one channel, each in a place of eight."""
    monkeypatch.setattr("hwgen.compiler.legalise.rewriter.MOST_WEIGHTS", 1 << 14)
    assert refused(graph_of(QConcat("c", ("x",) * 64, "y"), (1, 1, 1), (1, 1, 64))) == (
        "c: it moves 64 channels, which lie in 505 places; nearest: 128 places, parts of 8 channels and more"
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
    assert refused(graph) == (
        "g: the machine cannot do all of it: m: a pool of (601, 1) with stride (1, 1); nearest: stride 1 to 7, 256 rows and columns"
    )
    assert len(legalise(graph_of(QMaxPool("m", "x", "y", Window((255, 1))), (300, 4, 8), (46, 4, 8))).nodes) == 127


def test_a_mean_that_no_multiplier_gives_exactly() -> None:
    """Of a window as large as the map; told before any array of its sums is made."""
    graph = graph_of(QAvgPool("a", "x", "y", Window((600, 600))), (600, 600, 1), (1, 1, 1))
    assert (
        "a: a mean of 600 x 600 elements that is exact to the bit; nearest: a mean over the whole map (MEAN)"
        in refused(graph)
    )


def test_maps_that_no_descriptor_names() -> None:
    """Told before anything is planned, in the network's words."""
    multiplier, shift = arithmetic.mean_multiplier(1.0, 1.0, 1024 * 4)
    mean = QMean("m", "x", "y", multiplier, shift, 1024 * 4, 0, 0)
    assert refused(graph_of(mean, (1024, 4, 8), (1, 1, 8))) == (
        "g: the machine cannot do all of it: m: it reads a map of 1,024 rows; nearest: at most 1,023"
    )
    pad = QPad("p", "x", "y", (1016, 0, 0), (0, 0, 0), 0)
    assert refused(graph_of(pad, (8, 8, 4), (1024, 8, 4))) == (
        "g: the machine cannot do all of it: p: its result has 1,024 rows; nearest: at most 1,023"
    )
    wide = identity("c", QTensor("x", (4, 1024, 8), 0.1, 0), QTensor("y", (4, 1024, 8), 0.1, 0))
    assert "c: its result has 1,024 columns; nearest: at most 1,023" in refused(
        graph_of(wide, (4, 1024, 8), (4, 1024, 8))
    )


def test_nothing_but_moves() -> None:
    graph = QGraph("g", {"x": QTensor("x", (4, 4, 8), 0.1, 0)}, [], "x", "x")
    assert refused(graph) == (
        "g: the machine cannot do all of it: the host does all of its operations, moves of values and a softmax at the end; needed: a "
        "convolution, a pool or a sum"
    )
