"""Every operation of the float graph: its int8 form follows the float function, is planned, and runs in the RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.graph.ops import OPS
from hwgen.compiler.graph.parameters import Weights, required
from hwgen.compiler.graph.text import parse
from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QConv, QMean, QTable
from hwgen.compiler.quantise.calibrate import float_tensors
from hwgen.compiler.quantise.prepare import prepare
from hwgen.compiler.quantise.quantiser import quantise
from hwgen.errors import UnsupportedOpError
from hwgen.sim import golden
from tests.support.small_machine import Small

SHAPE = "6x6x8"
HEADER = "graph g\n%x : 6x6x8 = input shape=6,6,8\n"

CASES = {
    "conv": "%y : 6x6x4 = conv2d(%x) channels=4 kernel=3,3 pad=1,1,1,1 weight=w bias=b",
    "dilated": "%y : 4x6x4 = conv2d(%x) channels=4 kernel=2,3 dilation=2,2 pad=0,0,2,2 weight=w",
    "grouped": "%y : 3x3x16 = conv2d(%x) channels=16 kernel=3,3 stride=2,2 pad=1,1,1,1 groups=2 weight=w bias=b",
    "depthwise": "%y : 6x6x8 = conv2d(%x) channels=8 kernel=5,5 pad=2,2,2,2 groups=8 weight=w bias=b",
    "row": "%y : 6x6x8 = conv2d(%x) channels=8 kernel=1,3 pad=0,0,1,1 groups=8 weight=w",
    "column": "%y : 3x6x12 = conv2d(%x) channels=12 kernel=2,1 stride=2,1 weight=w",
    "multiplied": "%y : 6x6x16 = conv2d(%x) channels=16 kernel=3,3 pad=1,1,1,1 groups=8 weight=w bias=b",
    "normed": "%r : 6x6x8 = relu(%x)\n%n : 6x6x8 = batch_norm(%r) norm=n\n%y : 6x6x8 = relu6(%n)",
    "fully_connected": "%p : 1x1x8 = global_avg_pool(%x)\n%y : 1x1x5 = fully_connected(%p) channels=5 weight=w bias=b",
    "relu": "%y : 6x6x8 = relu(%x)",
    "relu6": "%y : 6x6x8 = relu6(%x)",
    "leaky_relu": "%y : 6x6x8 = leaky_relu(%x) slope=0.1",
    "hard_swish": "%y : 6x6x8 = hard_swish(%x)",
    "hard_sigmoid": "%y : 6x6x8 = hard_sigmoid(%x)",
    "sigmoid": "%y : 6x6x8 = sigmoid(%x)",
    "swish": "%y : 6x6x8 = swish(%x)",
    "tanh": "%y : 6x6x8 = tanh(%x)",
    "clip": "%y : 6x6x8 = clip(%x) low=-0.5 high=1.5",
    "clipped_conv": "%c : 6x6x8 = conv2d(%x) channels=8 kernel=1,1 weight=w\n%y : 6x6x8 = clip(%c) low=-0.5 high=1.5",
    "affine": "%y : 6x6x8 = affine(%x) scale=-0.5 offset=0.25",
    "max_pool": "%y : 3x3x8 = max_pool(%x) kernel=3,3 stride=2,2 pad=1,1,1,1",
    "tall_pool": "%y : 3x6x8 = max_pool(%x) kernel=2,1 stride=2,1",
    "avg_pool": "%y : 6x6x8 = avg_pool(%x) kernel=3,3 pad=1,1,1,1",
    "counted": "%y : 3x3x8 = avg_pool(%x) kernel=3,3 stride=2,2 pad=1,1,1,1 count_pad=1",
    "whole": "%y : 1x1x8 = avg_pool(%x) kernel=6,6",
    "global": "%y : 1x1x8 = global_avg_pool(%x)",
    "single": "%p : 1x1x8 = global_avg_pool(%x)\n%q : 1x1x8 = global_avg_pool(%p)\n%y : 1x1x8 = tanh(%q)",
    "add": "%t : 6x6x8 = tanh(%x)\n%y : 6x6x8 = add(%x, %t) activation=relu",
    "add_channel": "%p : 1x1x8 = global_avg_pool(%x)\n%y : 6x6x8 = add(%x, %p)",
    "mul": "%t : 6x6x8 = tanh(%x)\n%y : 6x6x8 = mul(%x, %t) activation=relu6",
    "scale": "%p : 1x1x8 = global_avg_pool(%x)\n%s : 1x1x8 = hard_sigmoid(%p)\n%y : 6x6x8 = mul(%x, %s)",
    "concat": "%t : 6x6x8 = tanh(%x)\n%m : 6x6x8 = max_pool(%x) kernel=3,3 pad=1,1,1,1\n%y : 6x6x24 = concat(%t, %x, %m)",
    "slice": "%y : 6x6x3 = slice(%x) offset=2 channels=3",
    "shuffle": "%y : 6x6x8 = shuffle(%x) groups=4",
    "merge": "%a : 6x6x8 = conv2d(%x) channels=8 kernel=1,1 weight=w\n%y : 6x6x16 = shuffle_merge(%x, %a)",
    "pad": "%y : 9x7x8 = pad(%x) pad=1,2,0,1 value=0.5",
    "cut": "%y : 4x5x8 = pad(%x) pad=-1,-1,0,-1",
    "cut_and_pad": "%y : 6x7x8 = pad(%x) pad=-1,1,2,-1",
    "reshape": "%p : 1x1x8 = global_avg_pool(%x)\n%y : 8 = reshape(%p) shape=8",
    "softmax": "%p : 1x1x8 = global_avg_pool(%x)\n%a : 1x1x8 = affine(%p) scale=4\n%y : 1x1x8 = softmax(%a)",
}  # fmt: skip
STEPS = 2.5  # of the output's scale: rounding of input, weights, sum and output
"""Most that an int8 value may be off, in steps of its scale; products and sums of long kernels come near it."""


def small(text: str) -> tuple[Graph, Weights]:
    graph = parse(f"{HEADER}{text}\nreturn %y")
    rng = np.random.default_rng(len(text))
    arrays: dict[str, np.ndarray] = {}
    for name, shape in required(graph).items():
        spread = 1 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.3
        arrays[name] = rng.normal(0, spread, shape).astype(np.float32)
        if name.endswith("running_var"):
            arrays[name] = np.abs(arrays[name]) + 0.1
    return graph, Weights(arrays, "random, seed 0")


def images() -> list[np.ndarray]:
    return list(np.random.default_rng(6).normal(size=(3, 6, 6, 8)))


def quantised(name: str) -> QGraph:
    graph, weights = small(CASES[name])
    return quantise(graph, weights, images())


def test_every_operation_is_covered() -> None:
    used = {node.op for text in CASES.values() for node in parse(f"{HEADER}{text}\nreturn %y").nodes}
    assert used == set(OPS) - {"transpose"}


@pytest.mark.parametrize("name", CASES)
def test_follows_float(name: str) -> None:
    graph, weights = small(CASES[name])
    network = quantise(graph, weights, images())
    prepared, layers = prepare(graph, weights.arrays)
    x = images()[1]
    real = dict(float_tensors(prepared, layers, x))
    first = network.tensors["x"]
    values = golden.run(network, arithmetic.quantise_real(x, first.scale, first.zero_point))
    values |= golden.run_host(network, values[network.output])
    tensors = network.tensors | {tensor.name: tensor for tensor in network.host.tensors}
    assert network.result.name == prepared.output
    for node in prepared.nodes:
        tensor = tensors[node.name]
        found = arithmetic.dequantise(values[node.name], tensor.scale, tensor.zero_point).reshape(node.shape)
        # A clamp's input saturates at its limits.
        low, high = (tensor.scale * (end - tensor.zero_point) for end in (-128, 127))
        expected = np.clip(real[node.name], low, high)
        coarsest = max(tensor.scale, *(network.tensors[name].scale for name in ("x", *node.inputs)))
        assert np.abs(found - expected).max() <= STEPS * coarsest, node.name
        assert np.abs(expected).max() > 0 and tensor.size == np.prod(node.shape)


@pytest.mark.parametrize("name", CASES)
def test_is_planned(name: str) -> None:
    """Small machine: rewritten without a change of values, scheduled, replayed on the symbolic machine."""
    machine = Small.of_graph(quantised(name))
    machine.same_values(machine.input(3))


def test_forms() -> None:
    """A mean has a scale of its own; counted padding makes a convolution; a clamp goes into what is before it."""
    pooled = quantised("global")
    assert isinstance(pooled.nodes[0], QMean) and pooled.tensors["y"].scale < pooled.tensors["x"].scale
    counted = quantised("counted").nodes[0]
    assert isinstance(counted, QConv) and counted.depthwise and (counted.weights == 127).all()
    machine = Small.of_graph(quantised("clipped_conv"))
    assert not any(isinstance(node, QTable) for node in machine.legal.nodes)
    assert len(quantised("single").nodes) == 2


NETWORK = """\
%c : 6x6x16 = conv2d(%x) channels=16 kernel=3,3 pad=1,1,1,1 groups=2 weight=c.w norm=c eps=1e-5
%h : 6x6x16 = hard_swish(%c)
%d : 6x6x16 = conv2d(%h) channels=16 kernel=5,5 pad=2,2,2,2 groups=16 weight=d.w bias=d.b activation=relu6
%p : 1x1x16 = global_avg_pool(%d)
%s : 1x1x16 = fully_connected(%p) channels=16 weight=s.w bias=s.b
%g : 1x1x16 = hard_sigmoid(%s)
%m : 6x6x16 = mul(%d, %g)
%e : 6x6x16 = conv2d(%m) channels=16 kernel=1,1 weight=e.w
%a : 6x6x16 = add(%h, %e)
%v : 3x3x16 = avg_pool(%a) kernel=3,3 stride=2,2 pad=1,1,1,1 count_pad=1
%r : 3x3x16 = conv2d(%a) channels=16 kernel=3,3 stride=2,2 pad=1,1,1,1 weight=r.w
%j : 3x3x32 = concat(%v, %r)
%q : 3x3x32 = shuffle(%j) groups=4
%n : 3x3x32 = batch_norm(%q) norm=n
%f : 1x1x32 = global_avg_pool(%n)
%o : 1x1x6 = fully_connected(%f) channels=6 weight=o.w bias=o.b
%y : 1x1x6 = softmax(%o)"""


def test_network_in_rtl(bench_dir: Path) -> None:
    graph, weights = small(NETWORK)
    machine = Small.of_graph(quantise(graph, weights, images()))
    x = machine.input(5)
    machine.same_values(x)
    machine.simulate(x, bench_dir)


def test_shapes_of_four_axes_are_refused() -> None:
    graph, weights = small("%y : 3x2x6x8 = reshape(%x) shape=3,2,6,8")
    with pytest.raises(UnsupportedOpError, match="no int8 form for y: reshape"):
        quantise(graph, weights, images())
