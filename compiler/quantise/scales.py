"""One scale and zero point per class of tied tensors (equation 15 of docs/arithmetic.md)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hwgen.compiler.graph.graph import Graph, Node
from hwgen.compiler.int8.arithmetic import ADD_LEFT_SHIFT, INT8_MAX, INT8_MIN, round_half_away
from hwgen.compiler.quantise.calibrate import Layers, Range
from hwgen.errors import ModelError

TIED_OPS = ("max_pool", "avg_pool", "slice", "concat", "shuffle", "shuffle_merge", "pad", "reshape")
CLAMPS = ("relu", "relu6", "clip")
CLAMPED = ("conv2d", "fully_connected", "add", "mul")
SMALLEST_RANGE = 1e-6  # of a tensor that is always zero
LARGEST_FACTOR = 1 - 2.0**-20  # of a requantisation: right shifts only (equation 5)
LARGEST_SCALE = 1e30


@dataclass(frozen=True)
class Affine:
    """`real = scale * (q - zero_point)` (equation 1)."""

    scale: float
    zero_point: int


def clamped(graph: Graph) -> dict[str, str]:
    """Tensors that only a clamp reads, by the clamp: what makes them saturates at the clamp's limits, and so is the clamp."""
    uses, nodes = graph.uses, graph.by_name
    return {
        node.name: node.inputs[0]
        for node in graph.nodes
        if node.op in CLAMPS
        and nodes[node.inputs[0]].op in CLAMPED
        and len(uses[node.inputs[0]]) == 1
        and node.inputs[0] != graph.output
    }


def tied_classes(graph: Graph) -> dict[str, str]:
    """A representative for every tensor; tensors joined by operations that only move or select values share one."""
    parent = {node.name: node.name for node in graph.nodes}
    clamps = clamped(graph)

    def find(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    for node in graph.nodes:
        if node.op in TIED_OPS or node.name in clamps:
            for name in node.inputs:
                parent[find(name)] = find(node.name)
    return {name: find(name) for name in parent}


def choose_scales(graph: Graph, layers: Layers, ranges: Mapping[str, Range]) -> dict[str, Affine]:
    """Scale and zero point of every tensor: the class's range, widened until every requantisation factor is below 1."""
    classes, hidden = tied_classes(graph), set(clamped(graph).values())
    bounds: dict[str, Range] = {}
    for name, (low, high) in ranges.items():
        if name not in hidden:
            known = bounds.get(classes[name], (0.0, 0.0))
            bounds[classes[name]] = (min(known[0], low), max(known[1], high))
    scales = {name: max(high - low, SMALLEST_RANGE) / 255 for name, (low, high) in bounds.items()}
    largest = {name: float(np.abs(weights).max()) / INT8_MAX for name, (weights, _) in layers.items()}
    changed = True
    while changed:
        changed = False
        for node in graph.nodes[1:]:
            inputs = [scales[classes[name]] for name in node.inputs]
            needed, out = _least_scale(graph, node, inputs, largest), classes[node.name]
            if scales[out] < needed:
                scales[out], changed = needed, True
            if scales[out] > LARGEST_SCALE:  # a gain above 1 from a class to itself: widening never ends
                raise ModelError(
                    f"{graph.name}: {node.name} multiplies its input by more than its output's range can hold; "
                    "no scales keep all requantisation factors below 1; check the weights"
                )
    return {name: _affine(scales[classes[name]], bounds[classes[name]][0]) for name in classes}


def _least_scale(graph: Graph, node: Node, inputs: list[float], largest: Mapping[str, float]) -> float:
    """The output scale below which the node's requantisation would need a factor of 1 or more."""
    match node.op:
        case "conv2d" | "fully_connected":
            return inputs[0] * largest[node.name] / LARGEST_FACTOR
        case "mul":
            return inputs[0] * inputs[1] / LARGEST_FACTOR
        case "add":
            return 2 * max(inputs) / (1 << ADD_LEFT_SHIFT) / LARGEST_FACTOR
        case (
            "global_avg_pool"
        ):  # the division by the elements' number makes up for a factor of less than it (equation 19)
            height, width, _ = graph[node.inputs[0]].shape
            return 2 * inputs[0] / (height * width)
    return 0.0


def _affine(scale: float, low: float) -> Affine:
    rounded = float(np.float32(scale * (1 + 2.0**-23)))  # float32 as in a .tflite file, never below the need
    zero_point = int(np.clip(round_half_away(INT8_MIN - low / rounded), INT8_MIN, INT8_MAX))
    return Affine(rounded, zero_point)
