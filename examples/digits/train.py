"""Trains the networks on the handwritten digits and writes their graphs and weights beside this file.

    pip install -e '.[examples]' && python -m examples.digits.train

The same seed gives the same weights on the same machine and version of JAX; on another one accuracies differ by a few images.
"""

from __future__ import annotations

import argparse
from math import prod
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from examples.digits.data import Digits, load
from examples.digits.networks import NETWORKS
from hwgen.compiler.graph.graph import Graph, Node
from hwgen.compiler.graph.parameters import required

FOLDER = Path(__file__).parent
BATCH = 64
EPOCHS = 150
RATE = 4e-3
MOMENTUM = 0.9  # of batch norms' running statistics
SMOOTHING = 0.05  # of labels
STATISTICS = ("running_mean", "running_var")

Arrays = dict[str, jax.Array]


def initial(graph: Graph, rng: np.random.Generator) -> Arrays:
    """He et al. 2015 for weights, neutral batch norms."""
    arrays = {}
    for name, shape in required(graph).items():
        if len(shape) > 1:
            value = rng.normal(0, np.sqrt(2 / prod(shape[1:])), shape)
        elif name.endswith(("running_var", "norm.weight")):
            value = np.ones(shape)
        else:
            value = np.zeros(shape)
        arrays[name] = jnp.asarray(value, jnp.float32)
    return arrays


def run(graph: Graph, arrays: Arrays, images: jax.Array, *, training: bool) -> tuple[jax.Array, Arrays]:
    """Logits [n, classes] for images [n, height, width, 1], and the batch's statistics of every batch norm."""
    values, statistics = {graph.input.name: images}, {}
    for node in graph.nodes[1:]:
        inputs = [values[name] for name in node.inputs]
        if node.op == "batch_norm" and training:
            mean, variance = inputs[0].mean((0, 1, 2)), inputs[0].var((0, 1, 2))
            statistics[f"{node.text('norm')}.running_mean"] = mean
            statistics[f"{node.text('norm')}.running_var"] = variance
            values[node.name] = _normalise(node, arrays | statistics, inputs[0])
        else:
            values[node.name] = _evaluate(node, arrays, inputs)
    return values[graph.output][:, 0, 0, :], statistics


def _evaluate(node: Node, arrays: Arrays, inputs: list[jax.Array]) -> jax.Array:
    x = inputs[0]
    match node.op:
        case "conv2d":
            return _convolve(node, arrays[node.text("weight")], x)
        case "fully_connected":
            return x @ arrays[node.text("weight")].T + arrays[node.text("bias")]
        case "batch_norm":
            return _normalise(node, arrays, x)
        case "relu":
            return jax.nn.relu(x)
        case "hard_swish":
            return jax.nn.hard_swish(x)
        case "hard_sigmoid":
            return jax.nn.hard_sigmoid(x)
        case "global_avg_pool":
            return x.mean((1, 2), keepdims=True)
        case "add":
            return x + inputs[1]
        case "mul":
            return x * inputs[1]
        case "concat":
            return jnp.concatenate(inputs, axis=-1)
        case "slice":
            return x[..., node.integer("offset") :][..., : node.integer("channels")]
        case "shuffle":
            groups = node.integer("groups")
            return x.reshape(*x.shape[:-1], groups, -1).swapaxes(-1, -2).reshape(x.shape)
    raise ValueError(f"{node.name}: {node.op} is not trained here")


def _convolve(node: Node, weights: jax.Array, x: jax.Array) -> jax.Array:
    window, (_, depth, rows, columns) = node.window, weights.shape
    if depth > 1 or node.integer("groups") == 1:
        top, bottom, left, right = window.padding
        return jax.lax.conv_general_dilated(
            x, weights, window.stride, ((top, bottom), (left, right)), dimension_numbers=("NHWC", "OIHW", "NHWC")
        )
    top, bottom, left, right = window.padding  # depthwise, tap by tap: XLA's own gradient for it is slow on CPUs
    padded = jnp.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    (height, width), (step_y, step_x) = node.shape[:2], window.stride
    return sum(
        padded[:, y : y + (height - 1) * step_y + 1 : step_y, z : z + (width - 1) * step_x + 1 : step_x]
        * weights[:, 0, y, z]
        for y in range(rows)
        for z in range(columns)
    )


def _normalise(node: Node, arrays: Arrays, x: jax.Array) -> jax.Array:
    norm = node.text("norm")
    factor = arrays[f"{norm}.weight"] / jnp.sqrt(arrays[f"{norm}.running_var"] + node.real("eps"))
    return (x - arrays[f"{norm}.running_mean"]) * factor + arrays[f"{norm}.bias"]


def augmented(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Images [n, 16, 16, 1] moved by up to two pixels each way; what comes in from outside is as dark as it gets."""
    moved = np.empty_like(images)
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), constant_values=images.min())
    for i, (y, x) in enumerate(rng.integers(0, 5, (len(images), 2))):
        moved[i] = padded[i, y : y + images.shape[1], x : x + images.shape[2]]
    return moved


def train(graph: Graph, data: Digits, seed: int, epochs: int) -> dict[str, np.ndarray]:
    """The trained parameters, float16 (half the file, the same accuracy), by name."""
    rng = np.random.default_rng(seed)
    images, labels = data.inputs.astype(np.float32), data.labels
    steps = len(images) // BATCH
    optimiser = optax.adamw(optax.cosine_onecycle_schedule(epochs * steps, RATE), weight_decay=1e-3)

    @jax.jit
    def step(trained: Arrays, fixed: Arrays, state: optax.OptState, x: jax.Array, y: jax.Array):
        def loss(trained: Arrays) -> tuple[jax.Array, Arrays]:
            logits, statistics = run(graph, trained | fixed, x, training=True)
            target = optax.smooth_labels(jax.nn.one_hot(y, logits.shape[1]), SMOOTHING)
            return optax.softmax_cross_entropy(logits, target).mean(), statistics

        (value, statistics), gradient = jax.value_and_grad(loss, has_aux=True)(trained)
        updates, state = optimiser.update(gradient, state, trained)
        fixed = {name: MOMENTUM * old + (1 - MOMENTUM) * statistics[name] for name, old in fixed.items()}
        return optax.apply_updates(trained, updates), fixed, state, value

    arrays = initial(graph, rng)
    fixed = {name: value for name, value in arrays.items() if name.endswith(STATISTICS)}
    trained = {name: value for name, value in arrays.items() if name not in fixed}
    state = optimiser.init(trained)
    for epoch in range(epochs):
        order = rng.permutation(len(images))[: steps * BATCH].reshape(steps, BATCH)
        losses = []
        for chosen in order:
            batch = augmented(images[chosen], rng).astype(np.float32)
            trained, fixed, state, value = step(trained, fixed, state, batch, labels[chosen])
            losses.append(float(value))
        if epoch % 10 == 9:
            print(f"{graph.name}: epoch {epoch + 1}, loss {np.mean(losses):.4f}", flush=True)
    return {name: np.asarray(value, np.float16) for name, value in sorted((trained | fixed).items())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), help=f"of {', '.join(NETWORKS)}; default: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder for the results")
    arguments = parser.parse_args()
    training, test = load()
    for name in arguments.networks:
        graph = NETWORKS[name]()
        arrays = train(graph, training, arguments.seed, arguments.epochs)
        logits, _ = run(
            graph, {key: jnp.asarray(value, jnp.float32) for key, value in arrays.items()}, test.inputs, training=False
        )
        right = int((np.argmax(logits, axis=1) == test.labels).sum())
        print(f"{graph.name}: {right} of {len(test.labels)} test images right ({100 * right / len(test.labels):.2f} %)")
        np.savez_compressed(arguments.out / f"{graph.name}.npz", **arrays)
        (arguments.out / f"{graph.name}.graph").write_text(f"{graph}\n")


if __name__ == "__main__":
    main()
