"""Exported networks of torchvision and Caffe2: their float evaluation against recorded outputs, their int8 form, their plan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.compiler.frontend import onnx
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.flow.agreement import compare
from hwgen.sim import golden
from tests.support.int8_networks import load_network
from tests.support.paths import MODELS

RECORDED = ("mobilenet_v3_small_random", "shufflenet_v2_x1_0_random", "squeezenet1_1_random")
TOPOLOGY = "shufflenet_v1_g4_topology"


def model(name: str) -> Path:
    path = MODELS / f"{name}.onnx"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {MODELS} (set HWGEN_MODELS to its folder)")
    return path


@pytest.mark.parametrize("name", RECORDED)
def test_float_evaluation_equals_the_recorded_output(name: str) -> None:
    path = model(name)
    recorded = np.load(path.with_suffix(".npz"))
    found = onnx.load_float(path).predict(recorded["input"])
    assert found.shape == recorded["output"].shape
    assert np.abs(found - recorded["output"]).max() < 1e-5 * np.abs(recorded["output"]).max()


@pytest.mark.parametrize(
    ("name", "macs", "weights"),
    [
        ("mobilenet_v3_small_random", 56_510_400, 2_525_832),
        ("shufflenet_v2_x1_0_random", 144_907_992, 2_261_424),
        ("squeezenet1_1_random", 349_151_936, 1_231_552),
        (TOPOLOGY, 124_664_528, 1_365_464),
    ],
)
def test_counts(name: str, macs: int, weights: int) -> None:
    """The zoo's ShuffleNet v2 has the same; the others are torchvision's published figures."""
    graph = onnx.load_float(model(name)).graph
    assert (graph.macs, graph.weight_count) == (macs, weights)


@pytest.mark.parametrize("name", RECORDED)
def test_int8_agrees_with_float(name: str, tmp_path: Path) -> None:
    """Calibrated on other inputs than the recorded one: the same five best classes."""
    path, rng = model(name), np.random.default_rng(0)
    recorded = np.load(path.with_suffix(".npz"))
    for index in range(2):
        np.save(tmp_path / f"{index}.npy", rng.normal(size=recorded["input"].shape).astype(np.float32))
    network = load_network(str(path), NetworkOptions(calibrate=tmp_path))
    found = compare(recorded["output"], golden.predict(network, recorded["input"]))
    assert found.snr_db is not None and found.snr_db > 30
    assert found.top1 and found.top5 == 5


def test_shuffle_net_v1_is_recognised() -> None:
    """16 shuffles by 4 groups, whatever the Reshape-Transpose-Reshape around them."""
    graph = onnx.load_float(model(TOPOLOGY)).graph
    assert [node.integer("groups") for node in graph.nodes if node.op == "shuffle"] == [4] * 16
    assert not any(node.op in ("reshape", "transpose") for node in graph.nodes)
