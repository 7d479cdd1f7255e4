"""Operations that are convolutions with fixed weights, as such: what stands behind needs no other case for them."""

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from types import MappingProxyType

import numpy as np

from hwgen.compiler.graph.graph import Graph, Node
from hwgen.compiler.graph.names import unused
from hwgen.compiler.graph.ops import OPS, Value
from hwgen.compiler.graph.parameters import folded, normalisation
from hwgen.compiler.graph.window import Window
from hwgen.compiler.quantise.calibrate import Layers
from hwgen.compiler.transforms import simplify


def prepare(graph: Graph, arrays: Mapping[str, np.ndarray]) -> tuple[Graph, Layers]:
    """The simplified graph with fewer kinds of nodes, and weights and biases of all its layers by name, float64.

    A batch norm that follows no layer is a depthwise 1x1 convolution; an average pool that counts its padding is a
    depthwise convolution of equal weights; one over the whole map is a `global_avg_pool`, and over a single pixel nothing.
    """
    graph, known = simplify(graph), dict(arrays)
    shapes = {node.name: node.shape for node in graph.nodes}
    replacements: dict[str, Node] = {}
    redirect: dict[str, str] = {}
    for node in graph.nodes[1:]:
        shape = shapes[node.inputs[0]]
        if len(shape) != 3:
            continue
        if node.op == "batch_norm":
            factor, offset = normalisation(node, known)
            weight, bias = (unused(f"{node.name}/{part}", known) for part in ("weight", "bias"))
            known |= {weight: factor[:, None, None, None], bias: offset}
            replacements[node.name] = _depthwise(node, Window(), weight, bias)
        elif node.op == "avg_pool" and node.integer("count_pad") and any(node.window.padding):
            rows, columns = node.window.kernel
            weight = unused(f"{node.name}/weight", known)
            known[weight] = np.full((shape[2], 1, rows, columns), 1 / prod(node.window.kernel))
            replacements[node.name] = _depthwise(node, node.window, weight)
        elif node.op in ("avg_pool", "global_avg_pool") and _whole(node, shape):
            if shape[:2] == (1, 1):
                redirect[node.name] = node.inputs[0]
            else:
                replacements[node.name] = replace(node, op="global_avg_pool", attributes=MappingProxyType({}))
    graph = simplify(graph.rewritten(replacements, redirect))
    return graph, {node.name: folded(node, known) for node in graph.layers()}


def _whole(pool: Node, shape: tuple[int, ...]) -> bool:
    if pool.op == "global_avg_pool":
        return True
    return pool.window.kernel == shape[:2] and not any(pool.window.padding)


def _depthwise(node: Node, window: Window, weight: str, bias: str = "") -> Node:
    attributes: dict[str, Value] = {
        key: default for key, (_, default) in OPS["conv2d"].attributes.items() if default is not None
    }
    attributes |= {"channels": node.shape[2], "groups": node.shape[2], "weight": weight, "bias": bias}
    attributes |= {"kernel": window.kernel, "stride": window.stride, "pad": window.padding}
    return replace(node, op="conv2d", attributes=MappingProxyType(attributes))
