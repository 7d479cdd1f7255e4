"""What goes into a network and what its classes are called, from files; its output into one."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwgen.errors import ModelError, ToolError
from hwgen.files import write_file

if TYPE_CHECKING:
    from hwgen.compiler.int8.graph import QGraph

Input = np.ndarray | str | os.PathLike[str]
"""An array of the model's own type and shape, or a file: such an array (.npy) or a picture."""


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
    names = label_names(path)
    classes = graph.result.channels
    if len(names) != classes or graph.result.size != classes:
        raise ModelError(
            f"{path}: {len(names)} labels; {graph.name} has {graph.result.shape} outputs, needed: one a class"
        )
    return names


def label_names(path: Path) -> list[str]:
    """The lines of a file of labels; ModelError if it is none."""
    try:
        names = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file of labels") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: not a text file of labels ({error})") from None
    return [name.strip() for name in names]


def check_count(given: int, most: int) -> None:
    """ToolError if more inputs are given than the batch has frames."""
    if given > most:
        where = f"a batch of {most} frames" if most > 1 else "one frame at a time; a batch (throughput) takes several"
        raise ToolError(f"{given} inputs are given for {where}")


def input_array(graph: QGraph, source: Input) -> np.ndarray:
    """A model's own input from an array as it is, or from a file by `read_input`."""
    return source if isinstance(source, np.ndarray) else read_input(graph, Path(source))


def write_array(path: Path, array: np.ndarray) -> None:
    """Write a .npy file as `write_file` does."""
    content = io.BytesIO()
    np.save(content, array)
    write_file(path, content.getvalue())
