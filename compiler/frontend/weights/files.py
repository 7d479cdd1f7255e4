"""Weights from `.npz` and `.safetensors` files with torchvision's names.

Only headers are read until a tensor's shape is known to be right, and nothing is unpickled: a hostile file costs an
error line.
"""

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from tokenize import TokenError

import numpy as np
from safetensors import SafetensorError, safe_open

from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.graph.ops import Shape
from hwgen.compiler.graph.parameters import Weights, required
from hwgen.errors import ModelError, one_line
from hwgen.files import refuse_special

IGNORED = "num_batches_tracked"  # torch counts training batches there
FLOATS = {"f2": np.float16, "f4": np.float32, "f8": np.float64}

LISTED = 20  # names in an error line; the rest are counted
# What zipfile, NumPy and safetensors raise on damaged, encrypted or otherwise unusable files.
UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    SyntaxError,
    EOFError,
    RuntimeError,
    TokenError,
    zlib.error,
    zipfile.BadZipFile,
    SafetensorError,
)

Reader = Callable[[], np.ndarray]
Contents = dict[str, tuple[Shape, str, Reader]]  # shape, element type and reader of each tensor


def load(graph: Graph, path: str | Path) -> Weights:
    """The weights of `graph` from a file; one ModelError lists all missing, extra, misshaped or unusable tensors."""
    path = Path(path)
    check_file(path)
    readers = {".npz": _open_npz, ".safetensors": _open_safetensors}
    try:
        return _load(graph, path, readers[path.suffix](path))
    except UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(f"{path}: not a readable {path.suffix} file ({reason})") from None


def check_file(path: Path) -> None:
    """ModelError unless there is a file of a kind that is read."""
    if path.suffix not in (".npz", ".safetensors"):
        raise ModelError(f"{path}: weights must be a .npz or .safetensors file with torchvision's names")
    refuse_special(path)
    if not path.is_file():
        raise ModelError(f"{path}: no such weights file")


def _load(graph: Graph, path: Path, contents: Contents) -> Weights:
    contents = {name: entry for name, entry in contents.items() if not name.endswith(IGNORED)}
    needed = required(graph)
    problems = []
    if missing := sorted(set(needed) - set(contents)):
        problems.append(f"missing {one_line(missing, limit=LISTED, separator=', ')}")
    if extra := sorted(set(contents) - set(needed)):
        problems.append(f"extra {one_line(extra, limit=LISTED, separator=', ')}")
    arrays: dict[str, np.ndarray] = {}
    for name in sorted(set(needed) & set(contents)):
        shape, kind, read = contents[name]
        if shape != needed[name]:
            problems.append(f"{name} has shape {shape}, not {needed[name]}")
        elif kind not in FLOATS:
            problems.append(f"{name} holds {kind} elements, not 16, 32 or 64 bit floats")
        else:
            with np.errstate(over="ignore"):
                arrays[name] = read().astype(np.float32)
            if not np.isfinite(arrays[name]).all():
                problems.append(f"{name} holds NaN or infinite values")
            elif name.endswith("running_var") and arrays[name].min() < 0:
                problems.append(f"{name} holds negative variances")
    if problems:
        raise ModelError(f"{path}: these are not the weights of {graph.name}: {one_line(problems, limit=LISTED)}")
    return Weights(arrays, f"file {path.name}")


def _open_npz(path: Path) -> Contents:
    contents: Contents = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.namelist():
            with archive.open(entry) as stream:
                version = np.lib.format.read_magic(stream)
                header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
                shape, _, dtype = header[version](stream)
            contents[entry.removesuffix(".npy")] = (shape, dtype.str[1:], _npz_reader(path, entry))
    return contents


def _npz_reader(path: Path, entry: str) -> Reader:
    def read() -> np.ndarray:
        with zipfile.ZipFile(path) as archive, archive.open(entry) as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)

    return read


def _open_safetensors(path: Path) -> Contents:
    contents: Contents = {}
    with safe_open(path, framework="numpy") as file:
        for name in sorted(file.keys()):
            part = file.get_slice(name)
            kind = str(part.get_dtype()).lower()
            contents[name] = (tuple(part.get_shape()), _kind(kind), _safetensors_reader(path, name))
    return contents


def _kind(kind: str) -> str:
    """safetensors' F16, F32, F64 as NumPy's f2, f4, f8; others unchanged."""
    return {"f16": "f2", "f32": "f4", "f64": "f8"}.get(kind, kind)


def _safetensors_reader(path: Path, name: str) -> Reader:
    def read() -> np.ndarray:
        with safe_open(path, framework="numpy") as file:
            return file.get_tensor(name)

    return read
