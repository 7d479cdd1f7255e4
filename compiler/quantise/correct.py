"""Bias correction (Nagel et al. 2019, arXiv:1906.04721, section 4.2, with the images of the calibration instead of batch norm's
figures): rounding shifts the mean of what a layer computes; the shift is taken out of its bias.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from hwgen.compiler.graph.evaluate import LARGEST_BLOCK, activate, convolve
from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.quantise.calibrate import BATCH, Layers, channel_means, unweighted
from hwgen.compiler.quantise.nodes import rounded_weights
from hwgen.compiler.quantise.scales import Affine


def correct_biases(
    graph: Graph,
    layers: Layers,
    scales: Mapping[str, Affine],
    images: Sequence[np.ndarray],
    means: Mapping[str, np.ndarray],
) -> Layers:
    """The layers with corrected biases, over the first few images; `means` as `Measured.means` of these layers.

    Layer by layer, with everything before it rounded and corrected: the difference of the means of each channel before the
    activation.  Of a difference only what stands out from its spread over the images is taken.
    """
    x = np.stack(images[:BATCH]).astype(np.float64)
    rounded = {graph.input.name: _round(x, scales[graph.input.name])}
    result = dict(layers)
    dead_after = graph.dead_after
    for node in graph.nodes[1:]:
        if node.op == "softmax":
            break
        inputs = [rounded[name] for name in node.inputs]
        if node.name in layers:
            weights, bias = layers[node.name]
            steps, sizes = rounded_weights(weights, bias, scales[node.inputs[0]].scale, scales[node.name].scale)
            found = convolve(node, inputs[0], steps * sizes[:, None, None, None])
            found += bias
            shift = _certain(channel_means(found) - means[node.name])
            result[node.name] = (weights, bias - shift)
            found -= shift
            value = activate(node, found)
        else:
            value = unweighted(node, inputs, x.shape[:1])
        rounded[node.name] = _round(value, scales[node.name])
        for name in dead_after[node.name]:
            del rounded[name]
    return result


def _certain(means: np.ndarray) -> np.ndarray:
    """The mean over images [images, channels], less where it may be chance (a positive-part shrinkage)."""
    mean = means.mean(axis=0)
    if len(means) == 1:
        return mean
    chance = means.var(axis=0, ddof=1) / len(means)
    return mean * np.maximum(0, 1 - chance / np.maximum(mean**2, 1e-30))


def _round(value: np.ndarray, to: Affine) -> np.ndarray:
    """The values of the int8 tensor that real ones become; in pieces that a cache holds."""
    result = np.empty(value.shape)
    flat, reals = result.reshape(-1), value.reshape(-1)
    for first in range(0, len(flat), LARGEST_BLOCK):
        rounded = flat[first : first + LARGEST_BLOCK]
        np.divide(reals[first : first + LARGEST_BLOCK], to.scale, out=rounded)
        arithmetic.round_in_place(rounded)
        rounded += to.zero_point
        np.clip(rounded, arithmetic.INT8_MIN, arithmetic.INT8_MAX, out=rounded)
        rounded -= to.zero_point
        rounded *= to.scale
    return result
