"""Float graph, weights and calibration images to the int8 graph (equations 1 to 20 of docs/arithmetic.md)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.graph.parameters import Weights
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.host import Host
from hwgen.compiler.quantise.calibrate import Layers, Range, measure
from hwgen.compiler.quantise.correct import correct_biases
from hwgen.compiler.quantise.equalise import equalise, readers
from hwgen.compiler.quantise.nodes import Former, check_supported
from hwgen.compiler.quantise.options import QuantiseOptions
from hwgen.compiler.quantise.prepare import prepare
from hwgen.compiler.quantise.scales import choose_scales, tied_classes


@dataclass(frozen=True, eq=False)
class Quantised:
    """What a float network became.

    Attributes:
        network: the int8 graph.
        graph: the prepared float graph; a tensor of the int8 graph bears the name of its float tensor.
        layers: its weights as they were.
        equalised: its weights as they were rounded, but for corrected biases: those whose tensors the int8 graph follows.
        tied: a representative for every tensor of those that share a scale.
        changes: what was done to the weights, for people.
    """

    network: QGraph
    graph: Graph
    layers: Layers
    equalised: Layers
    tied: dict[str, str]
    changes: tuple[str, ...]


def quantise(
    graph: Graph,
    weights: Weights,
    images: Sequence[np.ndarray],
    *,
    input_range: Range | None = None,
    options: QuantiseOptions | None = None,
) -> QGraph:
    """The verified int8 graph of a float graph.

    `images` are real network inputs, float [height, width, channels] of the graph's input shape; `input_range` fixes
    the range of the input tensor (else it is that of the images).  UnsupportedOpError lists every node that has no
    int8 form.
    """
    return quantise_network(graph, weights, images, input_range=input_range, options=options).network


def quantise_network(
    graph: Graph,
    weights: Weights,
    images: Sequence[np.ndarray],
    *,
    input_range: Range | None = None,
    options: QuantiseOptions | None = None,
) -> Quantised:
    """As `quantise`, with all that a report needs."""
    options = options or QuantiseOptions()
    graph, layers = prepare(graph, weights.arrays)
    check_supported(graph)
    equalised, changes = layers, []
    pairs = readers(graph) if options.equalises(graph) else {}
    measured = measure(graph, layers, images, set(pairs), options.calibration)
    if pairs:
        equalised = equalise(graph, layers, measured.spreads)
        count = sum(not np.array_equal(equalised[name][0], layers[name][0]) for name in pairs)
        changes.append(f"channels of {count} of {len(pairs)} layers equalised")
        if count:
            measured = measure(graph, equalised, images, set(), options.calibration)
    ranges = measured.ranges
    if input_range is not None:
        ranges[graph.input.name] = input_range
    scales = choose_scales(graph, equalised, ranges)
    final = equalised
    if options.corrects(graph):
        final = correct_biases(graph, equalised, scales, images, measured.means)
        changes.append(f"biases of {len(final)} layers corrected")
    network = _network(Former(graph, final, scales), graph, weights.provenance)
    return Quantised(network, graph, layers, equalised, tied_classes(graph), tuple(changes))


def _network(former: Former, graph: Graph, provenance: str) -> QGraph:
    last, host, output = graph[graph.output], Host(), graph.output
    body = graph.nodes[1:]
    if last.op == "softmax":
        node, tensor = former.softmax(last)
        del former.tensors[last.name]
        body, output = tuple(other for other in body if other is not last), node.input
        host = Host(nodes=(node,), tensors=(tensor,))
    nodes = [made for node in body for made in former.nodes(node)]
    result = QGraph(graph.name, former.tensors, nodes, graph.input.name, output, provenance, host)
    result.verify()
    return result
