"""The golden model against an installed TensorFlow Lite interpreter's reference kernels, tensor by tensor."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwgen.errors import ToolError
from hwgen.flow.inputs import Input, input_array
from hwgen.reports.verification import REMEDY, Verification

if TYPE_CHECKING:
    from hwgen.compiler.int8.graph import QGraph

INTERPRETERS = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow.lite.python.interpreter")
RANDOM_FRAMES = 3


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
    mismatches, tensors, first = 0, 0, None
    for frame in frames:
        ours = golden_tensors(graph, frame)
        theirs = reference.run(graph, frame)
        tensors = len(ours)
        for name, value in ours.items():
            wrong = int(np.count_nonzero(value.ravel() != theirs[name].ravel()))
            mismatches += wrong
            if wrong and first is None:
                node = graph.producer(name)
                writer = f" (by {node.name})" if node else ""
                first = f"{name}{writer}: {wrong} of {value.size} elements"
    return Verification(path.name, len(frames), tensors, mismatches, first, reference.label, graph.notes)


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


def golden_tensors(graph: QGraph, frame: np.ndarray) -> dict[str, np.ndarray]:
    """Every tensor that the file has too, in the order of execution, and the result under the name "output"."""
    from hwgen.sim.golden import decode, encode, run, run_host

    values = run(graph, encode(graph, frame))
    values |= run_host(graph, values[graph.output])
    shared = {name: value for name, value in values.items() if name in graph.origins}
    return shared | {"output": decode(graph, values[graph.result.name])}


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
