"""The zoo's definitions against published figures."""

import pytest

from compiler.errors import ModelError
from compiler.zoo import build, names


@pytest.mark.parametrize(
    ("width", "mmac", "weights"), [(0.5, 40.5, 1.36), (1.0, 144.9, 2.26), (1.5, 295.8, 3.48), (2.0, 583.3, 7.36)]
)
def test_shufflenet_v2_counts(width: float, mmac: float, weights: float) -> None:
    graph = build("shufflenet_v2", width)
    assert abs(graph.macs / 1e6 / mmac - 1) < 0.01
    assert abs(graph.weight_count / 1e6 / weights - 1) < 0.01
    assert graph["fc"].shape == (1, 1, 1000)


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
        (("shufflenet_v2", 1.0, 224, 0), "classes must be at least 1, not 0"),
    ],
)
def test_refusals(arguments: tuple, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build(*arguments)


def test_names() -> None:
    assert "shufflenet_v2" in names()
