"""The golden model against straight loops over Python integers, and against recorded cases of another
implementation.
"""

import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.host import Host
from hwgen.compiler.int8.nodes import (
    QAdd,
    QConcat,
    QConv,
    QMaxPool,
    QNode,
    QShuffle,
    QShuffleMerge,
    QSlice,
    QTable,
    QTensor,
)
from hwgen.errors import ModelError
from hwgen.sim import golden
from tests.support.paths import MODELS
from tests.support.slow_conv import slow_conv


def random_conv(rng: np.random.Generator, in_channels: int, out_channels: int, groups: int, window: Window) -> QConv:
    return QConv(
        name="c",
        input="x",
        output="y",
        weights=rng.integers(-127, 128, (out_channels, *window.kernel, in_channels // groups)).astype(np.int8),
        bias=rng.integers(-20000, 20000, out_channels).astype(np.int32),
        multiplier=rng.integers(1 << 30, 1 << 31, out_channels),
        shift=rng.integers(0, 11, out_channels),
        window=window,
        groups=groups,
        input_zero_point=int(rng.integers(-128, 128)),
        output_zero_point=int(rng.integers(-128, 128)),
        act_min=-120,
        act_max=int(rng.integers(60, 128)),
    )


@pytest.mark.parametrize(
    ("in_channels", "out_channels", "groups", "window"),
    [
        (3, 5, 1, Window((3, 3), (2, 2), (1, 1, 1, 1))),
        (12, 7, 1, Window()),
        (6, 6, 6, Window((3, 3), (1, 1), (1, 1, 1, 1))),
        (6, 6, 6, Window((3, 3), (2, 2), (0, 1, 0, 1))),
        (4, 8, 4, Window((5, 1), (1, 2), (2, 0, 0, 0))),
        (8, 6, 2, Window((1, 3), (1, 1), (0, 0, 1, 1))),
        (2, 3, 1, Window((2, 2), (1, 1), (1, 0, 2, 1), (2, 1))),
    ],
)
def test_conv_equals_straight_loops(in_channels: int, out_channels: int, groups: int, window: Window) -> None:
    rng = np.random.default_rng(in_channels * 100 + out_channels)
    node = random_conv(rng, in_channels, out_channels, groups, window)
    x = rng.integers(-128, 128, (7, 6, in_channels)).astype(np.int8)
    assert np.array_equal(golden.conv(node, x), slow_conv(node, x))


def test_long_sums_leave_float32() -> None:
    rng = np.random.default_rng(5)
    node = random_conv(rng, 2000, 3, 1, Window())
    node.weights[:] = np.where(rng.random(node.weights.shape) < 0.9, 127, 126)
    x = rng.integers(120, 128, (2, 2, 2000)).astype(np.int8)
    expected = np.einsum("yxk,ck->yxc", x.astype(np.int64), node.weights.reshape(3, -1).astype(np.int64))
    assert np.array_equal(golden.accumulate(node, x), expected)
    assert expected.max() > golden.FLOAT32_EXACT


def cases() -> list[Path]:
    return sorted((MODELS / "conv_cases").glob("*.npz"))


@pytest.mark.skipif(
    not cases(),
    reason=f"no recorded convolution cases in {MODELS} (set HWGEN_MODELS to the folder that holds conv_cases)",
)
def test_recorded_convolutions() -> None:
    assert len(cases()) == 25
    for path in cases():
        case = np.load(path)
        x, weights, expected = case["input"], case["weights"], case["output"]
        if case["kind"] == "depthwise":  # [1, rows, columns, channels] -> [channels, rows, columns, 1]
            weights, groups = weights[0].transpose(2, 0, 1)[..., None], x.shape[3]
        else:
            groups = x.shape[3] // weights.shape[3]
        (stride_y, stride_x), (step_y, step_x), (top, left) = (
            case["stride"].tolist(),
            case["dilation"].tolist(),
            case["pad"].tolist(),
        )
        spans = [(weights.shape[1] - 1) * step_y + 1, (weights.shape[2] - 1) * step_x + 1]
        bottom = max((expected.shape[1] - 1) * stride_y + spans[0] - top - x.shape[1], 0)
        right = max((expected.shape[2] - 1) * stride_x + spans[1] - left - x.shape[2], 0)
        node = QConv(
            path.stem,
            "x",
            "y",
            weights.astype(np.int8),
            case["bias"].astype(np.int32),
            case["multiplier"].astype(np.int64),
            -case["shift"].astype(np.int64),
            Window(weights.shape[1:3], (stride_y, stride_x), (top, bottom, left, right), (step_y, step_x)),
            groups,
            -int(case["input_offset"]),
            int(case["output_offset"]),
            int(case["act_min"]),
            int(case["act_max"]),
        )
        for frame, wanted in zip(x, expected, strict=True):
            got = golden.conv(node, frame.astype(np.int8))[: wanted.shape[0], : wanted.shape[1]]
            assert np.array_equal(got, wanted), path.stem


@pytest.mark.parametrize(
    "window",
    [
        Window((3, 3), (2, 2), (1, 1, 1, 1)),
        Window((2, 2), (2, 2)),
        Window((5, 6)),
        Window((1, 3), (1, 2), (0, 0, 1, 0)),
    ],
)
def test_pools_equal_straight_loops(window: Window) -> None:
    rng = np.random.default_rng(9)
    x = rng.integers(-128, 128, (5, 6, 4)).astype(np.int8)
    rows, columns = window.output_size(5, 6)
    for y, column, c in itertools.product(range(rows), range(columns), range(4)):
        valid = [
            int(x[iy, ix, c])
            for iy in range(
                y * window.stride[0] - window.padding[0], y * window.stride[0] - window.padding[0] + window.kernel[0]
            )
            for ix in range(
                column * window.stride[1] - window.padding[2],
                column * window.stride[1] - window.padding[2] + window.kernel[1],
            )
            if 0 <= iy < 5 and 0 <= ix < 6
        ]
        assert golden.max_pool(window, x)[y, column, c] == max(valid)
        total = sum(valid)
        mean = (2 * abs(total) + len(valid)) // (2 * len(valid)) * (1 if total >= 0 else -1)
        assert golden.average_pool(window, x)[y, column, c] == mean
        multiplier, shift = arithmetic.average_multiplier(len(valid))
        assert arithmetic.scale_by(np.array(total), multiplier, shift) == mean


def test_padding_of_a_maximum_is_the_least_value() -> None:
    """A window that sees -128 alone gives -128, at the borders too."""
    window = Window((3, 3), (1, 1), (1, 1, 1, 1))
    assert (golden.max_pool(window, np.full((4, 4, 2), -128, np.int8)) == -128).all()


def test_maximum_is_clamped() -> None:
    tensors = {name: QTensor(name, (1, 4, 1), 0.5, 0) for name in "xy"}
    node = QMaxPool("pool", "x", "y", Window(), act_min=-5, act_max=6)
    graph = QGraph("pool", tensors, [node], "x", "y")
    x = np.array([-128, -6, 7, 127], np.int8).reshape(1, 4, 1)
    assert golden.run(graph, x)["y"].ravel().tolist() == [-5, -5, 6, 6]


def test_gaps_of_a_concatenation_hold_zero() -> None:
    node = QConcat("concat", ("a", "b"), "y", offsets=(1, 4))
    a, b = np.full((1, 1, 2), -9, np.int8), np.full((1, 1, 1), 5, np.int8)
    assert golden.concatenate(node, [a, b]).ravel().tolist() == [0, -9, -9, 0, 5]


def test_float_input_is_quantised_in_float32() -> None:
    """As TensorFlow Lite's Quantize: division in single precision, ties away from zero. 0.35 / 0.1 is 3.5 in float32, less in float64."""
    tensor = QTensor("x", (1, 6, 1), 0.1, -3)
    graph = QGraph("input", {"x": tensor}, [], "x", "x", host=Host(input_type="float32"))
    real = np.array([0.35, -0.35, 0.25, -0.25, 1e30, -1e30], np.float32)
    assert real[0] / np.float32(0.1) == 3.5 > np.float64(real[0]) / 0.1
    assert golden.encode(graph, real.reshape(1, 6, 1)).ravel().tolist() == [1, -7, 0, -6, 127, -128]


def graph_of_views() -> QGraph:
    shapes = {"x": 8, "a": 4, "b": 4, "m": 8, "s": 8, "k": 12, "t": 8}
    tensors = {name: QTensor(name, (2, 3, channels), 0.5, 3) for name, channels in shapes.items()}
    tensors["sum"] = QTensor("sum", (2, 3, 4), 0.7, -9)
    nodes: list[QNode] = [
        QSlice("first", "x", "a", 0, 4),
        QSlice("second", "x", "b", 4, 4),
        QShuffleMerge("merge", "a", "b", "m"),
        QShuffle("shuffle", "m", "s", 4),
        QConcat("concat", ("s", "a"), "k"),
        QAdd("add", "a", "b", "sum", -100, 100),
        QTable("table", "x", "t", np.arange(127, -129, -1).astype(np.int8)),
    ]
    return QGraph("views", tensors, nodes, "x", "k")


def test_views_and_elementwise() -> None:
    graph = graph_of_views()
    graph.verify()
    x = np.random.default_rng(3).integers(-128, 128, (2, 3, 8)).astype(np.int8)
    values = golden.run(graph, x)
    a, b = x[..., :4], x[..., 4:]
    assert set(values) == set(graph.tensors)
    for i in range(4):
        assert np.array_equal(values["m"][..., 2 * i], a[..., i]) and np.array_equal(
            values["m"][..., 2 * i + 1], b[..., i]
        )
    for i, j in itertools.product(range(2), range(4)):
        assert np.array_equal(values["s"][..., i * 4 + j], values["m"][..., j * 2 + i])
    assert np.array_equal(values["k"], np.concatenate([values["s"], a], axis=2))
    assert np.array_equal(values["t"], -1 - x.astype(np.int64))
    real = 0.5 * (a.astype(float) - 3) + 0.5 * (b.astype(float) - 3)
    assert np.abs(values["sum"] - np.clip(real / 0.7 - 9, -100, 100)).max() <= 0.51


def test_input_is_checked() -> None:
    with pytest.raises(ModelError, match=r"input x must be int8 \(2, 3, 8\), not int64 \(2, 3, 8\)"):
        golden.run(graph_of_views(), np.zeros((2, 3, 8), dtype=np.int64))
    with pytest.raises(ModelError, match=r"not int8 \(2, 3, 7\)"):
        golden.run(graph_of_views(), np.zeros((2, 3, 7), dtype=np.int8))


@pytest.mark.parametrize("window", [Window((3, 2), (2, 1), (1, 0, 1, 1)), Window((5, 4), (3, 2), (2, 2, 3, 0))])
def test_pools_by_axis_equal_pools_by_element(window: Window) -> None:
    x = np.random.default_rng(3).integers(-128, 128, (9, 11, 3)).astype(np.int8)
    taps = np.stack(window.taps(x.astype(np.int64), -1000))
    assert np.array_equal(golden.max_pool(window, x), taps.max(axis=0))
    inside = taps != -1000
    expected = arithmetic.divide_half_away(np.where(inside, taps, 0).sum(axis=0), inside.sum(axis=0))
    assert np.array_equal(golden.average_pool(window, x), expected)


def test_the_memory_of_a_pool_does_not_grow_with_its_window() -> None:
    x = np.random.default_rng(4).integers(-128, 128, (96, 96, 1)).astype(np.int8)
    for pool in (golden.average_pool, golden.max_pool):
        tracemalloc.start()
        try:
            pool(Window((64, 64)), x)
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
        finally:
            tracemalloc.stop()
