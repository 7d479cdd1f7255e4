"""Ranges of all tensors over calibration images."""

from collections.abc import Iterator, Sequence

import numpy as np

from compiler.errors import ModelError
from compiler.evaluate import activate, convolve, evaluate
from compiler.graph import Graph

LARGEST = float(np.finfo(np.float32).max)
BATCH = 8  # frames evaluated at once, to bound the memory

Range = tuple[float, float]
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
        elif node.op == "reshape":
            values[node.name] = inputs[0].reshape(*images.shape[:-3], *node.shape)
        else:
            values[node.name] = evaluate(node, inputs)
        yield node.name, values[node.name]
        for name in dead_after[node.name]:
            del values[name]


def tensor_ranges(graph: Graph, layers: Layers, images: Sequence[np.ndarray]) -> dict[str, Range]:
    """Least and greatest value of every tensor over `images` (real inputs of the graph's input shape)."""
    if not images:
        raise ModelError("no calibration images; give at least one")
    for image in images:
        if image.shape != graph.input.shape:
            raise ModelError(f"a calibration image of shape {image.shape} for an input of shape {graph.input.shape}")
    ranges: dict[str, Range] = {}
    for start in range(0, len(images), BATCH):
        with np.errstate(over="ignore", invalid="ignore"):  # reported below
            for name, value in float_tensors(graph, layers, np.stack(images[start : start + BATCH])):
                low, high = ranges.get(name, (0.0, 0.0))
                ranges[name] = (min(low, float(value.min())), max(high, float(value.max())))
    broken = [name for name, bounds in ranges.items() if not max(-bounds[0], bounds[1]) < LARGEST]
    if broken:
        raise ModelError(f"{graph.name}: values leave float32 in calibration, first in {broken[0]}; check the weights")
    return ranges
