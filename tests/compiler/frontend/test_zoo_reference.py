"""The zoo's definitions against those of torchvision, timm and keras: parameters, every layer's weights and output, names."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from math import prod
from typing import Any

import pytest

from hwgen.compiler.frontend.zoo import NETWORKS, build
from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.graph.parameters import required
from tests.reference.record import FILE, REFERENCES, Entry, Size, available, derive, digest, label

RECORDED: dict[str, Entry] = json.loads(FILE.read_text())
SLOW = "keras"  # takes minutes
KEYS = [label(name, size) for name, size, *_ in REFERENCES]


def own_layers(graph: Graph) -> list[list[Any]]:
    """As in the file."""
    shapes, counted = required(graph), Counter[tuple[tuple[int, ...], tuple[int, ...]]]()
    for node in graph.layers():
        weights = shapes[node.text("weight")]
        counted[weights if len(weights) == 4 else (*weights, 1, 1), node.shape[:2]] += 1
    return [[list(weights), list(size), count] for (weights, size), count in sorted(counted.items())]


@pytest.mark.parametrize(("name", "size"), [entry[:2] for entry in REFERENCES], ids=KEYS)
def test_as_others_define_it(name: str, size: Size) -> None:
    graph, recorded = build(name, **size), RECORDED[label(name, size)]
    assert own_layers(graph) == recorded["layers"]
    parameters = {key: shape for key, shape in required(graph).items() if "running_" not in key}
    assert sum(map(prod, parameters.values())) == recorded["parameters"]
    if recorded["names"]:
        assert digest([f"{key} {list(shape)}" for key, shape in required(graph).items()]) == recorded["names"]


@pytest.mark.parametrize(
    ("name", "size", "package", "constructor", "arguments"),
    [pytest.param(*entry, marks=pytest.mark.long if entry[2] == SLOW else ()) for entry in REFERENCES],
    ids=KEYS,
)
def test_recorded_figures_are_the_installed_packages(
    name: str, size: Size, package: str, constructor: str, arguments: dict[str, Any]
) -> None:
    if not available(package):
        pytest.skip(f"{package} cannot be imported; the recorded figures stand")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = derive(package, constructor, arguments, int(size.get("resolution", 224)))
    recorded = RECORDED[label(name, size)]
    assert {**found, "source": ""} == {**recorded, "source": ""}


Stages = tuple[str, Size, dict[str, tuple[int, ...]]]
"""Network, its options, rows and columns behind each stage with its channels, as the papers' tables give them."""


def shufflenet_v1(groups: int, channels: int) -> Stages:
    return (
        "shufflenet_v1",
        {"groups": groups},
        {
            "conv1.0": (112, 112, 24),
            "maxpool": (56, 56, 24),
            "stage2.3": (28, 28, channels),
            "stage3.7": (14, 14, 2 * channels),
            "stage4.3": (7, 7, 4 * channels),
            "stage3.0.conv1": (28, 28, channels // 2),
            "fc": (1, 1, 1000),
        },
    )


STAGES: list[Stages] = [
    *(shufflenet_v1(groups, channels) for groups, channels in {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}.items()),
    (
        "effnet",
        {},
        {
            "block1.conv1": (32, 32, 32),
            "block1.pool": (16, 32, 32),
            "block1.conv4": (16, 16, 64),
            "block2.conv4": (8, 8, 128),
            "block3.conv3": (4, 8, 128),
            "block3.conv4": (4, 4, 256),
            "fc": (1, 1, 10),
        },
    ),
    ("ds_cnn", {}, {"conv1": (25, 5, 64), "blocks.3.conv_pw": (25, 5, 64), "fc": (1, 1, 12)}),
    ("resnet8", {}, {"conv1": (32, 32, 16), "layer1": (32, 32, 16), "layer2": (16, 16, 32), "layer3": (8, 8, 64)}),
    (
        "resnet18",
        {},
        {
            "conv1": (112, 112, 64),
            "maxpool": (56, 56, 64),
            "layer1.1": (56, 56, 64),
            "layer2.0.conv1": (28, 28, 128),
            "layer2.0.downsample.0": (28, 28, 128),
            "layer3.1": (14, 14, 256),
            "layer4.1": (7, 7, 512),
            "fc": (1, 1, 1000),
        },
    ),
]


@pytest.mark.parametrize(("name", "size", "stages"), STAGES, ids=[label(name, size) for name, size, _ in STAGES])
def test_stages_of_the_papers(name: str, size: Size, stages: dict[str, tuple[int, ...]]) -> None:
    graph = build(name, **size)
    assert {node: graph[node].shape for node in stages} == stages


def test_resnet18_has_torchvisions_parameters() -> None:
    """Their number as torchvision gives it with its weights, and their names."""
    parameters = {key: shape for key, shape in required(build("resnet18")).items() if "running_" not in key}
    assert sum(map(prod, parameters.values())) == 11_689_512
    blocks = [f"layer{stage}.{block}" for stage in range(1, 5) for block in range(2)]
    layers = {"conv1": "bn1"} | {f"{block}.conv{i}": f"{block}.bn{i}" for block in blocks for i in (1, 2)}
    layers |= {f"layer{stage}.0.downsample.0": f"layer{stage}.0.downsample.1" for stage in (2, 3, 4)}
    norms = {f"{norm}.{part}" for norm in layers.values() for part in ("weight", "bias")}
    assert parameters.keys() == {f"{name}.weight" for name in layers} | norms | {"fc.weight", "fc.bias"}


def test_every_network_is_compared() -> None:
    assert {name for name, *_ in REFERENCES} | {name for name, *_ in STAGES} == set(NETWORKS)
