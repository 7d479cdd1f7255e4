"""Which parameters a graph needs, and the numbers of a layer with its batch norm folded in."""

from dataclasses import dataclass

import numpy as np

from hwgen.compiler.graph.graph import Graph, Node
from hwgen.compiler.graph.ops import Shape

NORM_PARTS = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True, eq=False)
class Weights:
    """Parameters by name, float32, in torchvision's layout, and where they come from ("file NAME" or "random, seed
    N").
    """

    arrays: dict[str, np.ndarray]
    provenance: str


def required(graph: Graph) -> dict[str, Shape]:
    """Name and shape of every parameter of a graph, before or after its transforms.

    Convolutions [out, in / groups, rows, columns], fully connected layers [out, in], all others [channels].
    """
    shapes: dict[str, Shape] = {}
    nodes = graph.by_name
    for node in graph.nodes:
        if node.op in ("conv2d", "fully_connected"):
            channels, inputs = node.integer("channels"), nodes[node.inputs[0]].shape[2]
            if node.op == "conv2d":
                shapes[node.text("weight")] = (channels, inputs // node.integer("groups"), *node.window.kernel)
            else:
                shapes[node.text("weight")] = (channels, inputs)
            if node.attributes["bias"]:
                shapes[node.text("bias")] = (channels,)
        if node.attributes.get("norm"):
            shapes |= {f"{node.text('norm')}.{part}": (node.shape[2],) for part in NORM_PARTS}
    return shapes


def kernel_of(node: Node, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """A layer's weights as stored, float64 [out, rows, columns, in / groups]."""
    stored = arrays[node.text("weight")].astype(np.float64)
    return stored.transpose(0, 2, 3, 1) if stored.ndim == 4 else stored[:, None, None, :]


def folded(node: Node, arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Weights [out, rows, columns, in / groups] and bias [out] of a layer with its batch norm folded in, float64."""
    kernel = kernel_of(node, arrays)
    bias = arrays[node.text("bias")].astype(np.float64) if node.attributes["bias"] else np.zeros(kernel.shape[0])
    if not node.attributes["norm"]:
        return kernel, bias
    factor, offset = normalisation(node, arrays)
    return kernel * factor[:, None, None, None], bias * factor + offset


def normalisation(node: Node, arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What a node's batch norm multiplies each channel by, and what it then adds, float64."""
    gamma, beta, mean, variance = (arrays[f"{node.text('norm')}.{part}"].astype(np.float64) for part in NORM_PARTS)
    factor = gamma / np.sqrt(variance + node.real("eps"))
    return factor, beta - mean * factor
