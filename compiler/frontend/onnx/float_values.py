"""What hwgen computes for the tensors of a float model's file, before any transform of its graph."""

from __future__ import annotations

import numpy as np

from hwgen.compiler.frontend.onnx.builder import Value
from hwgen.compiler.frontend.onnx.importer import Imported
from hwgen.compiler.graph.evaluate import layer
from hwgen.compiler.graph.graph import Graph, Node
from hwgen.compiler.graph.parameters import folded, normalisation
from hwgen.compiler.quantise.calibrate import unweighted


class FloatValues:
    """Evaluates the float graph as it was read, up to where it is asked.

    Parameters:
        imported: a float model.
        image: real input [height, width, channels] of its graph.
    """

    def __init__(self, imported: Imported, image: np.ndarray) -> None:
        self._graph, self._arrays, self._values = imported.graph, imported.arrays, imported.values
        self._real = {self._graph.input.name: image.astype(np.float64)}
        self._places = {node.name: place for place, node in enumerate(self._graph.nodes)}
        self._next = 1
        self._needed = _last_uses(self._graph, imported)
        self._order = _order(imported)

    def __call__(self, tensor: str) -> np.ndarray | None:
        """A tensor of the file, float64 in its shape there; None for one that is not in the graph.

        Tensors are asked for in the order of the file's nodes, again at most until the last one that reads them.
        """
        value = self._values.get(tensor)
        if value is None or value.tensor not in self._places:
            return None
        with np.errstate(all="ignore"):
            while self._next <= self._places[value.tensor]:
                self._evaluate(self._graph.nodes[self._next])
                self._next += 1
            result = in_file(value, self._real[value.tensor])
        self._free(self._order.get(tensor, 0))
        return result

    def _evaluate(self, node: Node) -> None:
        inputs = [self._real[name] for name in node.inputs]
        if node.op in ("conv2d", "fully_connected"):
            kernel, bias = folded(node, self._arrays)
            self._real[node.name] = layer(node, inputs[0], kernel, bias)
        elif node.op == "batch_norm":
            factor, offset = normalisation(node, self._arrays)
            self._real[node.name] = inputs[0] * factor + offset
        else:
            self._real[node.name] = unweighted(node, inputs, ())

    def _free(self, asked: int) -> None:
        """Drop what neither the graph nor the file needs any more."""
        for name in list(self._real):
            by_graph, by_file = self._needed[name]
            if by_graph < self._next and by_file < asked:
                del self._real[name]


def in_file(value: Value, real: np.ndarray) -> np.ndarray:
    """A tensor of the graph [height, width, channels] as the file's tensor that `value` says."""
    flat = real.transpose(2, 0, 1).ravel()
    flat = flat if value.order is None else flat[value.order.ravel()]
    for step in value.steps:
        flat = step.function(flat)
    return np.asarray(flat).reshape(value.shape)


def _order(imported: Imported) -> dict[str, int]:
    """By tensor of the file: the place of the node that writes it, counted from 1."""
    order = {imported.folded.input: 0}
    for place, node in enumerate(imported.folded.nodes, start=1):
        order.update(dict.fromkeys(node.outputs, place))
    return order


def _last_uses(graph: Graph, imported: Imported) -> dict[str, tuple[int, int]]:
    """For each tensor of the graph: the place of its last reader there, and of the last of the file's tensors that holds it."""
    by_graph = {node.name: place for place, node in enumerate(graph.nodes)}
    for place, node in enumerate(graph.nodes):
        by_graph.update(dict.fromkeys(node.inputs, place))
    by_file: dict[str, int] = {}
    for tensor, place in _order(imported).items():
        if (value := imported.values.get(tensor)) is not None:
            by_file[value.tensor] = place
    return {name: (place, by_file.get(name, -1)) for name, place in by_graph.items()}
