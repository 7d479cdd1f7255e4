"""`hwgen predict`: the golden model alone, from an array or a picture to numbers and labels."""

from __future__ import annotations

import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwgen.errors import ModelError
from hwgen.flow.agreement import Agreement, agreement

if TYPE_CHECKING:
    from hwgen.compiler.int8.graph import QGraph
    from hwgen.flow.request import Request

TOP = 5


@dataclass(frozen=True)
class Guess:
    """One of the greatest elements of the output.

    Attributes:
        index: of the class.
        label: its name; empty without a file of labels.
        score: real value of the output's element.
    """

    index: int
    label: str
    score: float


@dataclass(frozen=True)
class Prediction:
    """Result of one frame.

    Attributes:
        name: of the network with its options.
        weights: where they are from.
        type, shape: of the output.
        top: the greatest elements, the first of equal ones first.
        notes: what the importer found odd but harmless.
        agreement: with the float model; None for a network that is not made of a float .onnx file.
    """

    name: str
    weights: str
    type: str
    shape: tuple[int, ...]
    top: tuple[Guess, ...]
    notes: tuple[str, ...]
    agreement: Agreement | None

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON types."""
        return asdict(self)

    def text(self) -> str:
        """For people."""
        lines = [f"note: {note}" for note in self.notes]
        lines += [f"{self.name}: output {self.type} {'x'.join(map(str, self.shape))}, weights: {self.weights}"]
        return "\n".join([*lines, *self.top_lines(), *self.agreement_lines()])

    def agreement_lines(self) -> list[str]:
        """A line, if there is a float model to compare with."""
        return [] if self.agreement is None else [self.agreement.text()]

    def top_lines(self) -> list[str]:
        """A line for each of the greatest elements."""
        return [f"  {guess.score:10.6f}  {guess.index:5d}  {guess.label}".rstrip() for guess in self.top]


def predict(request: Request, source: Path, output: Path | None = None, labels: Path | None = None) -> Prediction:
    """Run the golden model on a .npy array or a picture; writes the output to `output`, if given.

    Raises:
        HwgenError: the network, the input or the labels are wrong.
    """
    from hwgen.compiler.frontend.load import load_network
    from hwgen.sim.golden import predict as run

    graph = load_network(request.network, **request.options)  # type: ignore[arg-type]
    value = read_input(graph, source)
    names = None if labels is None else read_labels(labels, graph)
    result = run(graph, value)
    if output is not None:
        write_array(output, result)
    return prediction(request, graph, value, result, names)


def prediction(
    request: Request, graph: QGraph, value: np.ndarray, result: np.ndarray, names: list[str] | None
) -> Prediction:
    """What a model's own output says for its own input `value`; `names` of the classes, or None."""
    return Prediction(
        name=request.name,
        weights=graph.provenance,
        type=str(result.dtype),
        shape=tuple(result.shape),
        top=best(graph, result, names),
        notes=graph.notes,
        agreement=agreement(request, value, result),
    )


def read_input(graph: QGraph, path: Path) -> np.ndarray:
    """A model's input from a .npy file, of the model's own type and shape, or from a picture.

    A network of the zoo and a float model normalise pictures as they were calibrated. For a quantised model's file the whole
    picture is scaled to the input's size, and brightness 0 .. 255 spans the range of the input's int8 values.

    Raises:
        ModelError: the file cannot be read, or does not suit the model.
    """
    from hwgen.compiler.frontend.images import quantised_image, read_array, scaled_image

    if path.suffix.lower() == ".npy":
        return read_array(path)

    tensor, kind = graph.tensors[graph.input], graph.host.input_type
    if not graph.imported:
        return own_picture(path, graph) if graph.host.input_shape else quantised_image(path, tensor)
    if tensor.channels not in (1, 3):
        raise ModelError(
            f"{path}: the model's input has {tensor.channels} channels and is no picture; give a .npy file"
        )
    pixels = scaled_image(path, tensor.height, tensor.width, tensor.channels).reshape(tensor.shape)
    if kind == "uint8":
        return pixels
    q = pixels.astype(np.int16) - 128
    if kind == "int8":
        return q.astype(np.int8)
    return (np.float32(tensor.scale) * (q - tensor.zero_point).astype(np.float32)).astype(np.float32)


def own_picture(path: Path, graph: QGraph) -> np.ndarray:
    """A picture, normalised as for calibration, in the type and shape of an ONNX model's own input."""
    from hwgen.compiler.frontend.images import fitted_image, normalise, quantise_pixels

    tensor, host = graph.tensors[graph.input], graph.host
    pixels = fitted_image(path, tensor.shape)
    if host.input_type == "float32":
        values = normalise(pixels).astype(np.float32)
    else:
        q = quantise_pixels(pixels, tensor)
        values = (q.astype(np.int16) + 128).astype(np.uint8) if host.input_type == "uint8" else q
    planes = values.transpose(2, 0, 1) if host.input_channels_first else values
    return np.ascontiguousarray(planes).reshape(host.input_shape)


def read_labels(path: Path, graph: QGraph) -> list[str]:
    """Names of the classes, one a line; ModelError unless there is one for each channel of the result."""
    try:
        names = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file of labels") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: not a text file of labels ({error})") from None
    classes = graph.result.channels
    if len(names) != classes or graph.result.size != classes:
        raise ModelError(
            f"{path}: {len(names)} labels; {graph.name} has {graph.result.shape} outputs, needed: one a class"
        )
    return [name.strip() for name in names]


def best(graph: QGraph, result: np.ndarray, names: list[str] | None) -> tuple[Guess, ...]:
    """The greatest elements of a result that is one vector; none of any other."""
    tensor = graph.result
    if tensor.size != tensor.channels:
        return ()
    values = result.ravel().astype(np.float64)
    if result.dtype != np.float32:
        values = tensor.scale * (values - tensor.zero_point - (128 if result.dtype == np.uint8 else 0))
    order = np.argsort(-values, kind="stable")[:TOP]
    return tuple(Guess(int(i), names[i] if names else "", float(values[i])) for i in order)


def write_array(path: Path, array: np.ndarray) -> None:
    """Write a .npy file so that it is either whole or as it was."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".partial-", delete=False) as file:
        np.save(file, array)
    os.replace(file.name, path)
