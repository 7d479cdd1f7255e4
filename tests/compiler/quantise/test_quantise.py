"""The quantiser: structure, scales, closeness to the float network, and health of every int8 tensor."""

import itertools

import numpy as np
import pytest

from hwgen.compiler.frontend.images import INPUT_RANGE, normalise, quantise_pixels, synthetic_images
from hwgen.compiler.frontend.load import load_float
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.frontend.zoo import build
from hwgen.compiler.graph.parameters import Weights, folded
from hwgen.compiler.graph.text import parse
from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QConv, QMean, QShuffleMerge, QSlice
from hwgen.compiler.quantise.calibrate import float_tensors
from hwgen.compiler.quantise.options import QuantiseOptions
from hwgen.compiler.quantise.quantiser import quantise
from hwgen.compiler.quantise.scales import choose_scales, tied_classes
from hwgen.compiler.transforms import simplify
from hwgen.errors import ModelError, UnsupportedOpError
from hwgen.sim import golden
from tests.support.double_rounding import double_rounding
from tests.support.int8_networks import load_network


@pytest.fixture(scope="module")
def network() -> QGraph:
    return load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=64, seed=1))


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return synthetic_images(1, 64, 77)[0]  # neither a calibration image nor one behind the random weights


def test_structure(network: QGraph) -> None:
    graph = build("shufflenet_v2", 0.5, 64)
    assert network.provenance == "random, seed 1"
    assert (network.macs, network.weight_count) == (graph.macs, graph.weight_count)
    assert sum(isinstance(node, QShuffleMerge) for node in network.nodes) == 16
    convs = list(network.convs())
    assert len(convs) == 57 and sum(conv.depthwise for conv in convs) == 19
    assert sum(conv.pointwise for conv in convs) == 37
    assert network.tensors["fc"].shape == (1, 1, 1000) and network.output == "fc"
    pool = next(node for node in network.nodes if isinstance(node, QMean))
    assert pool.count == 4


def test_scales_are_tied_over_each_stage(network: QGraph) -> None:
    for stage, units in (("stage2", 4), ("stage3", 8), ("stage4", 4)):
        names = [f"{stage}.{unit}" for unit in range(units)] + [f"{stage}.{unit}.branch2.5" for unit in range(units)]
        names += [node.output for node in network.nodes if isinstance(node, QSlice) and node.name.startswith(stage)]
        names += [f"{stage}.0.branch1.2"]
        assert len({(network.tensors[name].scale, network.tensors[name].zero_point) for name in names}) == 1
    assert network.tensors["conv1.0"].scale == network.tensors["maxpool"].scale
    assert network.tensors["pool"].scale < network.tensors["conv5.0"].scale  # means spread less than what they are of
    assert network.tensors["stage2.0"].scale != network.tensors["stage3.0"].scale


def test_every_layer_is_within_the_machines_limits(network: QGraph) -> None:
    for conv in network.convs():
        assert conv.weights.dtype == np.int8 and conv.weights.min() >= -127
        assert (np.abs(conv.weights).reshape(conv.out_channels, -1).max(axis=1) == 127).all()
        assert conv.multiplier.min() >= 1 << 30 and conv.multiplier.max() < 1 << 31
        assert conv.shift.min() >= 0 and conv.shift.max() <= 31
        assert conv.clamp_bits.max() <= 23
        assert arithmetic.accumulator_bits(conv.weights) <= 26
    assert 16 <= network.clamp_bits <= 23


def test_int8_follows_float(network: QGraph, picture: np.ndarray) -> None:
    made = load_float("shufflenet_v2", NetworkOptions(width=0.5, resolution=64, seed=1)).quantised(QuantiseOptions())
    assert str(made.network) == str(network)
    real = dict(float_tensors(made.graph, made.equalised, normalise(picture)))
    values = golden.run(network, quantise_pixels(picture, network.tensors["image"]))
    for name, least in (("conv1.0", 34), ("stage2.3", 21), ("stage3.7", 14), ("stage4.3", 11), ("fc", 14)):
        tensor = network.tensors[name]
        error = arithmetic.dequantise(values[name], tensor.scale, tensor.zero_point) - real[name]
        assert 10 * np.log10(real[name].var() / (error**2).mean()) > least, name


def test_int8_tensors_are_neither_saturated_nor_dead(network: QGraph, picture: np.ndarray) -> None:
    values = golden.run(network, quantise_pixels(picture, network.tensors["image"]))
    for conv in network.convs():
        value = values[conv.output]
        assert value.std() > 4, conv.name
        assert (value == 127).mean() < 0.01, conv.name
        assert (value == network.tensors[conv.output].zero_point).mean() < 0.75, conv.name
        if value.shape[0] > 4:
            constant = (value == value[0, 0]).all(axis=(0, 1)).mean()
            assert constant < 0.1, conv.name


def test_whole_network_against_an_independent_evaluation() -> None:
    network = load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=32, seed=2, classes=12))
    x = quantise_pixels(synthetic_images(1, 32, 8)[0], network.tensors["image"])
    values = golden.run(network, x)
    for node in network.nodes:
        if isinstance(node, QConv):
            assert np.array_equal(values[node.output], plain_conv(node, values[node.input])), node.name
    merge = values["stage3.2"]
    assert np.array_equal(merge[..., 0::2], values["stage3.1"][..., :48])
    assert np.array_equal(merge[..., 1::2], values["stage3.2.branch2.5"])
    assert np.array_equal(values["stage3.2.split"], values["stage3.1"][..., 48:])


def plain_conv(node: QConv, x: np.ndarray) -> np.ndarray:
    """Equations 3, 6, 8: zero points subtracted first, integer sums per pixel, two roundings on Python integers."""
    top, bottom, left, right = node.window.padding
    centred = np.pad(x.astype(np.int64) - node.input_zero_point, ((top, bottom), (left, right), (0, 0)))
    rows, columns = node.window.output_size(*x.shape[:2])
    out = np.zeros((rows, columns, node.out_channels), dtype=np.int64)
    weights, kernel = node.weights.astype(np.int64), node.window.kernel
    for y, column in itertools.product(range(rows), range(columns)):
        iy, ix = y * node.window.stride[0], column * node.window.stride[1]
        patch = centred[iy : iy + kernel[0], ix : ix + kernel[1]]
        sums = ("yxc,cyx->c", weights[..., 0]) if node.depthwise else ("yxk,cyxk->c", weights)
        acc = np.einsum(sums[0], patch, sums[1])
        for c, total in enumerate((acc + node.bias).tolist()):
            q = double_rounding(total, int(node.multiplier[c]), int(node.shift[c])) + node.output_zero_point
            out[y, column, c] = min(max(q, node.act_min), node.act_max)
    return out


SMALL = """\
graph small
%x : 4x4x4 = input shape=4,4,4
%a : 4x4x4 = conv2d(%x) channels=4 kernel=3,3 pad=1,1,1,1 weight=a bias=ab activation=relu6
%b : 4x4x4 = conv2d(%a) channels=4 kernel=1,1 groups=2 weight=b
%s : 4x4x4 = add(%a, %b) activation=relu
%h : 4x4x4 = hard_swish(%s)
%k : 4x4x8 = concat(%h, %s)
%m : 2x2x8 = avg_pool(%k) kernel=2,2 stride=2,2
%g : 2x2x8 = shuffle(%m) groups=4
%r : 2x2x8 = leaky_relu(%g) slope=0.1
return %r"""


def small_weights(rng: np.random.Generator) -> Weights:
    shapes = {"a": (4, 4, 3, 3), "ab": (4,), "b": (4, 2, 1, 1)}
    return Weights(
        {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}, "random, seed 0"
    )


def test_other_operations_follow_float() -> None:
    rng = np.random.default_rng(4)
    weights, images = small_weights(rng), [rng.normal(size=(4, 4, 4)).astype(np.float32) for _ in range(5)]
    graph = simplify(parse(SMALL))
    network = quantise(graph, weights, images)
    layers = {node.name: folded(node, weights.arrays) for node in graph.layers()}
    real = dict(float_tensors(graph, layers, images[0]))
    tensor = network.tensors["x"]
    values = golden.run(network, arithmetic.quantise_real(images[0], tensor.scale, tensor.zero_point))
    assert next(network.convs()).act_max == min(127, tensor_six(network))
    for name, tensor in network.tensors.items():
        error = np.abs(arithmetic.dequantise(values[name], tensor.scale, tensor.zero_point) - real[name])
        assert error.max() < 6 * tensor.scale, name


def tensor_six(network: QGraph) -> int:
    tensor = network.tensors["a"]
    return tensor.zero_point + round(6 / tensor.scale)


def test_awkward_channels_stay_sound() -> None:
    """All-zero weights, a huge bias over tiny weights, and a gain above 1: still right shifts and 32-bit sums."""
    rng = np.random.default_rng(5)
    weights = small_weights(rng)
    weights.arrays["a"][0] = 0
    weights.arrays["a"][1] *= 1e-12
    weights.arrays["ab"][:] = [3.0, 1e6, 0.0, -2.0]
    weights.arrays["b"][:] *= 1e4
    network = quantise(parse(SMALL), weights, [rng.normal(size=(4, 4, 4)).astype(np.float32)])
    for conv in network.convs():
        assert conv.shift.min() >= 0 and conv.clamp_bits.max() <= 23
    tensor = network.tensors["a"]
    values = golden.run(network, np.zeros((4, 4, 4), dtype=np.int8))
    assert (
        abs(float(arithmetic.dequantise(values["a"][2, 2, 0], tensor.scale, tensor.zero_point)) - 3.0) <= tensor.scale
    )


def test_gain_of_a_loop_of_tied_tensors_is_refused() -> None:
    text = (
        "graph loop\n%x : 1x1x1 = input shape=1,1,1\n%c : 1x1x1 = conv2d(%x) channels=1 kernel=1,1 weight=w\n"
        "%k : 1x1x2 = concat(%x, %c)\nreturn %k"
    )
    graph = parse(text)
    assert tied_classes(graph)["x"] == tied_classes(graph)["c"]
    with pytest.raises(ModelError, match="no scales keep all requantisation factors below 1"):
        choose_scales(
            graph, {"c": (np.full((1, 1, 1, 1), 1e6), np.zeros(1))}, {"x": (-1, 1), "c": (-1, 1), "k": (-1, 1)}
        )


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            "%t : 4x4x4 = transpose(%x) order=1,0,2\n%f : 2x2x4x4 = reshape(%t) shape=2,2,4,4\nreturn %f",
            "t: transpose; f: reshape",
        ),
        ("%s : 4x4x4 = softmax(%x)\n%r : 4x4x4 = relu(%s)\nreturn %r", "s: softmax before the end"),
    ],
)
def test_unsupported_nodes_are_listed(nodes: str, message: str) -> None:
    with pytest.raises(UnsupportedOpError, match=message):
        quantise(parse(f"graph g\n%x : 4x4x4 = input shape=4,4,4\n{nodes}"), Weights({}, ""), [np.zeros((4, 4, 4))])


def test_calibration_is_checked() -> None:
    graph, weights = parse(SMALL), small_weights(np.random.default_rng(0))
    with pytest.raises(ModelError, match="no calibration images"):
        quantise(graph, weights, [])
    with pytest.raises(ModelError, match=r"a calibration image of shape \(4, 4, 3\) for an input of shape \(4, 4, 4\)"):
        quantise(graph, weights, [np.zeros((4, 4, 3))])
    weights.arrays["b"][:] = 1e38
    with pytest.raises(ModelError, match=r"b \(conv2d\): its values are no numbers, or greater than float32 holds"):
        quantise(graph, weights, [np.full((4, 4, 4), 100.0)])


def test_input_range_is_that_of_the_normalisation(network: QGraph) -> None:
    tensor = network.tensors["image"]
    assert abs(tensor.scale * 255 - (INPUT_RANGE[1] - INPUT_RANGE[0])) < 1e-5
