"""Ranges of all tensors over calibration images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from hwgen.compiler.graph.evaluate import activate, convolve, evaluate
from hwgen.compiler.graph.graph import Graph, Node
from hwgen.compiler.quantise.histogram import Histogram, Range
from hwgen.errors import ModelError

__all__ = [
    "Layers",
    "Range",
    "Spread",
    "channel_spreads",
    "check_images",
    "float_tensors",
    "tensor_ranges",
    "unweighted",
]

LARGEST = float(np.finfo(np.float32).max)
BATCH = 8  # frames evaluated at once
BATCH_ELEMENTS = 1 << 25  # of the largest tensor, in all of them: 256 MB

Layers = dict[str, tuple[np.ndarray, np.ndarray]]  # weights [out, rows, columns, in / groups] and bias [out] by node


def float_tensors(graph: Graph, layers: Layers, images: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Name and value of every tensor of a simplified graph for real inputs [..., height, width, channels], float64."""
    values = {graph.input.name: images.astype(np.float64)}
    yield graph.input.name, values[graph.input.name]
    dead_after = graph.dead_after
    for node in graph.nodes[1:]:
        inputs = [values[name] for name in node.inputs]
        if node.name in layers:
            kernel, bias = layers[node.name]
            values[node.name] = activate(node, convolve(node, inputs[0], kernel) + bias)
        else:
            values[node.name] = unweighted(node, inputs, images.shape[:-3])
        yield node.name, values[node.name]
        for name in dead_after[node.name]:
            del values[name]


def unweighted(node: Node, inputs: list[np.ndarray], frames: tuple[int, ...]) -> np.ndarray:
    """The output of a node without weights for inputs [*frames, ...]."""
    return inputs[0].reshape(*frames, *node.shape) if node.op == "reshape" else evaluate(node, inputs)


def check_images(graph: Graph, images: Sequence[np.ndarray]) -> None:
    """Raise ModelError unless there are images, all of the graph's input shape."""
    if not images:
        raise ModelError("no calibration images; give at least one")
    for image in images:
        if image.shape != graph.input.shape:
            raise ModelError(f"a calibration image of shape {image.shape} for an input of shape {graph.input.shape}")


def _batches(graph: Graph, layers: Layers, images: Sequence[np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Every tensor of every batch; ModelError for values that leave float32."""
    frames = max(1, min(BATCH, BATCH_ELEMENTS // max(prod(node.shape) for node in graph.nodes)))
    for start in range(0, len(images), frames):
        with np.errstate(over="ignore", invalid="ignore"):  # reported here
            for name, value in float_tensors(graph, layers, np.stack(images[start : start + frames])):
                if not np.abs(value).max() < LARGEST:
                    raise ModelError(
                        f"{graph.name}: {name} ({graph[name].op}): its values are no numbers, or greater than float32 holds, on the "
                        "inputs for calibration; check its weights and these inputs"
                    )
                yield name, value


def tensor_ranges(
    graph: Graph, layers: Layers, images: Sequence[np.ndarray], method: str = "minmax"
) -> dict[str, Range]:
    """Range of every tensor over `images` (real inputs of the graph's input shape), by a method of `QuantiseOptions`.

    The output keeps its whole range: what tells classes apart are its greatest values.
    """
    check_images(graph, images)
    if method == "minmax":
        ranges: dict[str, Range] = {}
        for name, value in _batches(graph, layers, images):
            low, high = ranges.get(name, (0.0, 0.0))
            ranges[name] = (min(low, float(value.min())), max(high, float(value.max())))
        return ranges
    found: dict[str, Histogram] = {node.name: Histogram() for node in graph.nodes}
    for name, value in _batches(graph, layers, images):
        found[name].add(value)
    last = graph[graph.output]
    whole = {last.name, *(last.inputs if last.op == "softmax" else ())}
    return {
        name: (histogram.low, histogram.high)
        if name in whole
        else histogram.percentile()
        if method == "percentile"
        else histogram.least_squares()
        for name, histogram in found.items()
    }


@dataclass(frozen=True, eq=False)
class Spread:
    """Greatest magnitude and mean square of each channel of a tensor, float64 [channels]."""

    most: np.ndarray
    power: np.ndarray


def channel_spreads(graph: Graph, layers: Layers, images: Sequence[np.ndarray], names: set[str]) -> dict[str, Spread]:
    """How the channels of the tensors `names` are spread over `images`."""
    check_images(graph, images)
    found: dict[str, Spread] = {}
    for name, value in _batches(graph, layers, images):
        if name in names:
            flat = value.reshape(-1, value.shape[-1])
            most, power = np.abs(flat).max(axis=0), (flat**2).sum(axis=0) / (len(images) * len(flat) / len(value))
            if name in found:
                most, power = np.maximum(found[name].most, most), found[name].power + power
            found[name] = Spread(most, power)
    return found
