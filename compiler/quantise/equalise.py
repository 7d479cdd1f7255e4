"""Cross-layer equalisation (Nagel et al., "Data-free quantization through weight equalization and bias correction", 2019,
arXiv:1906.04721, section 4.1).

For a function with f(s x) = s f(x), s > 0, channel i of a layer may be divided by s_i (its weights' row and its bias) and the
weights that read it multiplied by s_i, without a change of what comes out (equations 4 to 7).  The paper's best s_i is
`sqrt(r1_i / r2_i)` up to a common factor (equation 11), r1_i and r2_i being the ranges of the weights that make and that read
channel i.  Here weights have a scale for each output channel, so the range of the row that makes a channel costs nothing: what has
to share one scale are the channels of the activation and the weights of each row that reads them.  So r1_i is the activation's range
over the calibration images, and r2_i the greatest share that column i has in the range of any row that reads it.  Where the ranges
are even already the square roots would only move noise from one side to the other, so the exponents are chosen: of some pairs (the
paper's, and 0 for no change, among them) those with the least expected noise of rounding.
"""

from collections.abc import Mapping

import numpy as np

from hwgen.compiler.graph.graph import Graph, Node
from hwgen.compiler.quantise.calibrate import Layers, Spread

HOMOGENEOUS = ("relu", "leaky_relu", "max_pool", "avg_pool", "global_avg_pool")
ACTIVATIONS = ("none", "relu", "relu6")
EXPONENTS = [(0.0, 0.0), *((a, b) for a in (0.25, 0.5) for b in (0.0, 0.25, 0.5))]  # of r1 and of 1 / r2
UNEVEN = (
    8.0  # widest channel over the median one, at least: equal channels all saturate with an image out of the ordinary
)
WORTH = 0.5  # of the noise without a change, at most, for a change
MOST = 16.0  # a channel's range may grow that much against the others'
LEAST = 1e-9
CEILING = 6.0  # of ReLU6


def readers(graph: Graph) -> dict[str, list[str]]:
    """The layers whose channels can be scaled, each with all layers that read them, behind homogeneous operations."""
    uses = graph.uses
    found = {}
    for node in graph.layers():
        if node.attributes["activation"] in ACTIVATIONS and len(node.shape) == 3:
            behind = _readers(graph, uses, node)
            if behind:
                found[node.name] = behind
    return found


def _readers(graph: Graph, uses: Mapping[str, list[Node]], first: Node) -> list[str]:
    """Empty if something reads the channels that is not homogeneous."""
    layers: list[str] = []
    open_ends, scaled = [first.name], {first.name}
    while open_ends:
        name = open_ends.pop()
        if name == graph.output:
            return []
        for node in uses[name]:
            if node.op in ("conv2d", "fully_connected"):
                layers.append(node.name)
            elif node.op in HOMOGENEOUS or (node.op == "mul" and node.attributes["activation"] in ("none", "relu")):
                if node.name in scaled:  # a product of two scaled tensors is scaled twice
                    return []
                scaled.add(node.name)
                open_ends.append(node.name)
            else:
                return []
    return layers


def equalise(graph: Graph, layers: Layers, spreads: Mapping[str, Spread]) -> Layers:
    """Weights and biases of the same function with channels equalised.

    `spreads`: of the output of every layer that `readers` names.  Behind a ReLU6 the function is the same as long as channels
    that have stayed below 6 do so.
    """
    result = {name: (weights.copy(), bias.copy()) for name, (weights, bias) in layers.items()}
    for name, behind in readers(graph).items():
        relu6 = graph[name].attributes["activation"] == "relu6"
        columns = [_grouped(graph[reader], result[reader][0]) for reader in behind]
        scales = _best(spreads[name], columns, relu6=relu6)
        weights, bias = result[name]
        result[name] = (weights / scales[:, None, None, None], bias / scales)
        for reader in behind:
            weights, bias = result[reader]
            result[reader] = (weights * _columns(graph[reader], scales, weights), bias)
    return result


def _columns(reader: Node, scales: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The factor of every weight: that of the channel it reads, [out, 1, 1, in / groups]."""
    groups = reader.integer("groups") if reader.op == "conv2d" else 1
    per_group = np.repeat(scales.reshape(groups, -1), weights.shape[0] // groups, axis=0)
    return per_group[:, None, None, :]


def _grouped(reader: Node, weights: np.ndarray) -> np.ndarray:
    """The weights by group, float64 [groups, out / groups, taps, in / groups]."""
    groups = reader.integer("groups") if reader.op == "conv2d" else 1
    return weights.reshape(groups, weights.shape[0] // groups, -1, weights.shape[3])


def _best(spread: Spread, columns: list[np.ndarray], *, relu6: bool) -> np.ndarray:
    """s_i with the least expected noise; the largest range of the activation stays what it is."""
    top = spread.most.max()
    if top <= LEAST:
        return np.ones_like(spread.most)
    # A channel's own maximum over a few images says little about others: its root mean square, times the highest peak of all.
    deviation = np.sqrt(spread.power)
    reach = deviation * (spread.most / np.maximum(deviation, LEAST)).max()
    if reach.max() < UNEVEN * np.median(reach[reach > LEAST]):
        return np.ones_like(reach)
    shares = np.maximum.reduce([_shares(weights) for weights in columns])
    candidates = []
    for of_range, of_share in EXPONENTS:
        scales = np.maximum(reach / reach.max(), LEAST) ** of_range / np.maximum(shares, LEAST) ** of_share
        scales = np.clip(scales / scales.max(), 1 / MOST, 1)
        scales *= (reach / scales).max() / reach.max()
        if relu6:
            clipped = spread.most >= CEILING * (1 - 1e-6)
            scales = np.where(clipped, 1.0, np.clip(scales, np.minimum(reach / CEILING, 1.0), 1.0))
        scales = np.where(spread.most > LEAST, scales, 1.0)
        candidates.append((sum(_noise(reach, spread.power, weights, scales) for weights in columns), scales))
    noise, scales = min(candidates, key=lambda pair: pair[0])
    return scales if noise < WORTH * candidates[0][0] else candidates[0][1]


def _shares(weights: np.ndarray) -> np.ndarray:
    """For each channel the greatest share that its weights have in the range of a row, 0 to 1."""
    largest = np.abs(weights).max(axis=2)  # [groups, out / groups, in / groups]
    return (largest / np.maximum(largest.max(axis=2, keepdims=True), LEAST)).max(axis=1).ravel()


def _noise(reach: np.ndarray, powers: np.ndarray, weights: np.ndarray, scales: np.ndarray) -> float:
    """Expected power of what rounding activations and weights adds to a reader's sums, over that of the sums themselves; up to a
    common factor.
    """
    by_group = scales.reshape(len(weights), 1, 1, -1)
    power = powers.reshape(by_group.shape)
    step = (reach / scales).max()  # ranges of activations and rows are divided into equally many steps
    scaled = weights * by_group
    rows = np.abs(scaled).max(axis=(2, 3), keepdims=True)
    activations = step**2 * (scaled**2).sum()
    rounded = (rows**2 * weights.shape[2] * 4 * power / by_group**2).sum()  # rows reach to both sides of 0
    return float((activations + rounded) / max(float((weights**2 * power).sum()), 1e-30))
