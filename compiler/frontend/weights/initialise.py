"""Seeded random weights whose activations behave like a trained network's."""

from math import comb

import numpy as np

from hwgen.compiler.frontend.images import normalise, synthetic_inputs
from hwgen.compiler.graph.evaluate import convolve, evaluate, layer
from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.graph.parameters import Weights, folded, kernel_of, required
from hwgen.compiler.transforms import simplify

IMAGES = 3
LOGIT_SPREAD = 3.0
SMOOTHNESS = 0.6  # part of a depthwise kernel that is a blur, the rest noise
OFFSET = 0.5  # mean of batch norm's beta: some 60 % of a ReLU's outputs are above zero


def random(graph: Graph, seed: int = 0) -> Weights:
    """Random weights for a network of images.

    Convolutions as He et al. 2015 initialise them, depthwise ones partly blurring (white kernels would amplify the
    noise of quantisation from layer to layer); batch norm scales spread around 1, offsets around 0.5; batch norm
    means and variances as training would leave them: those of the layer's own outputs, here over a few synthetic
    images.  So the activations keep their spread through any depth.
    """
    rng = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}
    shapes = required(graph)
    for name, shape in shapes.items():
        normalises = f"{name.rpartition('.')[0]}.running_mean" in shapes
        arrays[name] = _initial(rng, name, shape, OFFSET if normalises else 0.0)
    simple = simplify(graph)
    pixels = synthetic_inputs(IMAGES, graph.input.shape, seed)
    values = {simple.input.name: np.stack([normalise(image) for image in pixels])}
    dead_after = simple.dead_after
    for node in simple.nodes[1:]:
        inputs = [values[name] for name in node.inputs]
        if node.op not in ("conv2d", "fully_connected"):
            values[node.name] = evaluate(node, inputs)
        else:
            if node.attributes["norm"]:
                _set_statistics(node.text("norm"), arrays, convolve(node, inputs[0], kernel_of(node, arrays)))
            kernel, bias = folded(node, arrays)
            values[node.name] = layer(node, inputs[0], kernel, bias)
        for name in dead_after[node.name]:
            del values[name]
    return Weights(arrays, f"random, seed {seed}")


def _initial(rng: np.random.Generator, name: str, shape: tuple[int, ...], offset: float) -> np.ndarray:
    if len(shape) == 4:
        values = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        if shape[1] == 1 and shape[2] * shape[3] > 1:
            blur = np.outer(_binomial(shape[2]), _binomial(shape[3])) * 2
            sign = rng.choice((-1, 1), size=(shape[0], 1, 1, 1))
            values = (1 - SMOOTHNESS) * values + SMOOTHNESS * sign * blur
    elif len(shape) == 2:
        values = rng.normal(0, LOGIT_SPREAD / np.sqrt(shape[1]), shape)
    elif name.endswith("running_var"):
        values = np.ones(shape)
    elif name.endswith("weight"):
        values = rng.uniform(0.6, 1.4, shape)
    elif name.endswith("running_mean"):
        values = np.zeros(shape)
    else:
        values = rng.normal(offset, 0.3, shape)
    return values.astype(np.float32)


def _binomial(size: int) -> np.ndarray:
    return np.array([comb(size - 1, i) for i in range(size)]) / 2 ** (size - 1)


def _set_statistics(norm: str, arrays: dict[str, np.ndarray], sums: np.ndarray) -> None:
    samples = sums.reshape(-1, sums.shape[-1]).astype(np.float64)
    variance = samples.var(axis=0)
    # Late maps have few pixels: lean on the layer's mean variance so that no channel is blown up by chance.
    arrays[f"{norm}.running_mean"] = samples.mean(axis=0).astype(np.float32)
    arrays[f"{norm}.running_var"] = (0.75 * variance + 0.25 * variance.mean() + 1e-6).astype(np.float32)
