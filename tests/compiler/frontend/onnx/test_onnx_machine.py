"""ONNX models on the simulated machine: every tensor as the golden model has it, the output in the model's own type and shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hwgen.compiler.frontend.onnx import convert
from hwgen.compiler.int8.graph import QGraph
from tests.support.int8_networks import load_network
from tests.support.make_onnx import made, save
from tests.support.onnx_quantised import SHAPE, Quantised, network
from tests.support.onnx_small import small
from tests.support.small_machine import Small


def float_model(tmp_path: Path) -> QGraph:
    save(made(small, (1, 3, 16, 16)), tmp_path / "small.onnx")
    return load_network(str(tmp_path / "small.onnx"))


def quantised_model(tmp_path: Path) -> QGraph:
    m = Quantised(7, np.uint8)
    graph = convert(m.model(network(m), SHAPE), "quantised.onnx")
    assert isinstance(graph, QGraph)
    return graph


@pytest.mark.parametrize("build", [float_model, quantised_model])
def test_simulated(build: Callable[[Path], QGraph], tmp_path: Path, bench_dir: Path) -> None:
    model = Small.of_graph(build(tmp_path))
    x = np.random.default_rng(1).uniform(-2, 2, (1, 3, 16, 16)).astype(np.float32)
    model.same_values(x)
    model.simulate(x, bench_dir)
