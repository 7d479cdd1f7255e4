"""The zoo's definitions against published figures."""

from typing import Any

import pytest

from hwgen.compiler.frontend import weights
from hwgen.compiler.frontend.images import normalise, synthetic_inputs
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.frontend.zoo import NETWORKS, build, find, names
from hwgen.compiler.graph.parameters import folded
from hwgen.compiler.quantise.calibrate import float_tensors
from hwgen.compiler.transforms import simplify
from hwgen.errors import ModelError
from hwgen.flow.source import NetworkSource

# Network, options, million multiply-accumulates, million weights without biases: the papers' figures, as far as they give
# them, else those of the authors' implementations.
COUNTS: list[tuple[str, dict[str, float | int | str], float, float]] = [
    ("mobilenet_v1", {}, 568.7, 4.21),
    ("mobilenet_v1", {"width": 0.75}, 325.4, 2.57),
    ("mobilenet_v1", {"width": 0.5}, 149.5, 1.32),
    ("mobilenet_v1", {"width": 0.25}, 41.0, 0.46),
    ("mobilenet_v1", {"width": 0.25, "resolution": 96, "classes": 2}, 7.49, 0.208),
    ("mobilenet_v2", {}, 300.8, 3.47),
    ("mobilenet_v2", {"width": 1.4}, 582.2, 6.06),
    ("mobilenet_v2", {"width": 0.35, "resolution": 96}, 11.9, 1.66),
    ("mobilenet_v3_large", {}, 216.6, 5.45),
    ("mobilenet_v3_small", {}, 56.5, 2.53),
    ("shufflenet_v1", {"groups": 1}, 143.1, 1.52),
    ("shufflenet_v1", {"groups": 2}, 140.8, 1.71),
    ("shufflenet_v1", {}, 137.5, 1.84),
    ("shufflenet_v1", {"groups": 4}, 134.3, 1.94),
    ("shufflenet_v1", {"groups": 8}, 138.4, 2.40),
    ("shufflenet_v2", {"width": 0.5}, 40.5, 1.36),
    ("shufflenet_v2", {}, 144.9, 2.26),
    ("shufflenet_v2", {"width": 1.5}, 295.8, 3.48),
    ("shufflenet_v2", {"width": 2.0}, 583.3, 7.36),
    ("squeezenet", {"variant": "1.0"}, 818.9, 1.244),
    ("squeezenet", {"variant": "1.1"}, 349.2, 1.232),
    ("nasnet_mobile", {}, 564, 5.3),
    ("mnasnet_a1", {}, 311.6, 3.85),
    ("efficientnet_b0", {}, 385.8, 5.24),
    ("ds_cnn", {}, 2.66, 0.022),
    ("resnet8", {}, 12.5, 0.077),
    ("resnet18", {}, 1814, 11.679),
]


def test_a_name_in_any_spelling() -> None:
    for name in ("ShuffleNet_V2", "shufflenet-v2", "SHUFFLENET_V2"):
        assert find(name) is NETWORKS["shufflenet_v2"]
        assert NetworkSource(name, NetworkOptions(width=0.5)).name == "shufflenet_v2_0.5_224"


@pytest.mark.parametrize(
    ("name", "options", "mmac", "million"),
    COUNTS,
    ids=[NETWORKS[n].label(NETWORKS[n].options(**o)) for n, o, _, _ in COUNTS],
)
def test_counts(name: str, options: dict[str, Any], mmac: float, million: float) -> None:
    graph = build(name, **options)
    assert abs(graph.macs / 1e6 / mmac - 1) < 0.01
    assert abs(graph.weight_count / 1e6 / million - 1) < 0.01
    assert graph[graph.output].shape == (1, 1, options.get("classes", NETWORKS[name].standard.classes))


@pytest.mark.parametrize("name", names())
def test_every_network_has_width_resolution_and_classes(name: str) -> None:
    network = NETWORKS[name]
    width, classes = 0.5, 7
    resolution = 3 * max(network.stride, 16)
    graph = build(name, width, resolution, classes)
    assert graph.input.shape[0] == resolution
    assert graph[graph.output].shape == (1, 1, classes)
    assert graph.weight_count < build(name).weight_count
    simple = simplify(graph)
    assert simple.macs == graph.macs
    assert not {"reshape", "transpose", "batch_norm"}.intersection(node.op for node in simple.nodes)


@pytest.mark.parametrize("name", names())
def test_random_weights_keep_the_spread(name: str) -> None:
    """Every tensor of an image that the random weights have not seen has a spread near 1, through any depth."""
    graph = build(
        name,
        resolution=128 if NETWORKS[name].stride == 32 else None,
        width=0.25 if NETWORKS[name].widths == () else 0.5,
        classes=5,
    )
    parameters = weights.random(graph, 1)
    simple = simplify(graph)
    layers = {node.name: folded(node, parameters.arrays) for node in simple.layers()}
    image = normalise(synthetic_inputs(1, graph.input.shape, 77)[0])
    tensors = dict(float_tensors(simple, layers, image))
    maps = {
        node.name for node in simple.nodes if min(node.shape[:2]) >= 8 or name == "ds_cnn"
    }  # smaller ones have few samples
    spreads = {key: float(value.std()) for key, value in tensors.items() if key in maps}
    assert len(spreads) > 5
    assert min(spreads.values()) > 0.2 and max(spreads.values()) < 6, sorted(spreads.items(), key=lambda one: one[1])


def test_resolution_and_classes() -> None:
    graph = build("shufflenet_v2", 0.5, 96, classes=7)
    assert graph.input.shape == (96, 96, 3)
    assert graph["stage4.3"].shape == (3, 3, 192)
    assert graph["fc"].shape == (1, 1, 7)
    assert build("shufflenet_v2", 1.0, 32)["stage4.0"].shape == (1, 1, 464)


def test_exact_shapes_of_the_stages() -> None:
    graph = build("shufflenet_v2")
    ends = ("conv1.2", "maxpool", "stage2.3", "stage3.7", "stage4.3", "conv5.2", "pool")
    assert [graph[name].shape for name in ends] == [
        (112, 112, 24), (56, 56, 24), (28, 28, 116), (14, 14, 232), (7, 7, 464), (7, 7, 1024), (1, 1, 1024)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("shufflenetv2",), "unknown network 'shufflenetv2'; nearest: shufflenet_v2"),
        (("vgg",), "unknown network 'vgg'; nearest: "),
        (("shufflenet_v2", 0.7), "width must be one of 0.5, 1.0, 1.5, 2.0, not 0.7"),
        (("shufflenet_v2", 1.0, 100), "resolution must be a multiple of 32 .* not 100; nearest: 96, 128"),
        (("shufflenet_v2", 1.0, 0), "not 0; nearest: 32, 64"),
        (("shufflenet_v2", 1.0, 224, 0), "classes must be from 1 to 65536, not 0"),
    ],
)
def test_refusals(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build(*arguments)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "mobilenet_v2",
            {"groups": 2, "variant": "x"},
            "mobilenet_v2: it has no option groups; it has no option variant",
        ),
        ("shufflenet_v1", {"groups": 5}, "shufflenet_v1: groups must be one of 1, 2, 3, 4, 8, not 5"),
        ("squeezenet", {"variant": "1.2"}, "squeezenet: variant must be one of 1.0, 1.1, not 1.2"),
        ("mobilenet_v1", {"width": 0.0, "classes": 0}, "width must be from 0.05 to 4, not 0; classes must be from 1"),
        ("mobilenet_v1", {"width": float("nan")}, "width must be from 0.05 to 4, not nan"),
        ("squeezenet", {"resolution": 20}, "squeezenet: resolution must be from 32 to 1024, not 20; nearest: 32, 33"),
        ("resnet8", {"resolution": 4000}, r"a multiple of 4 .* from 8 to 1024, not 4000; nearest: 1020, 1024"),
        ("mobilenet_v3", {}, "unknown network 'mobilenet_v3'; nearest: mobilenet_v"),
    ],
)
def test_refused_options(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        build(name, **options)
    assert "\n" not in str(caught.value)


def test_names() -> None:
    assert "shufflenet_v2" in names()
