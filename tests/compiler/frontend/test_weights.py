"""Weight files, good and bad; random weights; batch norm folding."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from hwgen.compiler.frontend import weights
from hwgen.compiler.frontend.zoo import build
from hwgen.compiler.graph.evaluate import convolve
from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.graph.parameters import Weights, folded, required
from hwgen.compiler.transforms import simplify
from hwgen.errors import ModelError


@pytest.fixture(scope="module")
def graph() -> Graph:
    return build("shufflenet_v2", 0.5, 32, classes=10)


@pytest.fixture(scope="module")
def random(graph: Graph) -> Weights:
    return weights.random(graph, 3)


def test_names_and_shapes_are_torchvisions(graph: Graph) -> None:
    needed = required(graph)
    assert needed["conv1.0.weight"] == (24, 3, 3, 3)
    assert needed["stage2.0.branch1.0.weight"] == (24, 1, 3, 3)
    assert needed["stage2.0.branch1.2.weight"] == (24, 24, 1, 1)
    assert needed["stage3.4.branch2.3.weight"] == (48, 1, 3, 3)
    assert needed["stage4.3.branch2.6.running_var"] == (96,)
    assert needed["conv5.0.weight"] == (1024, 192, 1, 1)
    assert needed["fc.weight"] == (10, 1024) and needed["fc.bias"] == (10,)
    assert len(needed) == 56 * 5 + 2
    assert required(simplify(graph)) == needed


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_files_round_trip(graph: Graph, random: Weights, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"net.{suffix}"
    extra = {"conv1.1.num_batches_tracked": np.array([7], dtype=np.int64)}
    save(path, random.arrays | extra)
    loaded = weights.load(graph, path)
    assert loaded.provenance == f"file net.{suffix}"
    assert set(loaded.arrays) == set(random.arrays)
    assert all(np.array_equal(loaded.arrays[name], random.arrays[name]) for name in random.arrays)


def test_other_floats_are_converted(graph: Graph, random: Weights, tmp_path: Path) -> None:
    path = tmp_path / "half.npz"
    save(path, {name: array.astype(np.float16) for name, array in random.arrays.items()})
    loaded = weights.load(graph, path)
    assert {array.dtype for array in loaded.arrays.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_all_problems_in_one_line(graph: Graph, random: Weights, tmp_path: Path, suffix: str) -> None:
    arrays = dict(random.arrays)
    del arrays["conv1.0.weight"], arrays["fc.bias"]
    arrays["head.weight"] = np.zeros(3, dtype=np.float32)
    arrays["fc.weight"] = np.zeros((10, 1000), dtype=np.float32)
    arrays["conv5.1.bias"] = np.full(1024, np.nan, dtype=np.float32)
    arrays["conv5.1.weight"] = np.full(1024, np.inf, dtype=np.float32)
    arrays["conv5.1.running_var"] = np.full(1024, -1, dtype=np.float32)
    arrays["conv5.1.running_mean"] = np.ones(1024, dtype=np.int32)
    path = tmp_path / f"bad.{suffix}"
    save(path, arrays)
    with pytest.raises(ModelError) as caught:
        weights.load(graph, path)
    text = str(caught.value)
    assert "\n" not in text
    for part in (
        "missing conv1.0.weight, fc.bias;",
        "extra head.weight;",
        "fc.weight has shape (10, 1000), not (10, 1024)",
        "conv5.1.bias holds NaN or infinite values",
        "conv5.1.weight holds NaN or infinite values",
        "conv5.1.running_var holds negative variances",
        "conv5.1.running_mean holds i",
    ):
        assert part in text


def test_weights_of_another_width_are_refused_briefly(graph: Graph, random: Weights, tmp_path: Path) -> None:
    save(tmp_path / "w.npz", {f"module.{name}": array for name, array in random.arrays.items()})
    with pytest.raises(
        ModelError, match=r"missing conv1.0.weight, .*, and 262 more; extra module.conv1.0.weight, .* more$"
    ):
        weights.load(graph, tmp_path / "w.npz")


def test_hostile_files(graph: Graph, random: Weights, tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("not a zip")
    (tmp_path / "text.safetensors").write_text("not safetensors")
    (tmp_path / "empty.npz").write_bytes(b"")
    np.save(tmp_path / "array.npy", np.zeros(3))
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    save(tmp_path / "good.npz", random.arrays)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "good.npz").read_bytes()[:-200])
    damaged = bytearray((tmp_path / "good.npz").read_bytes())
    damaged[2000:2400] = bytes(400)
    (tmp_path / "damaged.npz").write_bytes(bytes(damaged))
    with zipfile.ZipFile(tmp_path / "pickle.npz", "w") as archive:
        archive.writestr("conv1.0.weight.npy", pickle.dumps({"a": 1}))
    for name in ("text.npz", "text.safetensors", "empty.npz", "array.npz", "cut.npz", "damaged.npz", "pickle.npz"):
        with pytest.raises(ModelError, match=f"{name}: not a readable .* file") as caught:
            weights.load(graph, tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="gone.npz: no such weights file"):
        weights.load(graph, tmp_path / "gone.npz")
    with pytest.raises(ModelError, match="must be a .npz or .safetensors file"):
        weights.load(graph, tmp_path / "net.pth")


def test_random_is_seeded(graph: Graph, random: Weights) -> None:
    again, other = weights.random(graph, 3), weights.random(graph, 4)
    assert random.provenance == "random, seed 3"
    assert set(random.arrays) == set(required(graph))
    assert all(np.array_equal(again.arrays[name], random.arrays[name]) for name in random.arrays)
    assert not np.array_equal(other.arrays["conv1.0.weight"], random.arrays["conv1.0.weight"])


def test_folding_equals_batch_norm_after_convolution(graph: Graph, random: Weights) -> None:
    node = simplify(graph)["stage2.0.branch2.3"]
    x = np.random.default_rng(0).normal(size=(8, 8, 24)).astype(np.float32)
    a = random.arrays
    stored = a["stage2.0.branch2.3.weight"].transpose(0, 2, 3, 1)
    gamma, beta, mean, variance = (
        a[f"stage2.0.branch2.4.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
    )
    expected = (convolve(node, x, stored) - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    kernel, bias = folded(node, a)
    assert np.allclose(convolve(node, x, kernel.astype(np.float32)) + bias, expected, atol=1e-4)


def save(path: Path, arrays: dict[str, Any]) -> None:
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
