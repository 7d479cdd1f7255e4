"""Real TensorFlow Lite models through the importer and the golden model, against recorded results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.compiler.frontend import tflite
from hwgen.compiler.int8.host import QSoftmax
from hwgen.sim import golden
from tests.support.paths import MODELS

RECORDED = sorted(MODELS.glob("*.goldens.npz"))


@pytest.mark.skipif(not RECORDED, reason=f"no recorded models in {MODELS} (set HWGEN_MODELS to their folder)")
@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name.split(".")[0])
def test_recorded_models(path: Path) -> None:
    """No byte of any recorded output differs."""
    recorded = np.load(path)
    graph = tflite.load(path.with_name(path.name.replace(".goldens.npz", ".tflite")))
    for index in range(len(recorded["names"])):
        result = golden.predict(graph, recorded[f"x_{index}"])
        expected = recorded[f"y_{index}_0"]
        assert result.dtype == expected.dtype and result.shape == expected.shape
        np.testing.assert_array_equal(result, expected)


@pytest.mark.skipif(not RECORDED, reason=f"no recorded models in {MODELS} (set HWGEN_MODELS to their folder)")
def test_what_the_host_does() -> None:
    """A uint8 input without a pass of its own; softmax and the uint8 output on the host."""
    graph = tflite.load(MODELS / "mobilenet_v2_1.0_224_ptq.tflite")
    assert (graph.host.input_type, graph.host.output_type) == ("uint8", "uint8")
    assert graph.host.output_shape == (1, 1001)
    assert [type(node) for node in graph.host.nodes] == [QSoftmax]
    assert {node.op for node in graph.nodes} == {"conv", "add", "mean"}
    assert graph.provenance == "file mobilenet_v2_1.0_224_ptq.tflite"
