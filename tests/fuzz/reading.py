"""What hwgen does with a file that a user gives, as far as it takes little time for a small one.

Every function raises what hwgen raises.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hwgen.compiler.frontend import tflite
from hwgen.compiler.frontend import weights as weight_files
from hwgen.compiler.frontend.calibration import calibration_inputs
from hwgen.compiler.frontend.images import fitted_image, read_array, scaled_image
from hwgen.compiler.frontend.load import load
from hwgen.compiler.frontend.onnx import importer as onnx_importer
from hwgen.compiler.frontend.onnx.importer import FloatModel, imported
from hwgen.compiler.frontend.onnx.reader import read as read_onnx
from hwgen.compiler.frontend.tflite import importer as tflite_importer
from hwgen.compiler.graph import text
from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.legalise import legalise
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.quantise.options import QuantiseOptions
from hwgen.compiler.quantise.quantiser import quantise_network
from hwgen.compiler.transforms import simplify
from hwgen.flow.onnx_check import compared
from hwgen.sim import golden
from tests.fuzz.originals import WEIGHTED
from tests.support.small_machine import Small

LOADED_LATE = (
    "hwgen.compiler.frontend.onnx.compare",
    "hwgen.compiler.frontend.onnx.float_values",
    "onnx.reference.ops._op_list",
)
"""What functions import when they are called; loaded here, once for all forked processes."""

for _name in LOADED_LATE:
    importlib.import_module(_name)

SMALL_WORK = 1 << 20
"""Multiply-accumulates of a network that is quantised, computed and planned: a second of a processor at most."""

SMALL_TENSORS = 1 << 17
"""Elements of all its tensors."""


def read(path: Path) -> str:
    """Read a file of any kind; says what it gave."""
    return _READERS[path.suffix](path)


def without_nets() -> None:
    """Take away what would make an error line of whatever the importers' own checks let through."""
    tflite_importer.DAMAGE = onnx_importer.DAMAGE = ()


def _tflite(path: Path) -> str:
    return _int8(tflite.load(path))


def _int8(graph: QGraph) -> str:
    """Rewritten and lowered; a small one computed and planned."""
    legal = legalise(graph)
    if graph.macs > SMALL_WORK or sum(tensor.size for tensor in graph.tensors.values()) > SMALL_TENSORS:
        lower(legal)
        return f"{len(legal.nodes)} operations"
    kind = graph.host.input_type
    shape = graph.host.input_shape or graph.tensors[graph.input].shape
    golden.predict(graph, np.zeros(shape, kind))
    return f"{len(Small.of_graph(graph).program.descriptors)} passes"


def _onnx(path: Path) -> str:
    found = imported(read_onnx(path), path.name)
    model = found.model
    if isinstance(model, QGraph):
        if _small(found.graph):
            compared(found)
        return _int8(model)
    simplify(model.graph)
    if not _small(model.graph):
        return f"{len(model.graph.nodes)} nodes"
    compared(found)
    return _quantised(model)


def _quantised(model: FloatModel) -> str:
    inputs = [np.random.default_rng(0).normal(size=model.graph.input.shape)]
    made = quantise_network(model.graph, model.weights, inputs, input_range=None, options=QuantiseOptions())
    return _int8(model.hosted(made.network))


def _small(graph: Graph) -> bool:
    return graph.macs <= SMALL_WORK and sum(int(np.prod(node.shape)) for node in graph.nodes) <= SMALL_TENSORS


def _graph(path: Path) -> str:
    graph = text.load(path)
    if not _small(graph) or graph.weight_count > SMALL_WORK:
        return f"{len(graph.nodes)} nodes"
    loaded = load(str(path))
    assert not isinstance(loaded, QGraph)
    return _int8(loaded.quantised(QuantiseOptions()).network)


def _picture(path: Path) -> str:
    return f"{fitted_image(path, (8, 8, 3)).shape} {scaled_image(path, 8, 6, 1).shape}"


def _array(path: Path) -> str:
    array = read_array(path)
    calibration_inputs(path, (6, 6, 3), [])
    return f"{array.dtype} {array.shape}"


def _weights(path: Path) -> str:
    return f"{len(weight_files.load(text.parse(WEIGHTED), path).arrays)} arrays"


_READERS: dict[str, Callable[[Path], str]] = {
    ".tflite": _tflite,
    ".onnx": _onnx,
    ".graph": _graph,
    ".png": _picture,
    ".npy": _array,
    ".npz": _weights,
    ".safetensors": _weights,
}
