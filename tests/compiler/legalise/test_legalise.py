"""Rewrites into the machine's operations: what becomes of what, and what is refused with all the rest."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.compiler.frontend import tflite
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.legalise import legalise
from hwgen.compiler.lower.lower import lower
from hwgen.errors import HwgenError, UnsupportedOpError
from tests.support.bounds import bounded, is_line
from tests.support.int8_networks import load_network
from tests.support.make_tflite import SAME, Maker
from tests.support.mutation import mutate
from tests.support.tflite_examples import example
from tests.support.tflite_net import SCALE, Net
from tests.support.tflite_networks import NETWORKS, network


def operations(graph: QGraph) -> list[str]:
    return [node.op for node in graph.nodes]


def legal(name: str) -> QGraph:
    return legalise(tflite.parse(network(name), "model.tflite"))


def test_a_network_of_the_zoo_stays_as_it_is() -> None:
    graph = load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=64, classes=10))
    assert legalise(graph) is graph


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("branches", ["conv", "conv", "max_pool", "concat", "conv"]),
        ("odd_branches", ["conv", "conv", "concat", "conv", "conv", "concat", "conv", "conv"]),
        ("inverted", ["conv", "table", "conv", "table", "conv", "table"]),
        ("padded", ["conv", "max_pool", "conv"]),
        ("head", ["conv", "mean", "conv"]),
        ("enlarged", ["conv"]),
    ],
)
def test_operations(name: str, expected: list[str]) -> None:
    assert operations(legal(name)) == expected


def test_a_shuffle_goes_into_the_weights() -> None:
    graph = legal("grouped")
    assert "shuffle" not in operations(graph)
    assert sum(node.op == "conv" for node in graph.nodes) == 4  # two grouped, one depthwise, one dense


def test_halves_are_written_alternately() -> None:
    found = operations(legal("shuffled_units"))
    assert found.count("shuffle_merge") == 3 and not {"concat", "shuffle"} & set(found)
    assert len(lower(legal("shuffled_units")).passes) == 3 + 2 * 2 + 1


def test_the_host_takes_the_end() -> None:
    graph = legal("enlarged")
    assert [node.op for node in graph.host.nodes] == ["resize"]
    assert graph.result.name == tflite.parse(network("enlarged"), "model.tflite").result.name


def refusal(data: bytes) -> UnsupportedOpError:
    with pytest.raises(UnsupportedOpError) as caught:
        lower(legalise(tflite.parse(data, "model.tflite")))
    return caught.value


def test_all_that_is_left_is_refused_at_once() -> None:
    net = Net()
    x = net.tensor((1, 4, 6, 2))
    folded = net.one("RESHAPE", net.conv(x, 2), (1, 6, 4, 2))
    large = net.one("RESIZE_NEAREST_NEIGHBOR", net.conv(folded, 2), (1, 12, 9, 2), constants=[[12, 9]])
    flipped = net.one(
        "STRIDED_SLICE", net.conv(large, 2), (1, 12, 9, 2), constants=[[0, 11, 0, 0], [1, -13, 9, 2], [1, -1, 1, 1]]
    )
    error = refusal(net.m.finish([x], [net.conv(flipped, 2)]))
    assert error.headline == "model: the machine cannot do all of it"
    names = [detail.split(":")[0] for detail in error.details]
    assert names == ["conv_2d_2/reshape", "resize_nearest_neighbor_3", "strided_slice_5"]
    assert all("; nearest: " in detail for detail in error.details)


def test_too_large_a_factor() -> None:
    """Weights of 8 bits have no room for the power of two."""
    m = Maker()
    x, y = m.tensor((1, 3, 3, 2), SCALE), m.tensor((1, 3, 3, 2), SCALE)
    w = m.tensor((2, 1, 1, 2), [4.0, 4.0], data=np.full((2, 1, 1, 2), 100, np.int8))
    options = {"Padding": SAME, "StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    m.operator("CONV_2D", [x, w], [y], **options)
    error = refusal(m.finish([x], [y]))
    assert error.details[0].startswith("conv_2d_0: a requantisation by 2^3 and more; nearest: factors below 1")


def test_too_large_a_factor_behind_a_depthwise_convolution() -> None:
    """Whose pass it would share."""
    net = Net()
    x = net.tensor((1, 4, 4, 3))
    error = refusal(net.m.finish([x], [net.conv(net.depthwise(x), 5, weights_scale=4.0)]))
    assert len(error.details) == 1
    assert error.details[0].startswith("conv_2d_1: a requantisation by 2^3 and more; nearest: factors below 1")


def test_nothing_for_the_machine() -> None:
    (text,) = refusal(example("SOFTMAX", 0)).details
    assert text.startswith("the host does all of its operations, moves of values and a softmax at the end; needed: ")


def test_damaged_files_are_planned_or_refused() -> None:
    """What the importer lets through of damaged files: a network that is sound, or one line of error."""
    rng = np.random.default_rng(3)
    planned = 0
    for _ in range(600):
        name = str(rng.choice(list(NETWORKS)))
        data = mutate(network(name), rng)
        try:
            with bounded():
                lower(legalise(tflite.parse(data, "model.tflite")))
            planned += 1
        except HwgenError as error:
            assert is_line(str(error))
    assert planned > 20
