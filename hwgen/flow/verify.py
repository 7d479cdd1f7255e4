"""The golden model against an installed TensorFlow Lite interpreter's reference kernels, tensor by tensor."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from hwgen.errors import ToolError
from hwgen.flow.inputs import Input, input_array
from hwgen.reports.verification import REMEDY, Verification

if TYPE_CHECKING:
    from hwgen.compiler.int8.graph import QGraph

INTERPRETERS = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow.lite.python.interpreter")
RANDOM_FRAMES = 3
ROUND_ONCE = {"ai_edge_litert": (1, 3), "tensorflow": (2, 21)}
"""Versions of packages from which on FULLY_CONNECTED rounds once instead of twice, so that results may be a step apart."""


def verify(path: Path, source: Input | None = None) -> Verification:
    """Compare the golden model of a .tflite file on seeded random frames, or on `source`, an array or a picture.

    Raises:
        ToolError: no interpreter is installed, or it refuses the model or the input.
        HwgenError: the model or the input is wrong.
    """
    from hwgen.compiler.frontend import tflite

    graph = tflite.load(path)
    frames = random_inputs(graph) if source is None else [input_array(graph, source)]
    reference = Reference.open(path.read_bytes())
    loose = loose_nodes(graph) if reference.rounds_once else {}
    mismatches, tensors, first = 0, 0, None
    for frame in frames:
        theirs = reference.run(graph, frame)
        ours = golden_tensors(graph, frame, {name: theirs[name] for name in loose})
        tensors = len(ours)
        for name, value in ours.items():
            apart = np.abs(value.astype(np.float64).ravel() - theirs[name].astype(np.float64).ravel())
            wrong = int(np.count_nonzero(apart > (1 if name in loose else 0)))
            mismatches += wrong
            if wrong and first is None:
                node = graph.producer(name)
                writer = f" (by {node.name})" if node else ""
                first = f"{name}{writer}: {wrong} of {value.size} elements"
    not_compared = tuple(loose.values())
    return Verification(path.name, len(frames), tensors, mismatches, first, reference.label, graph.notes, not_compared)


def loose_nodes(graph: QGraph) -> dict[str, str]:
    """The nodes of FULLY_CONNECTED by the tensors that they write and the file has too."""
    prefix = "fully_connected_"
    return {
        node.output: node.name for node in graph.nodes if node.name.startswith(prefix) and node.output in graph.origins
    }


def random_inputs(graph: QGraph) -> list[np.ndarray]:
    """Seeded frames of the model's own type and shape."""
    rng = np.random.default_rng(0)
    tensor, host = graph.tensors[graph.input], graph.host
    frames = [rng.integers(0, 256, host.input_shape).astype(np.uint8) for _ in range(RANDOM_FRAMES)]
    if host.input_type == "uint8":
        return frames
    q = [frame.view(np.int8) for frame in frames]
    if host.input_type == "int8":
        return q
    return [
        (np.float32(tensor.scale) * (frame.astype(np.float32) - tensor.zero_point)).astype(np.float32) for frame in q
    ]


def golden_tensors(
    graph: QGraph, frame: np.ndarray, given: Mapping[str, np.ndarray] = MappingProxyType({})
) -> dict[str, np.ndarray]:
    """Every tensor that the file has too, in the order of execution, and the result under the name "output".

    What reads a tensor of `given` computes on that one instead of its own.
    """
    from hwgen.sim.golden import decode, encode, run_host, run_node

    values = {graph.input: encode(graph, frame)}
    read = dict(values)
    for node in graph.nodes:
        value = run_node(graph, node, [read[name] for name in node.inputs])
        values[node.output] = value
        read[node.output] = given[node.output].reshape(value.shape) if node.output in given else value
    last = run_host(graph, read[graph.output])
    shared = {name: value for name, value in {**last, **values}.items() if name in graph.origins}
    return {name: shared[name] for name in (*values, *last) if name in shared} | {
        "output": decode(graph, last[graph.result.name])
    }


class Reference:
    """An interpreter with TensorFlow Lite's reference kernels.

    Parameters:
        module: of the interpreter.
        label: its name and version.
        model: content of the .tflite file.
    """

    def __init__(self, module: Any, label: str, model: bytes) -> None:
        self.label = label
        try:
            self._interpreter = module.Interpreter(
                model_content=model,
                experimental_op_resolver_type=module.OpResolverType.BUILTIN_REF,
                experimental_preserve_all_tensors=True,
            )
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ToolError(f"{label} refuses the model: {' '.join(str(error).split())}") from None

    @classmethod
    def open(cls, model: bytes) -> Reference:
        """The first interpreter that is installed.

        Raises:
            ToolError: none is, or it refuses the model.
        """
        for name in INTERPRETERS:
            try:
                module = importlib.import_module(name)
            except ImportError:
                continue
            package = importlib.import_module(name.split(".")[0])
            return cls(module, f"{package.__name__} {getattr(package, '__version__', '')}".strip(), model)
        raise ToolError(f"nothing can be compared: no TensorFlow Lite interpreter is installed; run `{REMEDY}`")

    @property
    def rounds_once(self) -> bool:
        """Whether its FULLY_CONNECTED rounds otherwise than is meant."""
        package, _, version = self.label.partition(" ")
        numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
        return package in ROUND_ONCE and numbers >= ROUND_ONCE[package]

    def run(self, graph: QGraph, frame: np.ndarray) -> dict[str, np.ndarray]:
        """The file's tensors by the graph's names, int8, and the result as it is under the name "output"."""
        inputs, outputs = self._interpreter.get_input_details()[0], self._interpreter.get_output_details()[0]
        try:
            self._interpreter.set_tensor(inputs["index"], frame.reshape(inputs["shape"]))
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise ToolError(f"{self.label} refuses the input: {' '.join(str(error).split())}") from None
        values = {name: self._interpreter.get_tensor(index) for name, index in graph.origins.items()}
        values = {
            name: (value.astype(np.int16) - 128).astype(np.int8) if value.dtype == np.uint8 else value
            for name, value in values.items()
        }
        return values | {"output": self._interpreter.get_tensor(outputs["index"])}
