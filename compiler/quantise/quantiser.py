"""Float graph, weights and calibration images to the int8 graph (equations 1 to 20 of docs/arithmetic.md)."""

from collections.abc import Sequence

import numpy as np

from compiler.graph import Graph
from compiler.qgraph import Host, QGraph
from compiler.quantise.calibrate import Range, tensor_ranges
from compiler.quantise.nodes import Former, check_supported
from compiler.quantise.prepare import prepare
from compiler.quantise.scales import choose_scales
from compiler.weights import Weights


def quantise(
    graph: Graph, weights: Weights, images: Sequence[np.ndarray], *, input_range: Range | None = None
) -> QGraph:
    """The verified int8 graph of a float graph.

    `images` are real network inputs, float [height, width, channels] of the graph's input shape; `input_range` fixes
    the range of the input tensor (else it is that of the images).  UnsupportedOpError lists every node that has no
    int8 form.
    """
    graph, layers = prepare(graph, weights.arrays)
    check_supported(graph)
    ranges = tensor_ranges(graph, layers, images)
    if input_range is not None:
        ranges[graph.input.name] = input_range
    former = Former(graph, layers, choose_scales(graph, layers, ranges))
    last, host, output = graph[graph.output], Host(), graph.output
    body = graph.nodes[1:]
    if last.op == "softmax":
        node, tensor = former.softmax(last)
        del former.tensors[last.name]
        body, output = tuple(other for other in body if other is not last), node.input
        host = Host(nodes=(node,), tensors=(tensor,))
    nodes = [made for node in body for made in former.nodes(node)]
    result = QGraph(graph.name, former.tensors, nodes, graph.input.name, output, weights.provenance, host)
    result.verify()
    return result
