"""Ranges of all tensors over calibration images."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from hwgen.compiler.graph.evaluate import activate, convolve, evaluate
from hwgen.compiler.graph.graph import Graph, Node
from hwgen.compiler.quantise.histogram import Histogram, Range
from hwgen.errors import ModelError

__all__ = [
    "Layers",
    "Measured",
    "Range",
    "Spread",
    "channel_means",
    "channel_spreads",
    "check_images",
    "float_tensors",
    "measure",
    "tensor_ranges",
    "unweighted",
]

LARGEST = float(np.finfo(np.float32).max)
BATCH = 8  # frames evaluated at once
BATCH_ELEMENTS = 1 << 25  # of the largest tensor, in all of them: 256 MB

Layers = dict[str, tuple[np.ndarray, np.ndarray]]  # weights [out, rows, columns, in / groups] and bias [out] by node
Listener = Callable[[str, np.ndarray], None]  # of a node and a value of it


def float_tensors(
    graph: Graph, layers: Layers, images: np.ndarray, sums: Listener | None = None
) -> Iterator[tuple[str, np.ndarray]]:
    """Name and value of every tensor of a simplified graph for real inputs [..., height, width, channels], float64.

    `sums` is told what every layer with weights gives before its activation.
    """
    values = {graph.input.name: images.astype(np.float64)}
    yield graph.input.name, values[graph.input.name]
    dead_after = graph.dead_after
    for node in graph.nodes[1:]:
        inputs = [values[name] for name in node.inputs]
        if node.name in layers:
            kernel, bias = layers[node.name]
            found = convolve(node, inputs[0], kernel)
            found += bias
            if sums is not None:
                sums(node.name, found)
            values[node.name] = activate(node, found)
        else:
            values[node.name] = unweighted(node, inputs, images.shape[:-3])
        yield node.name, values[node.name]
        for name in dead_after[node.name]:
            del values[name]


def unweighted(node: Node, inputs: list[np.ndarray], frames: tuple[int, ...]) -> np.ndarray:
    """The output of a node without weights for inputs [*frames, ...]."""
    return inputs[0].reshape(*frames, *node.shape) if node.op == "reshape" else evaluate(node, inputs)


def check_images(images: Sequence[np.ndarray]) -> None:
    """Raise ModelError unless there are images."""
    if not len(images):
        raise ModelError("no calibration images; give at least one")


def _stacked(graph: Graph, images: Sequence[np.ndarray]) -> np.ndarray:
    """Images as one array; ModelError unless all have the graph's input shape."""
    for image in images:
        if image.shape != graph.input.shape:
            raise ModelError(f"a calibration image of shape {image.shape} for an input of shape {graph.input.shape}")
    return np.stack(images)


def _batches(
    graph: Graph, layers: Layers, images: Sequence[np.ndarray], sums: Listener
) -> Iterator[tuple[str, np.ndarray, Range]]:
    """Every tensor of every batch, with its least and greatest value; ModelError for values that leave float32."""
    frames = max(1, min(BATCH, BATCH_ELEMENTS // max(prod(node.shape) for node in graph.nodes)))
    for start in range(0, len(images), frames):
        with np.errstate(over="ignore", invalid="ignore"):  # reported here
            batch = _stacked(graph, images[start : start + frames])
            for name, value in float_tensors(graph, layers, batch, sums):
                low, high = float(value.min()), float(value.max())
                if not (low > -LARGEST and high < LARGEST):
                    raise ModelError(
                        f"{graph.name}: {name} ({graph[name].op}): its values are no numbers, or greater than float32 holds, on the "
                        "inputs for calibration; check its weights and these inputs"
                    )
                yield name, value, (low, high)


@dataclass(frozen=True, eq=False)
class Spread:
    """Greatest magnitude and mean square of each channel of a tensor, float64 [channels]."""

    most: np.ndarray
    power: np.ndarray


@dataclass(frozen=True, eq=False)
class Measured:
    """What a network computes from some images.

    Attributes:
        ranges: of every tensor.
        spreads: how the channels of some tensors are spread.
        means: of each channel of every layer with weights, before its activation, float64 [images, channels], over the first BATCH images.
    """

    ranges: dict[str, Range]
    spreads: dict[str, Spread]
    means: dict[str, np.ndarray]


def tensor_ranges(
    graph: Graph, layers: Layers, images: Sequence[np.ndarray], method: str = "minmax"
) -> dict[str, Range]:
    """Range of every tensor over `images` (real inputs of the graph's input shape), by a method of `QuantiseOptions`.

    The output keeps its whole range: what tells classes apart are its greatest values.
    """
    return measure(graph, layers, images, set(), method).ranges


def channel_spreads(graph: Graph, layers: Layers, images: Sequence[np.ndarray], names: set[str]) -> dict[str, Spread]:
    """How the channels of the tensors `names` are spread over `images`."""
    return measure(graph, layers, images, names).spreads


def measure(
    graph: Graph, layers: Layers, images: Sequence[np.ndarray], names: set[str], method: str = "minmax"
) -> Measured:
    """`tensor_ranges`, `channel_spreads` of `names`, and means, in one go over the images."""
    check_images(images)
    ranges: dict[str, Range] = {}
    spreads: dict[str, Spread] = {}
    means: dict[str, list[np.ndarray]] = {}
    histograms: dict[str, Histogram] = {node.name: Histogram() for node in graph.nodes}

    def sums(name: str, value: np.ndarray) -> None:
        means.setdefault(name, []).append(channel_means(value))

    for name, value, (least, most) in _batches(graph, layers, images, sums):
        low, high = ranges.get(name, (0.0, 0.0))
        ranges[name] = (min(low, least), max(high, most))
        if method != "minmax":
            histograms[name].add(value)
        if name in names:
            spread, known = _spread(value, len(images)), spreads.get(name)
            spreads[name] = spread if known is None else _joined(known, spread)
    if method != "minmax":
        last = graph[graph.output]
        whole = {last.name, *(last.inputs if last.op == "softmax" else ())}
        for name, histogram in histograms.items():
            if name not in whole:
                ranges[name] = histogram.percentile() if method == "percentile" else histogram.least_squares()
    return Measured(ranges, spreads, {name: np.concatenate(found)[:BATCH] for name, found in means.items()})


def channel_means(value: np.ndarray) -> np.ndarray:
    """Mean of each channel of a tensor [frames, ..., channels] in every frame, [frames, channels]."""
    mean: np.ndarray = value.reshape(len(value), -1, value.shape[-1]).mean(axis=1)
    return mean


def _spread(value: np.ndarray, images: int) -> Spread:
    """Of a tensor [frames, height, width, channels], its power as a part of that of so many images."""
    flat = value.reshape(-1, value.shape[-1])
    return Spread(np.abs(flat).max(axis=0), (flat**2).sum(axis=0) / (images * len(flat) / len(value)))


def _joined(one: Spread, other: Spread) -> Spread:
    return Spread(np.maximum(one.most, other.most), one.power + other.power)
