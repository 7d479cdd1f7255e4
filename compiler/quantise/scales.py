"""One scale and zero point per class of tied tensors (equation 15 of docs/arithmetic.md)."""

from dataclasses import dataclass

import numpy as np

from compiler.arithmetic import INT8_MAX, INT8_MIN, round_half_away
from compiler.errors import ModelError
from compiler.graph import Graph
from compiler.quantise.calibrate import Layers, Range

TIED_OPS = ("max_pool", "avg_pool", "global_avg_pool", "slice", "concat", "shuffle", "shuffle_merge")
SMALLEST_RANGE = 1e-6  # of a tensor that is always zero
LARGEST_FACTOR = 1 - 2.0**-20  # of a requantisation: right shifts only (equation 5)
LARGEST_SCALE = 1e30


@dataclass(frozen=True)
class Affine:
    """`real = scale * (q - zero_point)` (equation 1)."""

    scale: float
    zero_point: int


def tied_classes(graph: Graph) -> dict[str, str]:
    """A representative for every tensor; tensors joined by operations that only move or select values share one."""
    parent = {node.name: node.name for node in graph.nodes}

    def find(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    for node in graph.nodes:
        if node.op in TIED_OPS:
            for name in node.inputs:
                parent[find(name)] = find(node.name)
    return {name: find(name) for name in parent}


def choose_scales(graph: Graph, layers: Layers, ranges: dict[str, Range]) -> dict[str, Affine]:
    """Scale and zero point of every tensor: the class's range, widened until every requantisation factor is below 1."""
    classes = tied_classes(graph)
    bounds: dict[str, Range] = {}
    for name, (low, high) in ranges.items():
        known = bounds.get(classes[name], (0.0, 0.0))
        bounds[classes[name]] = (min(known[0], low), max(known[1], high))
    scales = {name: max(high - low, SMALLEST_RANGE) / 255 for name, (low, high) in bounds.items()}
    largest = {name: float(np.abs(weights).max()) / INT8_MAX for name, (weights, _) in layers.items()}
    changed = True
    while changed:
        changed = False
        for name, weight_scale in largest.items():
            out, needed = classes[name], scales[classes[graph[name].inputs[0]]] * weight_scale / LARGEST_FACTOR
            if scales[out] < needed:
                scales[out], changed = needed, True
            if scales[out] > LARGEST_SCALE:  # a gain above 1 from a class to itself: widening never ends
                raise ModelError(
                    f"{graph.name}: {name} multiplies its input by more than its output's range can hold; "
                    "no scales keep all requantisation factors below 1; check the weights"
                )
    return {name: _affine(scales[classes[name]], bounds[classes[name]][0]) for name in classes}


def _affine(scale: float, low: float) -> Affine:
    rounded = float(np.float32(scale * (1 + 2.0**-23)))  # float32 as in a .tflite file, never below the need
    zero_point = int(np.clip(round_half_away(INT8_MIN - low / rounded), INT8_MIN, INT8_MAX))
    return Affine(rounded, zero_point)
