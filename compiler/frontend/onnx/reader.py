"""From a file's bytes to a checked ONNX model whose own functions are inlined and whose weights are in it."""

from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto, checker, external_data_helper, inliner

from hwgen.compiler.frontend.onnx.functions import check_nodes
from hwgen.errors import ModelError, one_line
from hwgen.files import refuse_special

LARGEST_FILE = (1 << 31) - 1  # of a protocol buffer
LEAST_OPSET = 6
DOMAINS = ("", "ai.onnx")
QUANTISED_DOMAIN = "com.microsoft"  # QLinearAdd and its relatives


def read(path: str | Path) -> ModelProto:
    """The model of a file, with the data that it keeps in files beside it.

    Raises:
        ModelError: it cannot be read, is no ONNX model, is damaged, or lacks a file of weights.
    """
    path = Path(path)
    refuse_special(path)
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise ModelError(f"{path}: {size:,} bytes; an ONNX file has at most {LARGEST_FILE:,}")
        data = path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from None
    return decode(data, path.name, path.parent)


def decode(data: bytes, name: str, folder: Path | None = None) -> ModelProto:
    """As `read`, from the file's content; `folder` is where its external data is searched."""
    model = ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, ValueError, RecursionError, MemoryError):
        raise ModelError(f"{name}: not an ONNX model, or a damaged one (its protocol buffer does not decode)") from None
    if not model.HasField("graph") or not model.graph.node:
        raise ModelError(f"{name}: not an ONNX model, or a damaged one (it has no nodes)")
    _check_texts(model, name)
    _check_versions(model, name)
    check_nodes(model, name)
    _load_external(model, name, folder)
    try:
        if model.functions:
            model = inliner.inline_local_functions(model)
        checker.check_model(model, skip_opset_compatibility_check=True)
    except (checker.ValidationError, RuntimeError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ModelError(f"{name}: an invalid ONNX model: {first_line(error)}") from None
    return model


def opset_of(model: ModelProto) -> int:
    """The version of the standard operators that a model uses."""
    return next((entry.version for entry in model.opset_import if entry.domain in DOMAINS), 0)


def first_line(error: Exception) -> str:
    """What a library's error says, without the context that follows."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]


def _check_versions(model: ModelProto, name: str) -> None:
    newest = onnx.defs.onnx_opset_version()
    version = opset_of(model)
    if not LEAST_OPSET <= version <= newest:
        raise ModelError(
            f"{name}: operator set {version}; supported are {LEAST_OPSET} to {newest} (the installed onnx {onnx.__version__}); "
            "export it again with another opset_version"
        )


def _check_texts(model: ModelProto, name: str) -> None:
    """ModelError if a name is no text: the protocol buffer hands such fields on as bytes."""
    graph = model.graph
    texts: list[object] = [graph.name, *(entry.domain for entry in model.opset_import)]
    for node in (*graph.node, *(node for function in model.functions for node in function.node)):
        texts += [node.name, node.op_type, node.domain, *node.input, *node.output]
        texts += [attribute.name for attribute in node.attribute]
    texts += [value.name for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer)]
    texts += [dim.dim_param for value in (*graph.input, *graph.output) for dim in value.type.tensor_type.shape.dim]
    texts += [
        text for tensor in graph.initializer for entry in tensor.external_data for text in (entry.key, entry.value)
    ]
    if not all(isinstance(text, str) for text in texts):
        raise ModelError(f"{name}: a name in it is no text; the file is damaged")


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    yield from model.graph.initializer
    for nodes in (model.graph.node, *(function.node for function in model.functions)):
        for node in nodes:
            yield from (attribute.t for attribute in node.attribute if attribute.HasField("t"))


def _load_external(model: ModelProto, name: str, folder: Path | None) -> None:
    """Bring the external tensors in; all that is missing in one error."""
    external = [tensor for tensor in _tensors(model) if tensor.data_location == TensorProto.EXTERNAL]
    if not external:
        return
    if folder is None:
        raise ModelError(f"{name}: {len(external)} tensors are in files beside the model, which was given alone")
    problems: list[str] = []
    for tensor in external:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        problems += [] if (text := _external_problem(entries, folder)) is None else [text]
    if problems:
        raise ModelError(f"{name}: missing external data: {one_line(list(dict.fromkeys(problems)))}")
    try:
        for tensor in external:
            external_data_helper.load_external_data_for_tensor(tensor, str(folder))
            tensor.data_location = TensorProto.DEFAULT
            del tensor.external_data[:]
    except (OSError, ValueError, RuntimeError, checker.ValidationError) as error:
        raise ModelError(f"{name}: its external data cannot be read: {first_line(error)}") from None


def _external_problem(entries: dict[str, str], folder: Path) -> str | None:
    location = entries.get("location", "")
    file = folder / location
    if not location or Path(location).is_absolute() or ".." in Path(location).parts:
        return f"{location!r} is no file beside the model"
    if not file.is_file():
        return f"{location} is not in {folder}; it belongs beside the model"
    try:
        offset, length = int(entries.get("offset", "0")), int(entries.get("length", "0"))
    except ValueError:
        return f"a place in {location} is no number"
    size = file.stat().st_size
    if offset < 0 or length < 0 or offset + length > size:
        return f"{location} has {size:,} bytes, {offset + length:,} are needed; it is not the file that was exported"
    return None
