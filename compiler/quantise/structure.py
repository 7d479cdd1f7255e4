"""An int8 graph of the right operations and shapes but of arbitrary numbers: enough to see what a network costs."""

from __future__ import annotations

import numpy as np

from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.graph.parameters import required
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.quantise.nodes import Former, check_supported
from hwgen.compiler.quantise.prepare import prepare
from hwgen.compiler.quantise.scales import choose_scales

_RANGE = (-4.0, 6.0)
"""Of every tensor."""


def structure(graph: Graph) -> QGraph:
    """The int8 graph of a float graph without weights, in no time: nothing is evaluated, so nothing may be computed with it.

    UnsupportedOpError lists every node that has no int8 form.
    """
    rng = np.random.default_rng(0)
    arrays = {name: _parameter(rng, name, shape) for name, shape in required(graph).items()}
    graph, layers = prepare(graph, arrays)
    check_supported(graph)
    former = Former(
        graph, layers, choose_scales(graph, layers, dict.fromkeys((node.name for node in graph.nodes), _RANGE))
    )
    nodes = [made for node in graph.nodes[1:] for made in former.nodes(node)]
    result = QGraph(graph.name, former.tensors, nodes, graph.input.name, graph.output, "structure only")
    result.verify()
    return result


def _parameter(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith("running_var"):
        return np.ones(shape, np.float32)
    spread = np.float32(1 / np.sqrt(np.prod(shape[1:])))
    return spread * rng.standard_normal(shape, dtype=np.float32)
