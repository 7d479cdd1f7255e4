"""Float evaluation against straight loops, and the whole network against torchvision's recorded output."""

import itertools
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

from hwgen.compiler.frontend.zoo import build
from hwgen.compiler.graph.evaluate import activate, convolve, elementwise, evaluate, products
from hwgen.compiler.graph.parameters import folded, required
from hwgen.compiler.graph.text import parse
from hwgen.compiler.quantise.calibrate import float_tensors
from hwgen.compiler.transforms import simplify
from hwgen.errors import UnsupportedOpError
from tests.support.paths import MODELS

TORCHVISION = MODELS / "shufflenet_v2_x1_0_random.onnx"


@pytest.mark.parametrize(
    ("channels", "attributes"),
    [
        (6, "kernel=3,2 stride=2,1 pad=1,0,2,1"),
        (8, "kernel=2,2 groups=2 dilation=2,1"),
        (4, "kernel=3,3 pad=1,1,1,1 groups=4"),
        (8, "kernel=1,3 groups=4"),
    ],
)
def test_convolution(channels: int, attributes: str) -> None:
    rng = np.random.default_rng(channels)
    graph = "graph g\n%x : 5x6x4 = input shape=5,6,4\n%c : {} = conv2d(%x) channels={} weight=w {}\nreturn %c"
    window = parse_shape(graph, channels, attributes)
    node = parse(graph.format(window, channels, attributes))["c"]
    depth = 4 // node.integer("groups")
    x, weights = rng.normal(size=(2, 5, 6, 4)), rng.normal(size=(channels, *node.window.kernel, depth))
    got = convolve(node, x, weights)
    assert got.shape == (2, *node.shape)
    per_group = channels // node.integer("groups")
    for frame, y, column, c in itertools.product(range(2), *map(range, node.shape)):
        total = 0.0
        for ky, kx, k in itertools.product(*map(range, weights.shape[1:])):
            iy = y * node.window.stride[0] + ky * node.window.dilation[0] - node.window.padding[0]
            ix = column * node.window.stride[1] + kx * node.window.dilation[1] - node.window.padding[2]
            if 0 <= iy < 5 and 0 <= ix < 6:
                total += weights[c, ky, kx, k] * x[frame, iy, ix, c // per_group * depth + k]
        assert abs(got[frame, y, column, c] - total) < 1e-9


def test_a_convolution_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is gathered under a large kernel is so many times the map."""
    rng = np.random.default_rng(5)
    taps, matrix = (
        [rng.integers(-9, 9, (2, 7, 6, 4)).astype(float) for _ in range(9)],
        rng.integers(-9, 9, (5, 36)).astype(float),
    )
    whole = products(taps, matrix)
    for piece in (1, 500, 1300):
        monkeypatch.setattr("hwgen.compiler.graph.evaluate.LARGEST_PIECE", piece)
        assert np.array_equal(products(taps, matrix), whole)
    tracemalloc.start()
    try:
        products([np.ones((64, 64, 8), np.int8)] * 100, np.ones((2, 800), np.float32))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20  # 13 MB as a whole
    finally:
        tracemalloc.stop()


def parse_shape(graph: str, channels: int, attributes: str) -> str:
    """The output shape that the verifier asks for when it is told a wrong one."""
    with pytest.raises(Exception, match="should be") as caught:
        parse(graph.format("9x9x9", channels, attributes))
    return str(caught.value).split("should be (")[1].rstrip(")").replace(", ", "x")


def test_functions() -> None:
    text = "graph g\n%x : 1x1x1 = input shape=1,1,1\n%f : 1x1x1 = {}(%x)\nreturn %f"
    expected: dict[str, dict[float, float]] = {
        "relu": {-2: 0, 1.5: 1.5},
        "relu6": {-2: 0, 1.5: 1.5, 7: 6},
        "leaky_relu": {-2: -0.02, 3: 3},
        "hard_sigmoid": {-4: 0, 0: 0.5, 1.5: 0.75, 4: 1},
        "hard_swish": {-4: 0, -1: -1 / 3, 1.5: 1.125, 4: 4},
        "sigmoid": {-2000: 0, 0: 0.5, np.log(3): 0.75},
        "swish": {-2000: 0, 0: 0, np.log(3): 0.75 * np.log(3)},
        "tanh": {0: 0, np.log(2): 0.6},
        "clip low=-0.5 high=2.0": {-1: -0.5, 1: 1, 3: 2},
        "affine scale=3.0 offset=-1.0": {0: -1, 2: 5},
    }
    for op, points in expected.items():
        name, _, attributes = op.partition(" ")
        function = elementwise(parse(text.format(name).replace("(%x)", f"(%x) {attributes}".rstrip()))["f"])
        assert function is not None
        for x, y in points.items():
            assert abs(float(function(np.array(float(x)))) - y) < 1e-12


def test_pools_and_moves() -> None:
    head = "graph g\n%x : 3x3x4 = input shape=3,3,4\n"
    x = np.random.default_rng(0).normal(size=(3, 3, 4))
    pool = parse(f"{head}%y : 2x2x4 = avg_pool(%x) kernel=3,3 stride=2,2 pad=1,1,1,1\nreturn %y")["y"]
    assert np.allclose(evaluate(pool, [x])[0, 1], x[:2, 1:].mean(axis=(0, 1)))  # only the valid elements count
    pool = parse(f"{head}%y : 2x2x4 = max_pool(%x) kernel=3,3 stride=2,2 pad=1,1,1,1\nreturn %y")["y"]
    assert np.allclose(evaluate(pool, [x - 9])[1, 0], x[1:, :2].max(axis=(0, 1)) - 9)
    merge = parse(f"{head}%y : 3x3x8 = shuffle_merge(%x, %x)\nreturn %y")["y"]
    assert np.array_equal(evaluate(merge, [x, -x])[..., 1::2], -x)
    shuffle = parse(f"{head}%y : 3x3x4 = shuffle(%x) groups=2\nreturn %y")["y"]
    assert np.array_equal(evaluate(shuffle, [x]), x[..., [0, 2, 1, 3]])
    flat = parse(f"{head}%y : 36 = reshape(%x) shape=36\nreturn %y")["y"]
    with pytest.raises(UnsupportedOpError, match="y: reshape cannot be evaluated"):
        evaluate(flat, [x])
    conv = parse(f"{head}%y : 3x3x1 = conv2d(%x) channels=1 kernel=1,1 weight=w activation=tanh\nreturn %y")["y"]
    with pytest.raises(UnsupportedOpError, match="y: activation tanh; allowed are none, relu, relu6"):
        activate(conv, x)


def test_pads_and_counted_padding() -> None:
    head = "graph g\n%x : 3x3x4 = input shape=3,3,4\n"
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 4))
    pad = parse(f"{head}%y : 4x2x4 = pad(%x) pad=2,-1,-1,0 value=7.0\nreturn %y")["y"]
    padded = evaluate(pad, [x])
    assert padded.shape == (2, 4, 2, 4)
    assert (padded[:, :2] == 7).all() and np.array_equal(padded[:, 2:], x[:, :2, 1:])
    pool = parse(f"{head}%y : 2x2x4 = avg_pool(%x) kernel=3,3 stride=2,2 pad=1,1,1,1 count_pad=1\nreturn %y")["y"]
    assert np.allclose(evaluate(pool, [x])[:, 0, 1], x[:, :2, 1:].sum(axis=(1, 2)) / 9)


def test_products_sums_and_softmax() -> None:
    head = "graph g\n%x : 3x3x4 = input shape=3,3,4\n%s : 1x1x4 = global_avg_pool(%x)\n"
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 4))
    mean = x.mean(axis=(1, 2), keepdims=True)
    scaled = parse(f"{head}%y : 3x3x4 = mul(%x, %s) activation=relu\nreturn %y")["y"]
    assert np.allclose(evaluate(scaled, [x, mean]), np.maximum(x * mean, 0))
    added = parse(f"{head}%y : 3x3x4 = add(%x, %s)\nreturn %y")["y"]
    assert np.allclose(evaluate(added, [x, mean]), x + mean)
    squared = parse(f"{head}%y : 3x3x4 = mul(%x, %x)\nreturn %y")["y"]
    assert np.allclose(evaluate(squared, [x, x]), x**2)
    softmax = evaluate(parse(f"{head}%y : 3x3x4 = softmax(%x)\nreturn %y")["y"], [x + 1000])
    assert np.allclose(softmax.sum(axis=-1), 1) and np.allclose(np.diff(np.log(softmax)), np.diff(x))


@pytest.mark.skipif(
    not TORCHVISION.is_file(), reason=f"no {TORCHVISION} (set HWGEN_MODELS to the folder that holds it)"
)
def test_network_equals_torchvisions() -> None:
    """The zoo's definition computes what torchvision's did: its exported weights, its recorded input and output."""
    graph = build("shufflenet_v2")
    arrays: dict[str, np.ndarray] = {}
    simple = simplify(graph)
    for node, (weight, bias) in zip(simple.layers(), onnx_layers(TORCHVISION), strict=True):
        arrays[node.text("weight")] = weight
        if node.attributes["norm"]:  # folded by the exporter: an identity but for its offset
            norm, count = node.text("norm"), len(bias)
            arrays |= {f"{norm}.weight": np.ones(count), f"{norm}.bias": bias, f"{norm}.running_mean": np.zeros(count)}
            arrays[f"{norm}.running_var"] = np.full(count, 1 - node.real("eps"))
        else:
            arrays[node.text("bias")] = bias
    assert {name: array.shape for name, array in arrays.items()} == required(graph)
    layers = {node.name: folded(node, arrays) for node in simple.layers()}
    recorded = np.load(TORCHVISION.with_suffix(".npz"))
    tensors = dict(float_tensors(simple, layers, recorded["input"][0].transpose(1, 2, 0)))
    assert np.abs(tensors["fc"].ravel() - recorded["output"][0]).max() < 1e-5 * np.abs(recorded["output"]).max()


def onnx_layers(path: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Weights and bias of every Conv and Gemm of an ONNX file, in order."""
    graph = onnx.load(path).graph
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm"):
            yield tensors[node.input[1]], tensors[node.input[2]]
