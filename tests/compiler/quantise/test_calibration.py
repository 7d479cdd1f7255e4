"""Ranges by minimum and maximum, percentile and least squares; histograms that grow; options that are refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.graph.parameters import Weights
from hwgen.compiler.graph.text import parse
from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.quantise import calibrate
from hwgen.compiler.quantise.calibrate import Layers, tensor_ranges
from hwgen.compiler.quantise.histogram import BINS, Histogram
from hwgen.compiler.quantise.options import QuantiseOptions
from hwgen.compiler.quantise.prepare import prepare
from hwgen.compiler.quantise.quantiser import quantise
from hwgen.errors import ModelError
from tests.support.int8_networks import load_network


def spread(values: np.ndarray, batches: int = 1) -> Histogram:
    histogram = Histogram()
    for part in np.array_split(values, batches):
        histogram.add(part)
    return histogram


def error_of(values: np.ndarray, low: float, high: float) -> float:
    scale = (high - low) / 255
    zero_point = int(np.rint(-128 - low / scale))
    found = arithmetic.dequantise(arithmetic.quantise_real(values, scale, zero_point), scale, zero_point)
    return float(((found - values) ** 2).mean())


def test_histogram_grows_without_losing_values() -> None:
    values = np.concatenate([np.linspace(-0.3, 0.7, 1000), np.zeros(50), np.linspace(-3, 90, 1000)])
    one, many = spread(values), spread(values, 40)
    assert (one.low, one.high) == (many.low, many.high) == (-3, 90)
    assert one._limit == many._limit == 128  # the least power of two
    assert one._counts.sum() + one._zeros == many._counts.sum() + many._zeros == len(values)
    np.testing.assert_array_equal(one._counts, many._counts)


def test_percentile_leaves_outliers_out() -> None:
    values = np.random.default_rng(1).normal(size=200_000)
    values[:5] = 400.0
    low, high = spread(values, 3).percentile()
    # 20 values on each side are left out, to a bin's width.
    assert abs(high - np.sort(values)[-21]) <= 1024 / BINS and abs(low - np.sort(values)[20]) <= 1024 / BINS


def test_few_values_keep_their_range() -> None:
    histogram = spread(np.array([-1.5, 0.25, 3.0]))
    assert histogram.percentile() == (-1.5, 3.0)


def test_frames_of_a_large_map_are_evaluated_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight maps of 128 MB at once would be a gigabyte."""
    text = "graph g\n%x : 4x4x2 = input shape=4,4,2\n%y : 8x8x2 = pad(%x) pad=2,2,2,2\nreturn %y"
    images = [np.full((4, 4, 2), float(value)) for value in range(5)]
    seen = []
    plain = calibrate.float_tensors

    def watched(graph: Graph, layers: Layers, frames: np.ndarray, *rest: Any) -> Iterator[tuple[str, np.ndarray]]:
        seen.append(len(frames))
        return plain(graph, layers, frames, *rest)

    monkeypatch.setattr(calibrate, "float_tensors", watched)
    for elements, expected in ((1 << 25, [5]), (256, [2, 2, 1]), (1, [1] * 5)):
        monkeypatch.setattr(calibrate, "BATCH_ELEMENTS", elements)
        seen.clear()
        assert tensor_ranges(parse(text), {}, images)["y"] == (0, 4) and seen == expected


@pytest.mark.parametrize("power", [1, 3])
def test_least_squares_is_no_worse_than_any_other_range(power: int) -> None:
    values = np.random.default_rng(2).normal(size=100_000) ** power
    found = spread(values, 7).least_squares()
    best = error_of(values, *found)
    for share in (0.4, 0.6, 0.8, 1.0):
        assert best <= 1.03 * error_of(values, share * values.min(), share * values.max())
    if power == 3:  # long tails
        assert found[1] < 0.9 * values.max() and best < 0.9 * error_of(values, values.min(), values.max())


@pytest.mark.parametrize("values", [np.zeros(10), np.abs(np.random.default_rng(3).normal(size=1000))])
def test_ranges_hold_zero(values: np.ndarray) -> None:
    histogram = spread(values)
    for low, high in (histogram.percentile(), histogram.least_squares()):
        assert low == 0 and 0 <= high <= values.max()


def test_methods_in_a_network() -> None:
    """One outlier among the images: the inner tensor's range follows the method, the output keeps its own."""
    graph = parse(
        "graph g\n%x : 8x8x2 = input shape=8,8,2\n%c : 8x8x2 = conv2d(%x) channels=2 kernel=1,1 weight=w\n"
        "%p : 1x1x2 = global_avg_pool(%c)\nreturn %p"
    )
    weights = Weights({"w": np.eye(2, dtype=np.float32)[:, :, None, None]}, "random, seed 0")
    images = [np.random.default_rng(seed).normal(size=(8, 8, 2)) for seed in range(300)]
    images[7][3, 3, 0] = 1000
    prepared, layers = prepare(graph, weights.arrays)
    ranges = {method: tensor_ranges(prepared, layers, images, method) for method in ("minmax", "percentile", "mse")}
    assert ranges["minmax"]["c"][1] == 1000 and ranges["percentile"]["c"][1] < 10
    # Least squares weighs one value of a thousand against 38,400 roundings.
    assert 250 < ranges["mse"]["c"][1] < 1000
    assert ranges["minmax"]["p"] == ranges["percentile"]["p"] == ranges["mse"]["p"]
    scale = {m: quantise(graph, weights, images, options=QuantiseOptions(m)).tensors["c"].scale for m in ranges}
    assert scale["percentile"] < scale["mse"] < scale["minmax"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"calibration": "entropy"}, "calibration must be minmax, percentile or mse, not 'entropy'"),
        ({"equalise": "yes"}, "equalise must be auto, on or off, not 'yes'"),
        ({"correct_bias": "1"}, "correct_bias must be auto, on or off, not '1'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        QuantiseOptions(**options)
    with pytest.raises(ModelError, match=message):
        load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=32, **options))


def test_a_quantised_file_takes_no_options() -> None:
    with pytest.raises(ModelError, match="leave out calibration and correct_bias"):
        load_network("m.tflite", NetworkOptions(calibration="mse", correct_bias="on"))
