"""From a name to an int8 network in one call."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hwgen.compiler.frontend import weights, zoo
from hwgen.compiler.frontend.images import quantised_image, synthetic_images
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.int8.graph import QGraph
from hwgen.errors import ModelError
from hwgen.sim import golden
from tests.support.int8_networks import load_network


def numbers(network: QGraph) -> list[bytes]:
    return [
        array.tobytes() for conv in network.convs() for array in (conv.weights, conv.bias, conv.multiplier, conv.shift)
    ]


def test_same_seed_same_network() -> None:
    first, second = (load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=32, seed=4)) for _ in range(2))
    assert numbers(first) == numbers(second)
    assert first.tensors == second.tensors
    assert numbers(first) != numbers(load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=32, seed=5)))


def test_weights_from_a_file_and_calibration_from_a_folder(tmp_path: Path) -> None:
    graph = zoo.build("shufflenet_v2", 0.5, 32, classes=5)
    arrays: dict[str, Any] = weights.random(graph, 9).arrays
    np.savez(tmp_path / "trained.npz", **arrays)
    (tmp_path / "images").mkdir()
    for index, pixels in enumerate(synthetic_images(3, 48, 1)):
        Image.fromarray(pixels).save(tmp_path / "images" / f"{index}.png")
    network = load_network(
        "shufflenet_v2",
        NetworkOptions(
            width=0.5, resolution=32, weights=tmp_path / "trained.npz", calibrate=tmp_path / "images", classes=5
        ),
    )
    assert network.provenance == "file trained.npz"
    assert network.notes == ()
    image = quantised_image(tmp_path / "images" / "0.png", network.tensors[network.input])
    assert golden.run(network, image)["fc"].shape == (1, 1, 5)


def test_synthetic_calibration_is_said(tmp_path: Path) -> None:
    """Of weights that mean something; random ones lose nothing."""
    options = NetworkOptions(width=0.5, resolution=32, classes=5)
    assert load_network("shufflenet_v2", options).notes == ()
    arrays: dict[str, Any] = weights.random(zoo.build("shufflenet_v2", 0.5, 32, classes=5), 9).arrays
    np.savez(tmp_path / "trained.npz", **arrays)
    notes = load_network("shufflenet_v2", replace(options, weights=tmp_path / "trained.npz")).notes
    assert len(notes) == 1 and notes[0].startswith(
        "calibrated on 8 synthetic images, as no others were given: typical inputs"
    )


def test_full_size() -> None:
    network = load_network("shufflenet_v2")
    assert network.provenance == "random, seed 0"
    assert (network.macs, network.weight_count) == (144_907_992, 2_261_424)
    assert network.tensors[network.input].shape == (224, 224, 3)
    assert network.clamp_bits <= 23
    values = golden.run(network, np.zeros((224, 224, 3), dtype=np.int8))
    assert all(
        values[name].shape == tensor.shape and values[name].dtype == np.int8 for name, tensor in network.tensors.items()
    )


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("shuflenet", {}, "unknown network 'shuflenet'; nearest: shufflenet_v2"),
        ("shufflenet_v2", {"resolution": 200}, "resolution must be a multiple of 32"),
        ("shufflenet_v2", {"weights": "nothing.npz"}, "nothing.npz: no such weights file"),
        ("shufflenet_v2", {"calibrate": "nothing.png", "resolution": 32}, "nothing.png: no such image file"),
    ],
)
def test_one_line_for_bad_input(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        load_network(name, NetworkOptions(**options))
    assert "\n" not in str(caught.value)
