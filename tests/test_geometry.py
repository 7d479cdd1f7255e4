"""Windows beyond 3 x 3 and stride 1: what the lowering makes of them, and small models of one operator each in RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compiler.arithmetic import average_multiplier, divide_half_away, scale_by
from compiler.legalise.pools import LARGEST, max_pool
from compiler.legalise.rewriter import Rewriter
from compiler.plan.averages import averages
from compiler.qgraph import QGraph, QMaxPool, QTensor
from compiler.window import Window
from sim.golden import run
from tests.make_tflite import SAME, VALID, Maker
from tests.small_machine import Small

SCALE, ZERO = 0.05, 3


def pool_model(
    op: str, shape: tuple[int, int, int], kernel: tuple[int, int], stride: tuple[int, int], padding: int
) -> bytes:
    """A model of one pool."""
    m = Maker()
    rows, columns = (
        -(-(extent if padding == SAME else extent - k + 1) // step)
        for extent, k, step in zip(shape, kernel, stride, strict=False)
    )
    x, out = m.tensor((1, *shape), SCALE, ZERO), m.tensor((1, rows, columns, shape[2]), SCALE, ZERO)
    m.operator(
        op,
        [x],
        [out],
        FilterHeight=kernel[0],
        FilterWidth=kernel[1],
        Padding=padding,
        StrideH=stride[0],
        StrideW=stride[1],
        FusedActivationFunction=0,
    )
    return m.finish([x], [out])


def small_window(rng: np.random.Generator, largest: int) -> tuple[Window, tuple[int, int]]:
    """A window and the size of an input that it fits."""
    kernel = int(rng.integers(1, largest + 1)), int(rng.integers(1, largest + 1))
    stride = int(rng.integers(1, 7)), int(rng.integers(1, 7))
    padding = tuple(int(rng.integers(0, k)) for k in (kernel[0], kernel[0], kernel[1], kernel[1]))
    size = kernel[0] + int(rng.integers(0, 12)), kernel[1] + int(rng.integers(0, 12))
    return Window(kernel, stride, (padding[0], padding[1], padding[2], padding[3])), size


def test_large_maximum_pools_become_chains() -> None:
    rng = np.random.default_rng(0)
    split = 0
    for _ in range(400):
        window, size = small_window(rng, 13)
        tensors = {
            "x": QTensor("x", (*size, 2), SCALE, ZERO),
            "y": QTensor("y", (*window.output_size(*size), 2), SCALE, ZERO),
        }
        graph = QGraph("pool", tensors, [QMaxPool("pool", "x", "y", window, -90, 100)], "x", "y")
        rewriter = Rewriter(graph)
        max_pool(rewriter, graph.nodes[0], tensors["x"], tensors["y"])  # type: ignore[arg-type]
        chain = rewriter.result()
        chain.verify()
        windows = [node.window for node in chain.nodes if isinstance(node, QMaxPool)]
        if max(window.stride) <= LARGEST:
            assert all(max(*one.kernel, *one.stride) <= LARGEST for one in windows)
            assert all(one.padding[0] < one.kernel[0] and one.padding[2] < one.kernel[1] for one in windows)
        split += len(windows) > 1
        x = rng.integers(-128, 128, (*size, 2)).astype(np.int8)
        np.testing.assert_array_equal(run(chain, x)["y"], run(graph, x)["y"], str(window))
    assert split > 200


def test_averages_of_valid_elements() -> None:
    """Where divisor and scales are given they make the exact means, for every sum."""
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(300):
        window, size = small_window(rng, 3)
        given = averages(window, *size)
        if given is None:
            continue
        found += 1
        counts = np.stack(window.taps(np.ones((*size, 1)), 0)).sum(axis=0)[:, :, 0]
        rows, columns = counts.shape
        cut_y = [not 0 <= y * window.stride[0] - window.padding[0] <= size[0] - window.kernel[0] for y in range(rows)]
        cut_x = [
            not 0 <= x * window.stride[1] - window.padding[2] <= size[1] - window.kernel[1] for x in range(columns)
        ]
        multiplier, shift = average_multiplier(given.divisor)
        for count, scale in {
            (int(counts[y, x]), given.scales[cut_y[y] + 2 * cut_x[x]]) for y in range(rows) for x in range(columns)
        }:
            sums = np.arange(-128 * count, 127 * count + 1)
            np.testing.assert_array_equal(scale_by(sums * scale, multiplier, shift), divide_half_away(sums, count))
    assert found > 200


@pytest.mark.parametrize(
    ("op", "shape", "kernel", "stride", "padding"),
    [
        ("AVERAGE_POOL_2D", (7, 8, 5), (2, 2), (2, 2), VALID),
        ("AVERAGE_POOL_2D", (7, 9, 9), (3, 3), (2, 2), SAME),
        ("AVERAGE_POOL_2D", (6, 5, 4), (3, 3), (1, 1), SAME),
        ("AVERAGE_POOL_2D", (6, 7, 3), (1, 3), (1, 2), SAME),
        ("MAX_POOL_2D", (9, 8, 5), (5, 5), (1, 1), SAME),
        ("MAX_POOL_2D", (8, 8, 5), (4, 4), (4, 4), VALID),
    ],
)
def test_pools(
    op: str,
    shape: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: int,
    bench_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulate(pool_model(op, shape, kernel, stride, padding), bench_dir, monkeypatch)


def simulate(data: bytes, bench_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rewrites exact, RTL equal to the golden model and to the timing model."""
    small = Small.of(data)
    x = small.input(1)
    small.same_values(x)
    small.simulate(x, bench_dir, monkeypatch)
